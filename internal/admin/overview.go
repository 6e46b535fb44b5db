package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/dispatch"
	"github.com/usher-boot/usher/internal/journal"
)

// Overview is what is going on, as one JSON object; the page shows the same.
type Overview struct {
	Time         time.Time `json:"time"`
	Version      string    `json:"version"`
	Role         string    `json:"role"`
	Host         string    `json:"host"`
	BesideIronic bool      `json:"beside_ironic"`
	// Answers says that this process answers machines: the others have no
	// requests to show.
	Answers  bool      `json:"answers"`
	NotReady string    `json:"not_ready,omitempty"` // why, or empty
	LookedAt time.Time `json:"looked_at"`           // at the database

	Journal    JournalState       `json:"journal"`
	Conductors []ConductorState   `json:"conductors"`
	Waiting    WaitingState       `json:"waiting"`
	Unknown    int                `json:"unknown"` // MAC addresses; see /v1/unknown
	Series     []journal.Interval `json:"series"`
	// ConductorsError is why Conductors could not be read.
	ConductorsError string `json:"conductors_error,omitempty"`
}

// JournalState tells how far back the rest of this reaches.
type JournalState struct {
	On      bool      `json:"on"`
	Started time.Time `json:"started,omitzero"`
	Dropped uint64    `json:"dropped"` // entries that slow readers missed
}

// ConductorState is one conductor as this process sees it.
type ConductorState struct {
	Host          string        `json:"host"`
	Group         string        `json:"group"`
	HardwareTypes []string      `json:"hardware_types"`
	Online        bool          `json:"online"` // it did not stop in good order
	Active        bool          `json:"active"` // online, and heard of in time
	Heartbeat     time.Time     `json:"heartbeat,omitzero"`
	HeartbeatAge  time.Duration `json:"heartbeat_age_ns"`
	Shares        []Share       `json:"shares"`
	LastFailure   *Failure      `json:"last_failure,omitempty"` // of this process's calls
}

// Failure is a call that brought no answer about a node.
type Failure struct {
	Time  time.Time `json:"time"`
	Error string    `json:"error"`
	Count uint64    `json:"count"` // since the journal began
}

// WaitingState are the nodes that wait for a ramdisk.
type WaitingState struct {
	Total   int                 `json:"total"`
	ByState map[usher.State]int `json:"by_state"`
	Offset  int                 `json:"offset"`
	Nodes   []WaitingNode       `json:"nodes"`
	Error   string              `json:"error,omitempty"`
	// Watched is since when a request of any node is known here for certain.
	Watched time.Time `json:"watched,omitzero"`
}

// Whether a waiting node has asked, as far as this process can know.
const (
	AskedYes     = "yes"     // since it waits
	AskedBefore  = "before"  // but not since it waits
	AskedNever   = "never"   // since it waits
	AskedUnknown = "unknown" // not since Watched, which is after it began to wait
)

// WaitingNode is a node and its last boot request.
type WaitingNode struct {
	UUID  string       `json:"uuid"`
	Name  string       `json:"name,omitempty"`
	State usher.State  `json:"state"`
	Since time.Time    `json:"since,omitzero"`
	Group string       `json:"group"`
	Asked string       `json:"asked"`
	Last  *LastRequest `json:"last,omitempty"`
}

// LastRequest is what a node was told last.
type LastRequest struct {
	Time       time.Time        `json:"time"`
	MAC        string           `json:"mac"`
	File       string           `json:"file"`
	Outcome    dispatch.Outcome `json:"outcome"`
	Cause      dispatch.Cause   `json:"cause"`
	AnsweredBy string           `json:"answered_by,omitempty"`
	Count      uint64           `json:"count"` // of its requests since the journal began
}

// overview answers with an Overview; waiting=N leaves the first N waiting
// nodes out.
func (d *Door) overview(w http.ResponseWriter, r *http.Request) {
	offset, err := waitingOffset(r.URL.Query())
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(d.see(r.Context(), offset)) // a reader that is gone needs no answer
}

func waitingOffset(q url.Values) (int, error) {
	value := q.Get("waiting")
	if value == "" {
		return 0, nil
	}
	offset, err := strconv.Atoi(value)
	if err != nil || offset < 0 || offset%pageSize != 0 || offset > 1e9 {
		return 0, usher.Errorf(usher.ErrInvalid, "waiting is %q: want how many nodes to leave out, a multiple of %d", value, pageSize)
	}
	return offset, nil
}

// see gathers an Overview.
func (d *Door) see(ctx context.Context, offset int) *Overview {
	fleet, nodes := d.looks.look(ctx, offset)
	now := time.Now()
	p, j := d.o.Process, d.o.Journal
	v := &Overview{Time: now.UTC(), Version: p.Version, Role: p.Role, Host: p.Host, BesideIronic: p.BesideIronic, Answers: p.Answers,
		LookedAt: fleet.at.UTC(), Journal: JournalState{On: j != nil, Started: j.Started().UTC(), Dropped: j.Dropped()},
		Conductors: []ConductorState{}, Unknown: j.CountUnknown(), Series: j.Series(now)}
	v.NotReady = message(fleet.notReady)
	v.ConductorsError = message(fleet.conductorsErr)
	failures := j.Calls()
	for _, c := range fleet.conductors {
		s := ConductorState{Host: c.Hostname, Group: c.Group, HardwareTypes: c.HardwareTypes(), Online: c.Online, Active: c.Active,
			Heartbeat: c.UpdatedAt, HeartbeatAge: now.Sub(c.UpdatedAt), Shares: c.Shares}
		if f, ok := failures[c.Hostname]; ok {
			s.LastFailure = &Failure{f.Time.UTC(), f.Error, f.Count}
		}
		v.Conductors = append(v.Conductors, s)
	}
	v.Waiting = d.waiting(fleet, nodes, offset)
	return v
}

func (d *Door) waiting(fleet fleetLook, page nodesLook, offset int) WaitingState {
	v := WaitingState{ByState: fleet.counts, Offset: offset, Nodes: []WaitingNode{}}
	for _, n := range fleet.counts {
		v.Total += n
	}
	if v.Error = message(page.err); v.Error == "" {
		v.Error = message(fleet.countsErr)
	}
	uuids := make([]string, len(page.nodes))
	for i, n := range page.nodes {
		uuids[i] = n.UUID
	}
	requests, watched := d.o.Journal.LastOf(uuids)
	v.Watched = watched.UTC()
	for _, n := range page.nodes {
		w := WaitingNode{UUID: n.UUID, Name: n.Name, State: n.ProvisionState, Since: n.ProvisionUpdatedAt, Group: n.ConductorGroup}
		last, asked := requests[n.UUID]
		switch {
		case asked && last.Time.Before(n.ProvisionUpdatedAt):
			w.Asked = AskedBefore
		case asked:
			w.Asked = AskedYes
		case d.o.Journal != nil && d.o.Process.Answers && !n.ProvisionUpdatedAt.IsZero() && !n.ProvisionUpdatedAt.Before(watched):
			w.Asked = AskedNever
		default:
			w.Asked = AskedUnknown
		}
		if asked {
			w.Last = &LastRequest{last.Time.UTC(), last.MAC.String(), last.File, last.Outcome, last.Cause, last.AnsweredBy, last.Count}
		}
		v.Nodes = append(v.Nodes, w)
	}
	return v
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
