package journal

import (
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/dispatch"
	"github.com/usher-boot/usher/internal/redact"
)

// Entry is one decision as operators see it. Strings of the request are as
// the machine sent them, cut, and may hold anything.
type Entry struct {
	Seq        uint64    `json:"seq"` // grows, also over restarts
	Time       time.Time `json:"time"`
	RequestID  string    `json:"request_id,omitempty"`
	Remote     string    `json:"remote"`
	AskedMAC   string    `json:"asked_mac"`
	MAC        string    `json:"mac,omitempty"` // empty where AskedMAC is none
	File       string    `json:"file"`
	Node       string    `json:"node,omitempty"` // UUID
	Name       string    `json:"name,omitempty"`
	State      string    `json:"state,omitempty"` // provision state
	Owner      string    `json:"owner,omitempty"` // conductor that the hash ring names
	AnsweredBy string    `json:"answered_by,omitempty"`
	Outcome    string    `json:"outcome"`
	Cause      string    `json:"cause"`
	Error      string    `json:"error,omitempty"`

	Database time.Duration `json:"database_ns"`
	Ring     time.Duration `json:"ring_ns"`
	RPC      time.Duration `json:"rpc_ns"`
	Total    time.Duration `json:"total_ns"`
}

// Texts of a record, in the order in which they lie in it.
const (
	textRequestID = iota
	textRemote
	textAskedMAC
	textFile
	textNode
	textName
	textState
	textOwner
	textAnsweredBy
	textError
	texts
)

// Bounds of the texts, in bytes.
const (
	maxText  = 255
	maxError = 1000
)

// record is an entry as the ring keeps it: its texts are copied into a buffer
// that the next record of the same place uses again, so that a full ring takes
// entries in without allocating and keeps no request's memory alive.
type record struct {
	seq     uint64
	at      time.Time
	mac     usher.MAC
	outcome dispatch.Outcome // constants, both
	cause   dispatch.Cause
	steps   dispatch.Steps
	text    []byte
	ends    [texts]uint16
}

func (r *record) set(seq uint64, d *dispatch.Decision, err string) {
	r.seq, r.at, r.mac, r.steps = seq, d.Time, d.MAC, d.Steps
	r.outcome, r.cause = d.Outcome, d.Cause
	var room [512]byte // so that the buffer grows at once to what it holds, and no further
	text := room[:0]
	for i, s := range [texts]string{d.RequestID, d.Remote, d.AskedMAC, d.File, d.Node.UUID, d.Node.Name,
		string(d.Node.ProvisionState), d.Owner, d.AnsweredBy, err} {
		limit := maxText
		if i == textError {
			limit = maxError
			if len(s) > limit {
				s = redact.Text(s) // while the end of a URL's password still shows
			}
		}
		if len(s) > limit {
			s = s[:limit]
		}
		text = append(text, s...)
		r.ends[i] = uint16(len(text))
	}
	r.text = append(r.text[:0], text...)
}

// get is one text, valid while the record's lock is held.
func (r *record) get(i int) []byte {
	var start uint16
	if i > 0 {
		start = r.ends[i-1]
	}
	return r.text[start:r.ends[i]]
}

func (r *record) entry() Entry {
	whole := string(r.text)
	get := func(i int) string {
		var start uint16
		if i > 0 {
			start = r.ends[i-1]
		}
		return whole[start:r.ends[i]]
	}
	e := Entry{
		Seq: r.seq, Time: r.at.UTC(), RequestID: get(textRequestID), Remote: get(textRemote),
		AskedMAC: get(textAskedMAC), File: get(textFile), Node: get(textNode), Name: get(textName),
		State: get(textState), Owner: get(textOwner), AnsweredBy: get(textAnsweredBy),
		Outcome: string(r.outcome), Cause: string(r.cause), Error: redact.Text(get(textError)),
		Database: r.steps.Database, Ring: r.steps.Ring, RPC: r.steps.RPC, Total: r.steps.Total,
	}
	if r.mac != (usher.MAC{}) {
		e.MAC = r.mac.String()
	}
	return e
}

// ring holds the last size records, in parts that are made when first needed.
type ring struct {
	size  int
	next  uint64 // number of the next record
	count int
	parts [][]record
}

const ringPart = 256

func (r *ring) add(d *dispatch.Decision, err string) (seq uint64) {
	seq = r.next
	place := int(seq % uint64(r.size))
	if r.parts == nil {
		r.parts = make([][]record, (r.size+ringPart-1)/ringPart)
	}
	part := &r.parts[place/ringPart]
	if *part == nil {
		*part = make([]record, min(ringPart, r.size-place/ringPart*ringPart))
	}
	(*part)[place%ringPart].set(seq, d, err)
	r.next++
	r.count = min(r.count+1, r.size)
	return seq
}

// span is the numbers that are held: first to next-1.
func (r *ring) span() (first, next uint64) { return r.next - uint64(r.count), r.next }

// at is the record of a number within span.
func (r *ring) at(seq uint64) *record {
	place := int(seq % uint64(r.size))
	return &r.parts[place/ringPart][place%ringPart]
}
