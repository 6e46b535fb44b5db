package admin

import (
	"context"
	"sync"
	"time"

	"github.com/usher-boot/usher"
)

// looks are what the database said when it was last asked. Many may look at
// the page at once, and none may: it is asked only when somebody looks, and
// not again before the interval is over.
type looks struct {
	fleet    Fleet
	ready    Ready
	interval time.Duration

	mu    sync.Mutex
	fresh fleetLook
	pages map[int]nodesLook // waiting nodes by offset, of the same interval
}

// fleetLook is one look at everything but the list of nodes.
type fleetLook struct {
	at            time.Time
	conductors    []Conductor
	conductorsErr error
	counts        map[usher.State]int
	countsErr     error
	notReady      error
}

// nodesLook is one page of waiting nodes.
type nodesLook struct {
	nodes []usher.BootNode
	err   error
}

const (
	// lookTimeout bounds one look: a page with an error on it is better than
	// one that does not come.
	lookTimeout = 4 * time.Second
	// pageSize is how many waiting nodes are on one page.
	pageSize = 200
	// maxPages bounds the pages that one interval may ask for.
	maxPages = 16
)

// look returns what is known, asking the database where it is time to, and
// the waiting nodes from an offset on.
func (l *looks) look(ctx context.Context, offset int) (fleetLook, nodesLook) {
	// Whoever leaves must not spoil it for the others that wait here.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	defer cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.fresh.at.IsZero() || time.Since(l.fresh.at) >= l.interval
	var f fleetLook
	var asking sync.WaitGroup
	if old {
		clear(l.pages)
		asking.Go(func() { f.conductors, f.conductorsErr = l.fleet.Conductors(ctx) })
		asking.Go(func() { f.counts, f.countsErr = l.fleet.CountWaiting(ctx) })
		asking.Go(func() { f.notReady = l.ready(ctx) })
	}
	page, ok := l.pages[offset]
	if !ok {
		asking.Go(func() { page = l.page(ctx, offset) })
	}
	asking.Wait()
	if old {
		f.at = time.Now()
		l.fresh = f
	}
	if l.pages == nil {
		l.pages = map[int]nodesLook{}
	}
	if len(l.pages) < maxPages {
		l.pages[offset] = page
	}
	return l.fresh, page
}

func (l *looks) page(ctx context.Context, offset int) (n nodesLook) {
	if len(l.pages) >= maxPages {
		n.err = usher.Errorf(usher.ErrUnavailable, "too many pages were asked for just now: ask again in %v", l.interval)
		return n
	}
	n.nodes, n.err = l.fleet.Waiting(ctx, offset, pageSize)
	return n
}
