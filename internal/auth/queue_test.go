package auth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
)

func address(n int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}) }

// proofs keeps track of who runs, in the order of beginning.
type proofs struct {
	q     *queue
	began []string
	leave map[string]func(bool)
}

// ask begins a proof in the background, and returns where its error arrives.
func (p *proofs) ask(ctx context.Context, name string, source netip.Addr) <-chan error {
	result := make(chan error, 1)
	go func() {
		leave, err := p.q.enter(ctx, source)
		if err == nil {
			p.q.mu.Lock()
			p.began = append(p.began, name)
			p.leave[name] = leave
			p.q.mu.Unlock()
		}
		result <- err
	}()
	synctest.Wait()
	return result
}

func (p *proofs) end(name string, proved bool) {
	p.leave[name](proved)
	synctest.Wait()
}

func (p *proofs) want(t *testing.T, names ...string) {
	t.Helper()
	if !slices.Equal(p.began, names) {
		t.Errorf("began %q, want %q", p.began, names)
	}
}

// TestFloodFromOneSource: a source that floods delays another by one proof.
func TestFloodFromOneSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &proofs{q: newQueue(1), leave: map[string]func(bool){}}
		for i := range 1 + perSource {
			p.ask(t.Context(), fmt.Sprint("flood ", i), address(1))
		}
		if err := <-p.ask(t.Context(), "flood more", address(1)); !errors.Is(err, errBusy) {
			t.Errorf("one more of the flood: %v", err)
		}
		p.ask(t.Context(), "other", address(2))
		p.want(t, "flood 0")
		p.end("flood 0", false)
		p.end("flood 1", false)
		p.want(t, "flood 0", "flood 1", "other")
		for _, name := range []string{"other", "flood 2", "flood 3", "flood 4"} {
			p.end(name, false)
		}
		if len(p.q.waiting) != 0 || len(p.q.order) != 0 || p.q.running != 0 || p.q.novices != 0 {
			t.Errorf("something stayed: %+v", p.q)
		}
	})
}

// TestGoodSource: who has proved a password before is not behind strangers, and
// has a slot that they never take.
func TestGoodSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &proofs{q: newQueue(2), leave: map[string]func(bool){}}
		p.ask(t.Context(), "first", address(1))
		p.end("first", true)
		for i := range 2 * maxSources {
			p.ask(t.Context(), fmt.Sprint("stranger ", i), address(2+i))
		}
		p.want(t, "first", "stranger 0")
		p.ask(t.Context(), "good", address(1))
		p.want(t, "first", "stranger 0", "good")
		p.ask(t.Context(), "good again", address(1))
		p.end("stranger 0", false)
		p.want(t, "first", "stranger 0", "good", "good again")
		if err := <-p.ask(t.Context(), "too many", address(250)); !errors.Is(err, errBusy) {
			t.Errorf("one stranger too many: %v", err)
		}
	})
}

// TestGivesUp: who stops waiting leaves nothing behind.
func TestGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &proofs{q: newQueue(1), leave: map[string]func(bool){}}
		p.ask(t.Context(), "first", address(1))
		ctx, cancel := context.WithCancel(t.Context())
		gone := p.ask(ctx, "gone", address(2))
		p.ask(t.Context(), "last", address(3))
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		p.end("first", false)
		p.want(t, "first", "last")
		p.end("last", false)
		if len(p.q.order) != 0 || p.q.running != 0 {
			t.Errorf("something stayed: %+v", p.q)
		}
	})
}
