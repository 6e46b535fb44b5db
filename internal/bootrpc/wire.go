package bootrpc

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/usher-boot/usher"
)

// What Usher's own processes say to each other about many boot files, by an
// upgrade at Path on the RPC door. JSON took longer than all the rest. Numbers
// are varints, texts a length and their bytes.
//
//	question: for each file its name, and of the node's row uuid, boot_interface,
//	          provision_state, provision_updated_at in microseconds since 1970
//	          (the least number there is for none) and conductor_affinity
//	answer:   for each file, in the same order, 1 + its length and the boot file;
//	          0 where the conductor wants to be asked for it alone
const (
	Path     = "/usher/boot-configs"
	Protocol = "usher-boot-configs/1"
)

// question is one boot file that is asked for.
type question struct {
	name string
	node usher.BootNode
}

var errWire = errors.New("not in the form of " + Protocol)

func appendQuestion(b []byte, q question) []byte {
	for _, text := range []string{q.name, q.node.UUID, q.node.BootInterface, string(q.node.ProvisionState)} {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	updated := int64(math.MinInt64)
	if t := q.node.ProvisionUpdatedAt; !t.IsZero() {
		updated = t.UnixMicro()
	}
	b = binary.AppendVarint(b, updated)
	return binary.AppendVarint(b, q.node.ConductorAffinity)
}

// readQuestion reads one question and returns what follows it.
func readQuestion(b []byte) (q question, rest []byte, err error) {
	r := reader{rest: b}
	q.name = r.text()
	q.node.UUID = r.text()
	q.node.BootInterface = r.text()
	q.node.ProvisionState = usher.State(r.text())
	if updated := r.varint(); updated != math.MinInt64 {
		q.node.ProvisionUpdatedAt = time.UnixMicro(updated).UTC()
	}
	q.node.ConductorAffinity = r.varint()
	if r.bad {
		return question{}, nil, errWire
	}
	return q, r.rest, nil
}

func appendAnswer(b []byte, config string, ok bool) []byte {
	if !ok {
		return binary.AppendUvarint(b, 0)
	}
	b = binary.AppendUvarint(b, uint64(len(config))+1)
	return append(b, config...)
}

// readAnswers reads n answers. ok is false for a file to be asked for alone.
func readAnswers(b []byte, n int, each func(i int, config string, ok bool)) error {
	r := reader{rest: b}
	for i := range n {
		size := r.uvarint()
		if size == 0 {
			if r.bad {
				return errWire
			}
			each(i, "", false)
			continue
		}
		config := r.take(size - 1)
		if r.bad {
			return errWire
		}
		each(i, config, true)
	}
	if len(r.rest) > 0 {
		return errWire
	}
	return nil
}

// reader takes values off the front of rest; bad once there was none.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	return advance(r, v, n)
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.rest)
	return advance(r, v, n)
}

func advance[T any](r *reader, v T, n int) T {
	var none T
	if n <= 0 || r.bad {
		r.bad, r.rest = true, nil
		return none
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) text() string { return r.take(r.uvarint()) }

func (r *reader) take(n uint64) string {
	if n > uint64(len(r.rest)) || r.bad {
		r.bad, r.rest = true, nil
		return ""
	}
	text := string(r.rest[:n])
	r.rest = r.rest[n:]
	return text
}
