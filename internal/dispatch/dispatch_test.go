package dispatch

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
)

// world is what a Dispatcher meets: one node at one MAC, and conductors that
// answer as told.
type world struct {
	node    usher.BootNode
	nodeErr error
	owners  []string
	ringErr error
	answers map[string]func(context.Context) (string, error)
	asked   []string
}

const knownMAC = "52:54:00:12:34:56"

func (w *world) BootNodeByMAC(_ context.Context, mac usher.MAC) (usher.BootNode, error) {
	if w.nodeErr != nil {
		return usher.BootNode{}, w.nodeErr
	}
	if mac.String() != knownMAC {
		return usher.BootNode{}, usher.Errorf(usher.ErrNotFound, "no port at %s", mac)
	}
	return w.node, nil
}

func (w *world) Owners(context.Context, string, string, string) ([]string, error) {
	return w.owners, w.ringErr
}

func (w *world) GetBootConfig(ctx context.Context, host string, node usher.BootNode, file string) (string, error) {
	w.asked = append(w.asked, host)
	if answer, ok := w.answers[host]; ok {
		return answer(ctx)
	}
	return fmt.Sprintf("%s of %s by %s", file, node.UUID, host), nil
}

func newWorld() *world {
	return &world{
		node:    usher.BootNode{UUID: "u1", ProvisionState: usher.DeployWait, Driver: "manual-management"},
		owners:  []string{"a", "b", "c", "d"},
		answers: map[string]func(context.Context) (string, error){},
	}
}

func (w *world) dispatcher(failover bool) *Dispatcher {
	return New(Options{Nodes: w, Rings: w, Conductors: w, Restrict: true, RPCTimeout: 3 * time.Second, Failover: failover})
}

func says(err error) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return "", err }
}

func hangs(ctx context.Context) (string, error) {
	<-ctx.Done()
	return "", usher.Errorf(usher.ErrUnavailable, "no answer: %v", ctx.Err())
}

var (
	unreachable = says(usher.Errorf(usher.ErrUnavailable, "connection refused"))
	stopping    = says(usher.Errorf(usher.ErrUnavailable, "stopping").WithClass(ClassStopping))
	notReady    = says(usher.Errorf(usher.ErrUnavailable, "preparing").WithClass(ClassNotReady))
)

func TestDecide(t *testing.T) {
	outage := usher.Errorf(usher.ErrUnavailable, "connection lost")
	for _, c := range []struct {
		name     string
		mac      string
		file     string
		failover bool
		change   func(*world)
		outcome  Outcome
		cause    Cause
		asked    []string
	}{
		{name: "served", outcome: Served, cause: CauseServed, asked: []string{"a"}},
		{name: "any spelling", mac: "01-52-54-00-12-34-56", outcome: Served, cause: CauseServed, asked: []string{"a"}},
		{name: "bad MAC", mac: "52:54", outcome: No, cause: CauseBadMAC},
		{name: "unknown file", file: "../secret", outcome: No, cause: CauseUnknownFile},
		{name: "unknown MAC", mac: "52:54:00:00:00:00", outcome: No, cause: CauseUnknownMAC},
		{name: "database down", change: func(w *world) { w.nodeErr = outage }, outcome: NotNow, cause: CauseDatabase},
		{name: "internal error", change: func(w *world) { w.nodeErr = errors.New("bug") }, outcome: NotNow, cause: CauseDatabase},
		{name: "wrong state", change: func(w *world) { w.node.ProvisionState = usher.Active }, outcome: No, cause: CauseWrongState},
		{name: "a port not to boot from", change: func(w *world) { w.node.PXEDisabled = true }, outcome: No, cause: CausePXEDisabled},
		{name: "a port not to boot from, of a node that waits for nothing", change: func(w *world) {
			w.node.PXEDisabled, w.node.ProvisionState = true, usher.Active
		}, outcome: No, cause: CausePXEDisabled},
		{name: "no conductor", change: func(w *world) {
			w.ringErr = usher.Errorf(usher.ErrUnavailable, "none").WithClass("NoValidHost")
		}, outcome: NotNow, cause: CauseNoConductor},
		{name: "ring unreadable", change: func(w *world) { w.ringErr = outage }, outcome: NotNow, cause: CauseDatabase},
		{name: "unsupported", change: func(w *world) { w.answers["a"] = says(usher.Errorf(usher.ErrUnsupported, "fake")) },
			failover: true, outcome: No, cause: CauseUnsupported, asked: []string{"a"}},
		{name: "no file", change: func(w *world) { w.answers["a"] = says(usher.Errorf(usher.ErrNotFound, "none")) },
			failover: true, outcome: No, cause: CauseNoFile, asked: []string{"a"}},
		{name: "broken conductor", change: func(w *world) { w.answers["a"] = says(errors.New("disk")) },
			failover: true, outcome: NotNow, cause: CauseConductor, asked: []string{"a"}},
		{name: "unusable file", change: func(w *world) {
			w.answers["a"] = says(usher.Errorf(usher.ErrUnavailable, "no script").WithClass("IncorrectConfiguration"))
		}, failover: true, outcome: NotNow, cause: CauseBadFile, asked: []string{"a"}},
		{name: "preparing", change: func(w *world) { w.answers["a"] = notReady },
			failover: true, outcome: NotNow, cause: CauseNotReady, asked: []string{"a"}},
		{name: "unreachable", change: func(w *world) { w.answers["a"] = unreachable },
			outcome: NotNow, cause: CauseUnreachable, asked: []string{"a"}},
		{name: "fail-over", change: func(w *world) { w.answers["a"] = unreachable },
			failover: true, outcome: Served, cause: CauseServed, asked: []string{"a", "b"}},
		{name: "fail-over from a stopping one", change: func(w *world) { w.answers["a"] = stopping },
			failover: true, outcome: Served, cause: CauseServed, asked: []string{"a", "b"}},
		{name: "fail-over from one that lost its disk, database or image server", change: func(w *world) {
			w.answers["a"] = says(usher.Errorf(usher.ErrUnavailable, "disk full").WithClass("InsufficientDiskSpace"))
		}, failover: true, outcome: Served, cause: CauseServed, asked: []string{"a", "b"}},
		{name: "fail-over from a hung one", change: func(w *world) { w.answers["a"] = hangs },
			failover: true, outcome: Served, cause: CauseServed, asked: []string{"a", "b"}},
		{name: "hung", change: func(w *world) { w.answers["a"] = hangs },
			outcome: NotNow, cause: CauseTimeout, asked: []string{"a"}},
		{name: "fail-over is bounded", change: func(w *world) {
			for _, h := range w.owners {
				w.answers[h] = unreachable
			}
		}, failover: true, outcome: NotNow, cause: CauseUnreachable, asked: []string{"a", "b", "c"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				if c.change != nil {
					c.change(w)
				}
				r := Request{RequestID: "r", MAC: knownMAC, File: "boot.ipxe"}
				if c.mac != "" {
					r.MAC = c.mac
				}
				if c.file != "" {
					r.File = c.file
				}
				d := w.dispatcher(c.failover).Decide(t.Context(), r)
				if d.Outcome != c.outcome || d.Cause != c.cause {
					t.Errorf("got %s, %s (%v); want %s, %s", d.Outcome, d.Cause, d.Err, c.outcome, c.cause)
				}
				if (d.Config != "") != (c.outcome == Served) || (d.Err == nil) != (c.outcome == Served) {
					t.Errorf("outcome %s with config %q and error %v", d.Outcome, d.Config, d.Err)
				}
				if diff := cmp.Diff(c.asked, w.asked); diff != "" {
					t.Errorf("conductors asked (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestLocal: a call to another process is bounded, one within this process
// bounds itself.
func TestLocal(t *testing.T) {
	w := newWorld()
	bounded := map[string]bool{}
	for _, host := range w.owners[:2] {
		w.answers[host] = func(ctx context.Context) (string, error) {
			_, bounded[host] = ctx.Deadline()
			return "", usher.Errorf(usher.ErrUnavailable, "connection refused")
		}
	}
	New(Options{Nodes: w, Rings: w, Conductors: w, Restrict: true, RPCTimeout: time.Second, Failover: true,
		IsLocal: func(host string) bool { return host == "a" }}).
		Decide(t.Context(), Request{MAC: knownMAC, File: "boot.ipxe"})
	if diff := cmp.Diff(map[string]bool{"a": false, "b": true}, bounded); diff != "" {
		t.Errorf("bounded calls (-want +got):\n%s", diff)
	}
}

// TestClientGone: a machine that hangs up is nobody's failure.
func TestClientGone(t *testing.T) {
	w := newWorld()
	ctx, cancel := context.WithCancel(t.Context())
	w.answers["a"] = func(ctx context.Context) (string, error) {
		cancel()
		return hangs(ctx)
	}
	d := w.dispatcher(true)
	got := d.Decide(ctx, Request{MAC: knownMAC, File: "boot.ipxe"})
	if got.Cause != CauseGone {
		t.Errorf("cause %s, want %s", got.Cause, CauseGone)
	}
	delete(w.answers, "a")
	if got := d.Decide(t.Context(), Request{MAC: knownMAC, File: "boot.ipxe"}); got.AnsweredBy != "a" {
		t.Errorf("answered by %s afterwards: the conductor was blamed", got.AnsweredBy)
	}
}

// TestFailureMemory: one time-out for a hung conductor in each pause, not one
// for each machine; and it is asked again soon after it has come back.
func TestFailureMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.answers["a"] = hangs
		d := w.dispatcher(true)
		ask := func() (by string, took time.Duration) {
			start := time.Now()
			got := d.Decide(t.Context(), Request{MAC: knownMAC, File: "boot.ipxe"})
			if got.Outcome != Served {
				t.Fatalf("%s: %v", got.Cause, got.Err)
			}
			return got.AnsweredBy, time.Since(start)
		}
		if by, took := ask(); by != "b" || took != 3*time.Second {
			t.Fatalf("first: by %s after %v", by, took)
		}
		for range 5 {
			if by, took := ask(); by != "b" || took != 0 {
				t.Fatalf("while remembered: by %s after %v", by, took)
			}
		}
		delete(w.answers, "a") // it is back
		time.Sleep(failurePause + time.Millisecond)
		if by, _ := ask(); by != "a" {
			t.Errorf("after the pause: by %s, want a", by)
		}
		if by, _ := ask(); by != "a" {
			t.Errorf("once answered: by %s, want a", by)
		}
	})
}

// TestFailureMemoryOfNeighbour: requests for other conductors' nodes do not
// use up the moment at which a conductor that failed is asked again.
func TestFailureMemoryOfNeighbour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.answers["a"] = unreachable
		d := w.dispatcher(true)
		ask := func(owners ...string) string {
			w.owners = owners
			return d.Decide(t.Context(), Request{MAC: knownMAC, File: "boot.ipxe"}).AnsweredBy
		}
		ask("a", "b")
		delete(w.answers, "a") // it is back
		time.Sleep(failurePause + time.Millisecond)
		ask("b", "a") // notices that a's pause has passed, and need not ask a
		if by := ask("a", "b"); by != "a" {
			t.Errorf("after the pause: by %s, want a", by)
		}
	})
}

// TestRefusal: a conductor that refuses at once is asked again sooner than one
// that hangs, since it may only be restarting.
func TestRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.answers["a"] = unreachable
		d := w.dispatcher(false)
		r := Request{MAC: knownMAC, File: "boot.ipxe"}
		for range 10 {
			if got := d.Decide(t.Context(), r); got.Outcome != NotNow {
				t.Fatalf("%s: %v", got.Cause, got.Err)
			}
		}
		if len(w.asked) != 1 {
			t.Errorf("the conductor that refuses was asked %d times", len(w.asked))
		}
		delete(w.answers, "a")
		time.Sleep(refusalPause + time.Millisecond)
		if got := d.Decide(t.Context(), r); got.Outcome != Served {
			t.Errorf("%v after the refusal: %s, %v", refusalPause, got.Cause, got.Err)
		}
	})
}

// TestFailureMemoryAlone: with nobody to hand over to, a hung conductor costs
// its time-out once in each pause too.
func TestFailureMemoryAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.answers["a"] = hangs
		d := w.dispatcher(false)
		for range 10 {
			if got := d.Decide(t.Context(), Request{MAC: knownMAC, File: "boot.ipxe"}); got.Outcome != NotNow {
				t.Fatalf("%s: %v", got.Cause, got.Err)
			}
		}
		if len(w.asked) != 1 {
			t.Errorf("the hung conductor was asked %d times", len(w.asked))
		}
	})
}

// TestLogAttrs: the operator sees the cause, and never the boot file itself.
func TestLogAttrs(t *testing.T) {
	w := newWorld()
	w.answers["a"] = func(context.Context) (string, error) { return "kernel password=hunter2", nil }
	d := w.dispatcher(true).Decide(t.Context(), Request{MAC: knownMAC, File: "boot.ipxe"})
	seen := map[string]string{}
	for _, a := range d.appendLogAttrs(nil) {
		seen[a.Key] = a.Value.String()
		if a.Key != "took" && a.Value.String() == d.Config {
			t.Errorf("%s shows the boot file", a.Key)
		}
	}
	delete(seen, "took")
	want := map[string]string{"request_id": "", "remote": "", "mac": knownMAC, "file": "boot.ipxe", "outcome": "served",
		"cause": "served", "node": "u1", "name": "", "state": "wait call-back", "owner": "a"}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
}

// TestAllPorts: [neutron]add_all_ports has the ports answered that are not to
// boot from, as it has Ironic link boot files for them.
func TestAllPorts(t *testing.T) {
	w := newWorld()
	w.node.PXEDisabled = true
	d := New(Options{Nodes: w, Rings: w, Conductors: w, Restrict: true, AllPorts: true, RPCTimeout: time.Second})
	if got := d.Decide(t.Context(), Request{MAC: knownMAC, File: "boot.ipxe"}); got.Cause != CauseServed {
		t.Errorf("%s: %v", got.Cause, got.Err)
	}
}
