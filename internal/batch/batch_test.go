package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// asker answers each key with itself after a second, and remembers what it
// was asked together.
type asker struct {
	mu    sync.Mutex
	asked [][]int
	hang  int // the key that is never answered
}

func (a *asker) ask(ctx context.Context, keys []int) ([]Answer[string], error) {
	a.mu.Lock()
	a.asked = append(a.asked, slices.Clone(keys))
	a.mu.Unlock()
	wait := time.Second
	if slices.Contains(keys, a.hang) {
		wait = time.Hour
	}
	select {
	case <-time.After(wait):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	answers := make([]Answer[string], len(keys))
	for i, k := range keys {
		answers[i].Value = fmt.Sprint(k)
		if k < 0 {
			answers[i].Err = errors.New("negative")
		}
	}
	return answers, nil
}

func (a *asker) group(width, most int) *Group[int, string] {
	return New(Options[int, string]{Ask: a.ask, Most: most, Width: width, Timeout: func() time.Duration { return 10 * time.Second }})
}

// do asks at the same time and gives the answers in the keys' order.
func do(t *testing.T, g *Group[int, string], keys ...int) (answers []string, wait func()) {
	t.Helper()
	answers = make([]string, len(keys))
	var group sync.WaitGroup
	for i, k := range keys {
		group.Go(func() {
			v, err := g.Do(t.Context(), k)
			if err != nil {
				v = err.Error()
			}
			answers[i] = v
		})
		synctest.Wait() // in this order
	}
	return answers, group.Wait
}

func TestBatches(t *testing.T) {
	for _, c := range []struct {
		name        string
		width, most int
		keys        []int
		asked       [][]int
		answers     []string
		took        time.Duration
	}{
		{"alone", 1, 9, []int{1}, [][]int{{1}}, []string{"1"}, time.Second},
		{"the first leaves at once, the others together", 1, 9, []int{1, 2, 3, 4}, [][]int{{1}, {2, 3, 4}}, []string{"1", "2", "3", "4"}, 2 * time.Second},
		{"a key once", 1, 9, []int{1, 2, 3, 2, 3}, [][]int{{1}, {2, 3}}, []string{"1", "2", "3", "2", "3"}, 2 * time.Second},
		{"what has left is not joined", 1, 9, []int{1, 1}, [][]int{{1}, {1}}, []string{"1", "1"}, 2 * time.Second},
		{"no more than most", 1, 2, []int{1, 2, 3, 4, 5, 6}, [][]int{{1}, {2, 3}, {4, 5}, {6}}, []string{"1", "2", "3", "4", "5", "6"}, 4 * time.Second},
		{"errors are their key's", 1, 9, []int{1, -2, 3}, [][]int{{1}, {-2, 3}}, []string{"1", "negative", "3"}, 2 * time.Second},
		{"slow ones side by side", 2, 9, []int{1, 2, 3}, [][]int{{1}, {2, 3}}, []string{"1", "2", "3"}, time.Second + patience},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &asker{}
				g := a.group(c.width, c.most)
				start := time.Now()
				answers, wait := do(t, g, c.keys...)
				wait()
				if took := time.Since(start); took != c.took {
					t.Errorf("took %v, want %v", took, c.took)
				}
				if diff := cmp.Diff(c.asked, a.asked); diff != "" {
					t.Errorf("asked (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(c.answers, answers); diff != "" {
					t.Errorf("answers (-want +got):\n%s", diff)
				}
				g.Close()
			})
		})
	}
}

// One batch that hangs holds up neither those that come later nor, beyond its
// time-out, itself.
func TestHangingBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asker{hang: 7}
		g := a.group(2, 9)
		start := time.Now()
		hung, waitHung := do(t, g, 7)
		fine, waitFine := do(t, g, 1, 2)
		waitFine()
		if took := time.Since(start); took != time.Second+patience || fine[0] != "1" || fine[1] != "2" {
			t.Errorf("%v after %v", fine, took)
		}
		waitHung()
		if took := time.Since(start); took != 10*time.Second || hung[0] != context.DeadlineExceeded.Error() {
			t.Errorf("%v after %v", hung, took)
		}
		g.Close()
	})
}

// A caller that leaves takes nobody with it.
func TestCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asker{}
		g := a.group(1, 9)
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error)
		go func() { _, err := g.Do(ctx, 1); left <- err }()
		synctest.Wait()
		answers, wait := do(t, g, 2, 3)
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v", err)
		}
		wait()
		if diff := cmp.Diff([]string{"2", "3"}, answers); diff != "" {
			t.Error(diff)
		}
		g.Close()
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &asker{hang: 1}
		g := a.group(1, 9)
		answers, wait := do(t, g, 1, 2)
		g.Close()
		wait()
		if _, err := g.Do(t.Context(), 3); !errors.Is(err, context.Canceled) {
			t.Errorf("after Close: %v", err)
		}
		if answers[0] != context.Canceled.Error() || answers[1] != context.Canceled.Error() {
			t.Errorf("%v", answers)
		}
	})
}

// TestPanic: a question that nobody can answer is an error of those who asked
// it, and the next one is answered.
func TestPanic(t *testing.T) {
	g := New(Options[int, int]{Most: 8, Width: 1, Timeout: func() time.Duration { return time.Minute },
		Ask: func(_ context.Context, keys []int) ([]Answer[int], error) {
			return []Answer[int]{{Value: 6 / keys[0]}}, nil
		}})
	defer g.Close()
	if _, err := g.Do(t.Context(), 0); err == nil || !strings.Contains(err.Error(), "divide by zero") {
		t.Errorf("%v", err)
	}
	if v, err := g.Do(t.Context(), 2); v != 3 || err != nil {
		t.Errorf("%d, %v", v, err)
	}
}

func TestRace(t *testing.T) {
	g := New(Options[int, int]{Most: 8, Width: 3, Timeout: func() time.Duration { return time.Minute },
		Ask: func(_ context.Context, keys []int) ([]Answer[int], error) {
			answers := make([]Answer[int], len(keys))
			for i, k := range keys {
				answers[i].Value = k * k
			}
			return answers, nil
		}})
	defer g.Close()
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for k := range 2000 {
				if v, err := g.Do(t.Context(), k%50); v != (k%50)*(k%50) || err != nil {
					t.Errorf("%d: %d, %v", k%50, v, err)
					return
				}
			}
		})
	}
	group.Wait()
}

func BenchmarkDo(b *testing.B) {
	g := New(Options[int, int]{Most: 64, Width: 4, Timeout: func() time.Duration { return time.Minute },
		Ask: func(_ context.Context, keys []int) ([]Answer[int], error) { return make([]Answer[int], len(keys)), nil }})
	defer g.Close()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for k := 0; pb.Next(); k++ {
			if _, err := g.Do(context.Background(), k); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
