package journal

import (
	"strings"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/dispatch"
)

// Last is the last boot request of a node.
type Last struct {
	Seq     uint64
	Time    time.Time
	MAC     usher.MAC
	File    string
	Outcome dispatch.Outcome
	Cause   dispatch.Cause
	// AnsweredBy is the conductor that was asked last, empty where none was.
	AnsweredBy string
	// Count is how many requests there have been since the journal began.
	Count uint64
}

type last struct{ Last }

// asked notes a request of a known node.
func (j *Journal) asked(d *dispatch.Decision, seq uint64) {
	if j.strangers.len() > 0 {
		j.strangers.remove(d.MAC) // it has been enrolled
	}
	l, ok := j.nodes.get(d.Node.UUID)
	if !ok {
		l = &last{}
	}
	file := l.File
	if file != d.File {
		file = strings.Clone(d.File)
	}
	l.Last = Last{Seq: seq, Time: d.Time, MAC: d.MAC, File: file, Outcome: d.Outcome, Cause: d.Cause,
		AnsweredBy: d.AnsweredBy, Count: l.Count + 1}
	key := d.Node.UUID
	if !ok {
		key = strings.Clone(key)
	}
	if forgotten, full := j.nodes.put(key, l); full {
		j.nodesSince = forgotten.Time
	}
}

// LastOf returns the last request of each of some nodes, by UUID, leaving out
// those that have not asked, and the time since when that is known for
// certain: the journal's beginning, or later where it had to forget some.
func (j *Journal) LastOf(uuids []string) (requests map[string]Last, since time.Time) {
	requests = map[string]Last{}
	if j == nil {
		return requests, time.Time{}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, uuid := range uuids {
		if l, ok := j.nodes.get(uuid); ok {
			requests[uuid] = l.Last
		}
	}
	if j.nodesSince.After(j.started) {
		return requests, j.nodesSince
	}
	return requests, j.started
}
