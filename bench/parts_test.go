package bench

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestClock holds the clock that others see of a process against its own.
func TestClock(t *testing.T) {
	own := func() time.Duration {
		var now unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &now); err != nil {
			t.Fatal(err)
		}
		return time.Duration(now.Nano())
	}
	for range 100 {
		before, now, after := own(), clock(os.Getpid()), own()
		if now < before || now > after {
			t.Fatalf("%v is not between %v and %v", now, before, after)
		}
	}
	if all := cpuOf(os.Getpid()); all == 0 || clock(1<<22) != 0 { // there is no such process
		t.Errorf("this process has used %v, and one that there is not %v", all, clock(1<<22))
	}
}

func TestNamed(t *testing.T) {
	name := func(l load) string { return l.name }
	picked, err := named("loads", "unknown/close,known/close", loads(), name)
	if err != nil || len(picked) != 2 || picked[0].name != "known/close" {
		t.Errorf("%v, %v", picked, err)
	}
	for _, bad := range []string{"", "known", "known/close,"} {
		if picked, err := named("loads", bad, loads(), name); err == nil {
			t.Errorf("%q was taken for %v", bad, picked)
		}
	}
}

// TestFleet wants each node to have a MAC and a UUID of its own, and as many
// to wait as are said to.
func TestFleet(t *testing.T) {
	for nodes, waiting := range map[int]int{1: 1, 1000: 1000, 10_000: 10_000, 15_001: 7501, 100_000: 10_000} {
		f := newFleet(nodes)
		if got := (nodes + f.step - 1) / f.step; f.waiting != waiting || got != waiting {
			t.Errorf("of %d nodes %d wait, and %d are asked for", nodes, f.waiting, got)
		}
		macs, uuids := map[string]bool{}, map[string]bool{}
		for n := range nodes {
			macs[mac(n)], uuids[uuid(n)] = true, true
		}
		if len(macs) != nodes || len(uuids) != nodes {
			t.Errorf("%d nodes have %d MACs and %d UUIDs", nodes, len(macs), len(uuids))
		}
	}
}
