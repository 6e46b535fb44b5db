package membership

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
)

// fakeTable stands in for the conductors table where time is synctest's; the
// inventory's own tests and the whole program's have the real one.
type fakeTable struct {
	mu    sync.Mutex
	rows  []usher.Conductor
	err   error
	reads int
	// hold, where set, is received from before a reading ends.
	hold chan struct{}
}

func (f *fakeTable) Conductors(ctx context.Context) ([]usher.Conductor, error) {
	f.mu.Lock()
	f.reads++
	hold := f.hold
	f.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]usher.Conductor(nil), f.rows...), f.err
}

func (f *fakeTable) set(change func(f *fakeTable)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func row(id int64, host, group string, updated time.Time, drivers ...string) usher.Conductor {
	c := usher.Conductor{ID: id, Hostname: host, Group: group, Online: true, UpdatedAt: updated.UTC()}
	for _, d := range drivers {
		c.Interfaces = append(c.Interfaces, usher.HardwareInterface{HardwareType: d, Type: "boot", Name: "ipxe"},
			usher.HardwareInterface{HardwareType: d, Type: "deploy", Name: "direct"})
	}
	return c
}

func options() RingOptions {
	return RingOptions{Algorithm: "md5", Exponent: 5, ResetInterval: 15 * time.Second, HeartbeatTimeout: time.Minute}
}

func TestOwners(t *testing.T) {
	t.Parallel()
	now := time.Now()
	offline := row(6, "offline", "", now, "ipmi")
	offline.Online = false
	table := &fakeTable{rows: []usher.Conductor{
		row(1, "127.0.0.11", "", now, "ipmi", "redfish"), row(2, "127.0.0.12", "", now, "ipmi"),
		row(3, "127.0.0.13", "", now.Add(-59*time.Second), "ipmi"), row(4, "rack", "rack-1", now, "ipmi"),
		row(5, "dead", "", now.Add(-61*time.Second), "ipmi"), offline, row(7, "idle", "", now),
	}}
	r := NewRings(table, options())
	for _, tc := range []struct {
		group, driver string
		want          []string
	}{
		// The order is tooz's: HashRing of the three, 2**5, md5.
		{"", "ipmi", []string{"127.0.0.12", "127.0.0.11", "127.0.0.13"}},
		{"", "redfish", []string{"127.0.0.11"}},
		{"rack-1", "ipmi", []string{"rack"}},
		{"RACK-1", "ipmi", []string{"rack"}},
	} {
		got, err := r.Owners(t.Context(), tc.group, tc.driver, "4d3632b1-b0e4-5430-a3a1-404727e029e8")
		if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
			t.Errorf("%s:%s: %v (-want +got):\n%s", tc.group, tc.driver, err, diff)
		}
	}
	if table.reads != 1 {
		t.Errorf("%d reads, want 1", table.reads)
	}

	_, err := r.Owners(t.Context(), "rack-1", "redfish", "key")
	e, ok := errors.AsType[*usher.Error](err)
	if !ok || !errors.Is(err, usher.ErrUnavailable) || e.Class != "NoValidHost" || e.Message != "No valid host was found. "+
		`Reason: No conductor service registered which supports driver redfish for conductor group "rack-1".` {
		t.Errorf("no conductor: %#v", err)
	}
	if table.reads != 2 {
		t.Errorf("%d reads after a miss, want one more", table.reads)
	}

	for id, want := range map[int64]bool{1: true, 3: true, 5: false, 6: false, 7: true} {
		if c, active, err := r.Conductor(t.Context(), id); c.ID != id || active != want || err != nil {
			t.Errorf("Conductor(%d) = %v, %t, %v", id, c, active, err)
		}
	}
	if _, _, err := r.Conductor(t.Context(), 99); !errors.Is(err, usher.ErrNotFound) {
		t.Errorf("Conductor(99): %v", err)
	}
	active, err := r.Active(t.Context())
	var hosts []string
	for _, c := range active {
		hosts = append(hosts, c.Hostname)
	}
	if diff := cmp.Diff([]string{"127.0.0.11", "127.0.0.12", "127.0.0.13", "idle", "rack"}, hosts); diff != "" || err != nil {
		t.Errorf("Active: %v\n%s", err, diff)
	}
}

func TestWrongAlgorithm(t *testing.T) {
	t.Parallel()
	o := options()
	o.Algorithm = "shake_128"
	if _, err := NewRings(&fakeTable{}, o).Owners(t.Context(), "", "ipmi", "key"); !errors.Is(err, usher.ErrInvalid) {
		t.Errorf("%v, want %v", err, usher.ErrInvalid)
	}
}

// A conductor that comes is found at once by a node that has none; an outage
// is survived for ResetInterval and never looks like a missing conductor.
func TestCacheMissAndOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		table := &fakeTable{rows: []usher.Conductor{row(1, "a", "", time.Now(), "ipmi")}}
		r := NewRings(table, options())
		expect := func(step, group string, reads int, want ...string) {
			t.Helper()
			got, err := r.Owners(t.Context(), group, "ipmi", "key")
			if diff := cmp.Diff(want, got); diff != "" || (err == nil) != (want != nil) {
				t.Errorf("%s: %v\n%s", step, err, diff)
			}
			if want == nil && (!errors.Is(err, usher.ErrUnavailable) || errors.Is(err, usher.ErrNotFound)) {
				t.Errorf("%s: %v, want %v", step, err, usher.ErrUnavailable)
			}
			if table.reads != reads {
				t.Errorf("%s: %d reads, want %d", step, table.reads, reads)
			}
		}
		expect("first", "", 1, "a")
		table.set(func(f *fakeTable) { f.rows = append(f.rows, row(2, "b", "rack", time.Now(), "ipmi")) })
		time.Sleep(time.Second)
		expect("new conductor, found by a miss", "rack", 2, "b")
		expect("from memory", "", 2, "a")
		table.set(func(f *fakeTable) { f.err = fmt.Errorf("connection refused: %w", usher.ErrNotFound) })
		time.Sleep(14 * time.Second)
		expect("database down, ring young", "", 2, "a")
		expect("database down, no such ring", "moon", 3)
		_, err := r.Owners(t.Context(), "moon", "ipmi", "key")
		if e, ok := errors.AsType[*usher.Error](err); ok && e.Class == "NoValidHost" {
			t.Errorf("an outage says that there is no conductor: %v", err)
		}
		time.Sleep(2 * time.Second)
		expect("database down, ring old", "", 5)
		table.set(func(f *fakeTable) { f.err = nil })
		expect("database back", "", 6, "a")
		time.Sleep(46 * time.Second) // 63 s since the last heartbeat
		expect("dead", "", 8)
	})
}

func TestReset(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		table := &fakeTable{rows: []usher.Conductor{row(1, "a", "", time.Now(), "ipmi")}}
		r := NewRings(table, options())
		first, err := r.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r.Reset()
		second, err := r.Snapshot(t.Context())
		if err != nil || second == first || second.Fingerprint() != first.Fingerprint() {
			t.Errorf("after Reset: %v, the same snapshot: %t", err, second == first)
		}
		if first.Ring("", "ipmi") != second.Ring("", "ipmi") {
			t.Error("a ring of the same hosts was built again")
		}
		// A reading that was in progress at Reset does not count.
		r.Reset()
		hold := make(chan struct{})
		table.set(func(f *fakeTable) { f.hold = hold })
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := r.Snapshot(t.Context()); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		r.Reset()
		close(hold)
		wg.Wait()
		if table.reads != 4 {
			t.Errorf("%d reads, want 4", table.reads)
		}
	})
}

// Many callers share one reading, and none waits beyond its own context.
func TestSharedRebuild(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		table := &fakeTable{rows: []usher.Conductor{row(1, "a", "", time.Now(), "ipmi")}, hold: hold}
		r := NewRings(table, options())

		leaderCtx, cancelLeader := context.WithCancel(t.Context())
		leader := make(chan error)
		go func() { _, err := r.Owners(leaderCtx, "", "ipmi", "key"); leader <- err }()
		synctest.Wait()
		results := make(chan error, 100)
		for range 99 {
			go func() { _, err := r.Owners(t.Context(), "", "ipmi", "key"); results <- err }()
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if _, err := r.Owners(short, "", "ipmi", "key"); !errors.Is(err, context.DeadlineExceeded) ||
			!errors.Is(err, usher.ErrUnavailable) || time.Since(start) != time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		if table.reads != 1 {
			t.Errorf("%d reads for 101 callers, want 1", table.reads)
		}
		// The one that began to read gives up: the rest are read for still.
		cancelLeader()
		if err := <-leader; !errors.Is(err, context.Canceled) || !errors.Is(err, usher.ErrUnavailable) {
			t.Errorf("canceled caller: %v", err)
		}
		close(hold)
		for range 99 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		if table.reads != 1 {
			t.Errorf("%d reads, want 1", table.reads)
		}
	})
}

// A source that panics fails for all who wait, and not for the next ones.
func TestSourcePanics(t *testing.T) {
	t.Parallel()
	table := &fakeTable{rows: []usher.Conductor{row(1, "a", "", time.Now(), "ipmi")}}
	r := NewRings(panics{table}, options())
	if _, err := r.Snapshot(t.Context()); !errors.Is(err, usher.ErrUnavailable) {
		t.Errorf("%v, want %v", err, usher.ErrUnavailable)
	}
	if _, err := r.Snapshot(t.Context()); err != nil {
		t.Error(err)
	}
}

// panics is a table whose first reading panics.
type panics struct{ *fakeTable }

func (p panics) Conductors(ctx context.Context) ([]usher.Conductor, error) {
	rows, err := p.fakeTable.Conductors(ctx)
	if p.reads == 1 {
		panic("table")
	}
	return rows, err
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	now := time.Now()
	print := func(rows ...usher.Conductor) Fingerprint {
		s, err := newSnapshot(rows, now, options(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return s.Fingerprint()
	}
	base := print(row(1, "a", "", now, "ipmi"), row(2, "b", "", now, "ipmi"))
	if base != print(row(2, "b", "", now.Add(-time.Second), "ipmi"), row(1, "a", "", now, "ipmi")) {
		t.Error("order or age of rows changes the fingerprint")
	}
	for name, other := range map[string]Fingerprint{
		"less":   print(row(1, "a", "", now, "ipmi")),
		"group":  print(row(1, "a", "", now, "ipmi"), row(2, "b", "rack", now, "ipmi")),
		"driver": print(row(1, "a", "", now, "ipmi"), row(2, "b", "", now, "redfish")),
		"dead":   print(row(1, "a", "", now, "ipmi"), row(2, "b", "", now.Add(-time.Hour), "ipmi")),
		"name":   print(row(1, "a", "", now, "ipmi"), row(2, "bb", "", now, "ipmi")),
	} {
		if other == base {
			t.Errorf("%s: the same fingerprint", name)
		}
	}
}

func TestHotPathAllocations(t *testing.T) {
	now := time.Now()
	r := NewRings(&fakeTable{rows: []usher.Conductor{row(1, "a", "", now, "ipmi"), row(2, "b", "", now, "ipmi")}}, options())
	got := testing.AllocsPerRun(100, func() {
		if _, err := r.Owners(t.Context(), "", "ipmi", "4d3632b1-b0e4-5430-a3a1-404727e029e8"); err != nil {
			t.Fatal(err)
		}
	})
	if got > 2 { // the result, and the key as bytes
		t.Errorf("%v allocations, want at most 2", got)
	}
}

func BenchmarkOwners(b *testing.B) {
	now := time.Now()
	o := options()
	o.ResetInterval = time.Hour
	r := NewRings(&fakeTable{rows: []usher.Conductor{row(1, "a", "", now, "ipmi"), row(2, "b", "", now, "ipmi")}}, o)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := r.Owners(b.Context(), "", "ipmi", "4d3632b1-b0e4-5430-a3a1-404727e029e8"); err != nil {
				b.Fatal(err)
			}
		}
	})
}
