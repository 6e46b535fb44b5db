// Package journal remembers what machines asked and were told, for operators:
// the last decisions, MAC addresses of no node, each node's last request, the
// last failed call of each conductor, and counts of the last hour. All of it is
// in this process's memory, bounded, and gone with it: the log is the record.
//
// A nil *Journal is one that is turned off: it takes everything and holds
// nothing.
package journal

import (
	"sync"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/dispatch"
)

// Bounds of what is kept beside the ring of decisions.
const (
	maxStrangers  = 1000
	maxNodes      = 20000
	maxConductors = 1000
)

// Journal is safe for concurrent use.
type Journal struct {
	started time.Time

	mu        sync.Mutex
	ring      ring
	strangers *table[usher.MAC, *stranger]
	nodes     *table[string, *last]
	series    series
	followers map[*Follower]struct{}
	dropped   uint64
	// nodesSince is the last request of the node that was forgotten last.
	nodesSince time.Time

	calls calls
}

// New returns a journal of the last size decisions; 0 turns it off.
func New(size int) *Journal {
	if size <= 0 {
		return nil
	}
	now := time.Now()
	return &Journal{
		started: now,
		// Numbers go on upwards over a restart, so that who follows can tell
		// what it has seen; and JavaScript can hold them.
		ring:      ring{size: size, next: uint64(now.UnixMicro())},
		strangers: newTable[usher.MAC, *stranger](maxStrangers),
		nodes:     newTable[string, *last](maxNodes),
		followers: map[*Follower]struct{}{},
		calls:     calls{hosts: newTable[string, Call](maxConductors)},
	}
}

// Started is when the journal began: of what was before it knows nothing.
func (j *Journal) Started() time.Time {
	if j == nil {
		return time.Time{}
	}
	return j.started
}

// Add takes a decision in. It keeps nothing of d, and blocks for no reader.
func (j *Journal) Add(d *dispatch.Decision) {
	if j == nil {
		return
	}
	// Some errors make their text each time: not under the lock.
	var text string
	if d.Err != nil {
		text = d.Err.Error()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	seq := j.ring.add(d, text)
	j.series.add(d)
	switch {
	case d.Node.UUID != "":
		j.asked(d, seq)
	case d.Cause == dispatch.CauseUnknownMAC:
		j.knocked(d)
	}
	for f := range j.followers {
		f.wake()
	}
}

// Entries returns the last f.Limit entries that match, oldest first.
func (j *Journal) Entries(f Filter) []Entry {
	if j == nil {
		return nil
	}
	m := f.matcher()
	from := f.After + 1
	if from == 0 {
		return nil
	}
	var found []Entry
	// Backwards, and in parts, so that no request waits for a long search.
	for before := ^uint64(0); before > 0; {
		j.mu.Lock()
		first, next := j.ring.span()
		before = min(before, next)
		stop := max(first, from, before-min(before, searchStep))
		for ; before > stop; before-- {
			if r := j.ring.at(before - 1); m.matches(r) {
				found = append(found, r.entry())
				if len(found) == f.Limit {
					break
				}
			}
		}
		j.mu.Unlock()
		if before <= max(first, from) || len(found) == f.Limit && f.Limit > 0 {
			break
		}
	}
	for i, k := 0, len(found)-1; i < k; i, k = i+1, k-1 {
		found[i], found[k] = found[k], found[i]
	}
	return found
}

// searchStep is how many entries are looked at under one lock.
const searchStep = 512

// Dropped counts the entries that followers missed because they were
// overwritten before they were read.
func (j *Journal) Dropped() uint64 {
	if j == nil {
		return 0
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.dropped
}
