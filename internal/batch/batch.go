// Package batch joins questions that are asked at the same time into one, so
// that a storm of machines costs a database or a conductor few round trips.
// Who asks while nobody else does waits for nobody: its question leaves at
// once, alone. An answer is never older than the question: what has left is
// not joined any more.
package batch

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Options are the settings of a Group.
type Options[K comparable, V any] struct {
	// Ask answers the keys, which are all different; its answers are in their
	// order. Its error is everybody's. ctx bears the values of the context of
	// whoever asked first, and ends with Timeout and with the Group only: it
	// is not one caller's to cancel.
	Ask func(ctx context.Context, keys []K) ([]Answer[V], error)
	// Most is how many keys one batch takes at most.
	Most int
	// Width is how many batches are on their way at most at one time.
	Width int
	// Timeout bounds one batch; it is asked for each.
	Timeout func() time.Duration
}

// Answer is what there is to say to one key.
type Answer[V any] struct {
	Value V
	Err   error
}

// Group asks in batches. It is safe for concurrent use.
type Group[K comparable, V any] struct {
	o      Options[K, V]
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	running int
	queue   []*batch[K, V] // that have not left; only the last has room
}

type batch[K comparable, V any] struct {
	ctx     context.Context
	keys    []K
	places  map[K]int // of keys, once there is more than one
	stuck   *time.Timer
	done    chan struct{}
	answers []Answer[V]
	err     error
}

// patience is how long a batch that could leave waits for one that is on its
// way. Usually that one is back sooner, and asking by turns makes the largest
// batches; but one that hangs must not hold up the others.
const patience = 20 * time.Millisecond

// New returns a Group.
func New[K comparable, V any](o Options[K, V]) *Group[K, V] {
	g := &Group[K, V]{o: o}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	return g
}

// Do asks for one key and waits for the answer, or for the end of ctx.
func (g *Group[K, V]) Do(ctx context.Context, key K) (V, error) {
	b, place := g.join(ctx, key)
	select {
	case <-b.done:
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	}
	if b.err != nil {
		var none V
		return none, b.err
	}
	a := b.answers[place]
	return a.Value, a.Err
}

// Close ends the batches that are on their way and waits for them. Who asks
// later gets context.Canceled.
func (g *Group[K, V]) Close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.cancel()
	g.work.Wait()
}

// join puts the key into the batch that leaves next.
func (g *Group[K, V]) join(ctx context.Context, key K) (*batch[K, V], int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		b := &batch[K, V]{done: make(chan struct{}), err: context.Canceled}
		close(b.done)
		return b, 0
	}
	if n := len(g.queue); n > 0 && len(g.queue[n-1].keys) < g.o.Most {
		b := g.queue[n-1]
		return b, b.place(key)
	}
	b := &batch[K, V]{ctx: ctx, keys: []K{key}, done: make(chan struct{})}
	g.queue = append(g.queue, b)
	switch {
	case g.running == 0:
		g.start()
	case g.running < g.o.Width:
		b.stuck = time.AfterFunc(patience, g.unstick)
	}
	return b, 0
}

// place is where the key's answer will be.
func (b *batch[K, V]) place(key K) int {
	if b.places == nil {
		b.places = map[K]int{b.keys[0]: 0}
	}
	at, ok := b.places[key]
	if !ok {
		at = len(b.keys)
		b.keys = append(b.keys, key)
		b.places[key] = at
	}
	return at
}

// start lets one more goroutine take batches from the queue; the caller holds
// mu.
func (g *Group[K, V]) start() {
	g.running++
	g.work.Go(g.run)
}

// unstick is for a batch that waited too long for one that is on its way.
func (g *Group[K, V]) unstick() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.queue) > 0 && g.running < g.o.Width && !g.closed {
		g.start()
	}
}

// run takes batches until there are none.
func (g *Group[K, V]) run() {
	for {
		g.mu.Lock()
		if len(g.queue) == 0 {
			g.running--
			g.mu.Unlock()
			return
		}
		b := g.queue[0]
		g.queue = g.queue[1:]
		g.mu.Unlock()
		if b.stuck != nil {
			b.stuck.Stop()
		}
		g.ask(b)
	}
}

func (g *Group[K, V]) ask(b *batch[K, V]) {
	defer close(b.done)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.ctx), g.o.Timeout())
	defer cancel()
	defer context.AfterFunc(g.ctx, cancel)()
	defer func() { // as net/http does for a request: one bad question must not end the process
		if p := recover(); p != nil {
			b.err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	b.answers, b.err = g.o.Ask(ctx, b.keys)
}
