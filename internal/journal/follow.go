package journal

import "context"

// Follower reads entries as they come. The ring is its buffer: a reader that
// is slower than the ring turns misses entries, and is told how many.
type Follower struct {
	journal *Journal
	matcher matcher
	next    uint64
	ready   chan struct{}
}

// Follow returns a reader of the entries after f.After, until ctx ends. With
// f.After 0 it begins with the last f.Limit entries that match, or none where
// f.Limit is 0.
func (j *Journal) Follow(ctx context.Context, f Filter) *Follower {
	r := &Follower{journal: j, matcher: f.matcher(), ready: make(chan struct{}, 1)}
	if j == nil {
		return r
	}
	j.mu.Lock()
	_, r.next = j.ring.span()
	j.followers[r] = struct{}{}
	j.mu.Unlock()
	context.AfterFunc(ctx, func() {
		j.mu.Lock()
		delete(j.followers, r)
		j.mu.Unlock()
	})
	switch {
	case f.After > 0:
		r.next = min(r.next, f.After+1)
	case f.Limit > 0:
		if found := j.Entries(f); len(found) > 0 {
			r.next = min(r.next, found[0].Seq)
		}
	}
	r.wake() // there may be something already
	return r
}

func (r *Follower) wake() {
	select {
	case r.ready <- struct{}{}:
	default: // it has not looked since the last time
	}
}

// Ready has a value when Read may find something.
func (r *Follower) Ready() <-chan struct{} { return r.ready }

// Read returns at most limit new entries that match, oldest first, and how
// many entries, matching or not, were overwritten before they could be read.
// Where it returns limit entries there may be more. It does not block.
func (r *Follower) Read(limit int) (entries []Entry, missed uint64) {
	j := r.journal
	if j == nil {
		return nil, 0
	}
	for {
		j.mu.Lock()
		first, next := j.ring.span()
		if r.next > next { // After was of another process, whose clock was ahead
			r.next = first
		}
		// Of what came before the journal began nothing was missed here.
		if r.next < first && j.ring.count == j.ring.size {
			lost := min(first-r.next, j.added()-uint64(j.ring.size))
			missed += lost
			j.dropped += lost
		}
		r.next = max(r.next, first)
		stop := min(next, r.next+searchStep)
		for ; r.next < stop && len(entries) < limit; r.next++ {
			if record := j.ring.at(r.next); r.matcher.matches(record) {
				entries = append(entries, record.entry())
			}
		}
		done := r.next == next || len(entries) == limit
		j.mu.Unlock()
		if done {
			return entries, missed
		}
	}
}

// added is how many entries there have been.
func (j *Journal) added() uint64 { return j.ring.next - uint64(j.started.UnixMicro()) }
