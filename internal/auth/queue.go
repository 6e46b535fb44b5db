package auth

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"sync"

	"github.com/usher-boot/usher"
)

// queue shares out by source the work of proving passwords: each proof takes a
// processor for tens of milliseconds, by intent, and anybody can ask for one.
//
// Sources take turns, so that a flood from one delays another by one proof. A
// source that has proved a password before comes first, and a part of the slots
// is always left to such sources. What would wait too long is refused at once.
type queue struct {
	slots     int // how many proofs run at once
	forNovice int // how many of them for sources that have proved nothing yet

	mu      sync.Mutex
	running int
	novices int // of those that run
	waiting map[netip.Addr][]*turn
	order   []netip.Addr // of sources that wait, the next one first
	good    map[netip.Addr]struct{}
}

// turn is one proof that waits.
type turn struct {
	begin  chan struct{} // closed when it may run
	novice bool          // how it counts while it runs
}

const (
	// perSource bounds the proofs of one source that wait.
	perSource = 4
	// maxSources bounds the sources that wait, but for good ones. A proof of
	// bcrypt's default cost takes some 60 ms: the last waits for 2 s.
	maxSources = 32
	// maxGood bounds the memory of good sources.
	maxGood = 4096
)

// errBusy refuses a proof that would wait too long.
var errBusy = errors.New("too many passwords are being checked, ask again later")

func newQueue(processors int) *queue {
	return &queue{slots: processors, forNovice: max(1, processors/2),
		waiting: map[netip.Addr][]*turn{}, good: map[netip.Addr]struct{}{}}
}

// enter waits for a source's turn. leave must be called after the proof with
// its outcome. The error is errBusy or the context's.
func (q *queue) enter(ctx context.Context, source netip.Addr) (leave func(proved bool), err error) {
	q.mu.Lock()
	_, good := q.good[source]
	mine := q.waiting[source]
	if len(mine) >= perSource || len(mine) == 0 && !good && len(q.order) >= maxSources {
		q.mu.Unlock()
		return nil, errBusy
	}
	t := &turn{begin: make(chan struct{})}
	if len(mine) == 0 {
		q.order = append(q.order, source)
	}
	q.waiting[source] = append(mine, t)
	q.grant()
	q.mu.Unlock()

	leave = func(proved bool) { q.leave(source, t, proved) }
	select {
	case <-t.begin:
		return leave, nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	left := q.forget(source, t)
	q.mu.Unlock()
	if !left { // its turn came at the same moment
		leave(false)
	}
	return nil, ctx.Err()
}

func (q *queue) leave(source netip.Addr, t *turn, proved bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running--
	if t.novice {
		q.novices--
	}
	if proved {
		if len(q.good) >= maxGood {
			clear(q.good)
		}
		q.good[source] = struct{}{}
	}
	q.grant()
}

// grant lets begin whoever may. The caller holds mu.
func (q *queue) grant() {
	for q.running < q.slots {
		i := slices.IndexFunc(q.order, func(a netip.Addr) bool { _, good := q.good[a]; return good })
		novice := i < 0
		if novice {
			if len(q.order) == 0 || q.novices >= q.forNovice {
				return
			}
			i = 0
		}
		source := q.order[i]
		t := q.waiting[source][0]
		q.order = append(slices.Delete(q.order, i, i+1), source) // the others first
		q.forget(source, t)
		q.running++
		if t.novice = novice; novice {
			q.novices++
		}
		close(t.begin)
	}
}

// forget takes a turn from those that wait, and says whether it was there. The
// caller holds mu.
func (q *queue) forget(source netip.Addr, t *turn) bool {
	turns := q.waiting[source]
	i := slices.Index(turns, t)
	if i < 0 {
		return false
	}
	if turns = slices.Delete(turns, i, i+1); len(turns) > 0 {
		q.waiting[source] = turns
		return true
	}
	delete(q.waiting, source)
	i = slices.Index(q.order, source)
	q.order = slices.Delete(q.order, i, i+1)
	return true
}

// sourceOf is whom a request counts for.
func sourceOf(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{} // a Unix socket, say: one source for all
	}
	return usher.Source(at.Addr())
}
