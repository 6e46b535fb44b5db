package journal_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/dispatch"
	"github.com/usher-boot/usher/internal/journal"
)

// decision is one for the n-th MAC and, where n is even, the n-th node.
func decision(n int) *dispatch.Decision {
	mac := usher.MAC{0x52, 0x54, 0, byte(n >> 16), byte(n >> 8), byte(n)}
	d := &dispatch.Decision{RequestID: fmt.Sprintf("req-%d", n), Time: time.Now(), Remote: "192.0.2.1",
		AskedMAC: mac.Hyphenated(), File: "boot.ipxe", MAC: mac,
		Outcome: dispatch.No, Cause: dispatch.CauseUnknownMAC, Err: errors.New("no node has it"),
		Config: "secret=1", Steps: dispatch.Steps{Database: time.Millisecond, Total: 2 * time.Millisecond}}
	if n%2 == 0 {
		d.Node = usher.BootNode{UUID: fmt.Sprintf("UUID-%d", n), Name: fmt.Sprintf("node-%d", n), ProvisionState: usher.CleanWait}
		d.Owner, d.AnsweredBy = "conductor-1", "conductor-2"
		d.Outcome, d.Cause, d.Err = dispatch.Served, dispatch.CauseServed, nil
		d.Steps.Ring, d.Steps.RPC = time.Microsecond, time.Second
	}
	return d
}

func ids(entries []journal.Entry) []string {
	var out []string
	for _, e := range entries {
		out = append(out, strings.TrimPrefix(e.RequestID, "req-"))
	}
	return out
}

func TestEntry(t *testing.T) {
	j := journal.New(4)
	d := decision(2)
	j.Add(d)
	want := journal.Entry{Seq: j.Entries(journal.Filter{})[0].Seq, Time: d.Time.UTC(), RequestID: "req-2", Remote: "192.0.2.1",
		AskedMAC: "52-54-00-00-00-02", MAC: "52:54:00:00:00:02", File: "boot.ipxe", Node: "UUID-2", Name: "node-2",
		State: "clean wait", Owner: "conductor-1", AnsweredBy: "conductor-2", Outcome: "served", Cause: "served",
		Database: time.Millisecond, Ring: time.Microsecond, RPC: time.Second, Total: 2 * time.Millisecond}
	got := j.Entries(journal.Filter{})
	if diff := cmp.Diff([]journal.Entry{want}, got); diff != "" {
		t.Error(diff)
	}
	text, err := json.Marshal(got)
	if err != nil || strings.Contains(string(text), "secret") || !strings.Contains(string(text), `"asked_mac"`) {
		t.Errorf("%v: %s", err, text)
	}

	bad := &dispatch.Decision{Time: time.Now(), AskedMAC: "nonsense", File: strings.Repeat("f", 5000),
		Outcome: dispatch.No, Cause: dispatch.CauseBadMAC, Err: errors.New(strings.Repeat("e", 5000))}
	j.Add(bad)
	e := j.Entries(journal.Filter{Limit: 1})[0]
	if e.MAC != "" || e.AskedMAC != "nonsense" || len(e.File) != 255 || len(e.Error) != 1000 {
		t.Errorf("of a bad MAC, bounded: %+v", e)
	}
}

func TestEntriesFilter(t *testing.T) {
	j := journal.New(2000)
	for n := range 3000 {
		j.Add(decision(n))
	}
	all := j.Entries(journal.Filter{})
	if len(all) != 2000 || all[0].RequestID != "req-1000" || all[1999].RequestID != "req-2999" {
		t.Fatalf("%d entries from %s", len(all), all[0].RequestID)
	}
	for _, c := range []struct {
		name   string
		filter journal.Filter
		want   []string
	}{
		{"limit", journal.Filter{Limit: 2}, []string{"2998", "2999"}},
		{"after", journal.Filter{After: all[1997].Seq}, []string{"2998", "2999"}},
		{"after the last", journal.Filter{After: all[1999].Seq}, nil},
		{"after anything", journal.Filter{After: ^uint64(0)}, nil},
		{"MAC", journal.Filter{MAC: "5254.0000.0BB6"}, []string{"2998"}},
		{"MAC overwritten", journal.Filter{MAC: "52:54:00:00:00:01"}, nil},
		{"no MAC", journal.Filter{MAC: "52-54-00-00-0b-b6x"}, nil},
		{"UUID", journal.Filter{Node: "uuid-1998"}, []string{"1998"}},
		{"name", journal.Filter{Node: "node-1998"}, []string{"1998"}},
		{"other case of a name", journal.Filter{Node: "Node-1998"}, nil},
		{"outcome", journal.Filter{Outcome: "served", Limit: 2}, []string{"2996", "2998"}},
		{"cause", journal.Filter{Cause: "unknown_mac", Limit: 1}, []string{"2999"}},
		{"both", journal.Filter{Outcome: "served", Cause: "unknown_mac"}, nil},
	} {
		if diff := cmp.Diff(c.want, ids(j.Entries(c.filter))); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestOff(t *testing.T) {
	j := journal.New(0)
	j.Add(decision(1))
	j.CallFailed("conductor-1", errors.New("refused"))
	f := j.Follow(t.Context(), journal.Filter{})
	entries, missed := f.Read(10)
	last, _ := j.LastOf([]string{"UUID-1"})
	if j.Entries(journal.Filter{}) != nil || j.Unknown(0) != nil || j.Dropped() != 0 || len(j.Calls()) != 0 ||
		entries != nil || missed != 0 || len(last) != 0 || len(j.Series(time.Now())) != 360 || !j.Started().IsZero() {
		t.Error("a journal that is off holds something")
	}
}

// follow reads until n entries have come.
func follow(t *testing.T, f *journal.Follower, n int) (entries []journal.Entry, missed uint64) {
	t.Helper()
	for len(entries) < n {
		select {
		case <-f.Ready():
			for {
				more, m := f.Read(7)
				entries, missed = append(entries, more...), missed+m
				if len(more) < 7 {
					break
				}
			}
		case <-t.Context().Done():
			t.Fatal("nothing came")
		}
	}
	return entries, missed
}

func TestFollow(t *testing.T) {
	j := journal.New(100)
	for n := range 10 {
		j.Add(decision(n))
	}
	ctx, cancel := context.WithCancel(t.Context())
	news := j.Follow(ctx, journal.Filter{Outcome: "served"})
	tail := j.Follow(ctx, journal.Filter{Outcome: "served", Limit: 2})
	resumed := j.Follow(ctx, journal.Filter{After: j.Entries(journal.Filter{Limit: 4})[0].Seq})
	before := j.Follow(ctx, journal.Filter{After: 1}) // of a process before this one
	ahead := j.Follow(ctx, journal.Filter{After: ^uint64(0) - 1})
	for n := 10; n < 30; n++ {
		j.Add(decision(n))
	}
	for name, c := range map[string]struct {
		f    *journal.Follower
		want []int
	}{
		"new ones":      {news, []int{10, 12, 14, 16, 18, 20, 22, 24, 26, 28}},
		"and last ones": {tail, []int{6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28}},
		"resumed":       {resumed, []int{7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29}},
		"from before":   {before, upTo(30)},
		"clock back":    {ahead, []int{10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29}},
	} {
		entries, missed := follow(t, c.f, len(c.want))
		var want []string
		for _, n := range c.want {
			want = append(want, fmt.Sprint(n))
		}
		if diff := cmp.Diff(want, ids(entries)); diff != "" || missed != 0 {
			t.Errorf("%s: missed %d: %s", name, missed, diff)
		}
	}
	cancel()
	for n := range 300 {
		j.Add(decision(n))
	}
	if j.Dropped() != 0 {
		t.Errorf("%d dropped for nobody", j.Dropped())
	}
}

func upTo(n int) (out []int) {
	for i := range n {
		out = append(out, i)
	}
	return out
}

// TestFollowSlow: a reader that does not read makes nobody wait, and is told
// what it missed.
func TestFollowSlow(t *testing.T) {
	j := journal.New(10)
	f := j.Follow(t.Context(), journal.Filter{})
	for n := range 35 {
		j.Add(decision(n))
	}
	entries, missed := f.Read(100)
	if len(entries) != 10 || entries[0].RequestID != "req-25" || missed != 25 || j.Dropped() != 25 {
		t.Errorf("%d entries, %d missed, %d dropped", len(entries), missed, j.Dropped())
	}
	// One of before this process misses only what this process had.
	other := j.Follow(t.Context(), journal.Filter{After: 1})
	if entries, missed := other.Read(100); len(entries) != 10 || missed != 25 {
		t.Errorf("from before: %d entries, %d missed", len(entries), missed)
	}
}

func TestUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := journal.New(10)
		begin := time.Now()
		j.Add(decision(1))
		time.Sleep(time.Second)
		j.Add(decision(3))
		j.Add(decision(2)) // known
		again := decision(1)
		again.Remote, again.File = "192.0.2.7", "grub.cfg"
		j.Add(again)
		bad := decision(5)
		bad.MAC, bad.Cause = usher.MAC{}, dispatch.CauseBadMAC
		j.Add(bad)
		at := begin.Add(time.Second)
		want := []journal.Stranger{
			{MAC: again.MAC, First: begin, Last: at, Count: 2, Remote: "192.0.2.7", Files: []string{"boot.ipxe", "grub.cfg"}},
			{MAC: decision(3).MAC, First: at, Last: at, Count: 1, Remote: "192.0.2.1", Files: []string{"boot.ipxe"}},
		}
		if diff := cmp.Diff(want, j.Unknown(0)); diff != "" {
			t.Error(diff)
		}
		again.Node.UUID = "enrolled"
		j.Add(again)
		if left := j.Unknown(0); len(left) != 1 || left[0].MAC != decision(3).MAC {
			t.Errorf("after it was enrolled: %v", left)
		}
		for n := range 5000 {
			j.Add(decision(2*n + 1001))
		}
		if two := j.Unknown(2); len(two) != 2 || two[0].MAC != decision(10999).MAC || j.CountUnknown() != 1000 {
			t.Errorf("the last two of %d: %v", j.CountUnknown(), two)
		}
		if left := j.Unknown(0); len(left) != 1000 || left[0].MAC != decision(10999).MAC {
			t.Errorf("%d kept, the last one %v", len(left), left[0])
		}
	})
}

func TestLastOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := journal.New(10)
		begin := time.Now()
		time.Sleep(time.Minute)
		j.Add(decision(2))
		time.Sleep(time.Minute)
		refused := decision(2)
		refused.Outcome, refused.Cause = dispatch.NotNow, dispatch.CauseTimeout
		j.Add(refused)
		requests, since := j.LastOf([]string{"UUID-2", "UUID-4"})
		want := map[string]journal.Last{"UUID-2": {Seq: j.Entries(journal.Filter{Limit: 1})[0].Seq, Time: begin.Add(2 * time.Minute),
			MAC: refused.MAC, File: "boot.ipxe", Outcome: "not_now", Cause: "conductor_timeout", AnsweredBy: "conductor-2", Count: 2}}
		if diff := cmp.Diff(want, requests); diff != "" || !since.Equal(begin) {
			t.Errorf("since %v: %s", since, diff)
		}
		time.Sleep(time.Minute)
		for n := range 20000 {
			j.Add(decision(2*n + 1000))
		}
		if requests, since := j.LastOf([]string{"UUID-2"}); len(requests) != 0 || !since.Equal(begin.Add(2*time.Minute)) {
			t.Errorf("forgotten: %v, since %v", requests, since)
		}
	})
}

func TestCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := journal.New(10)
		j.CallFailed("conductor-1", errors.New("refused"))
		time.Sleep(time.Second)
		j.CallFailed("conductor-1", errors.New("timed out"))
		want := map[string]journal.Call{"conductor-1": {Time: time.Now(), Error: "timed out", Count: 2}}
		if diff := cmp.Diff(want, j.Calls()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestSeries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := journal.New(10)
		add := func(o dispatch.Outcome, took time.Duration, times int) {
			for range times {
				j.Add(&dispatch.Decision{Time: time.Now(), Outcome: o, Steps: dispatch.Steps{Total: took}})
			}
		}
		add(dispatch.Served, time.Millisecond, 90)
		add(dispatch.No, 100*time.Millisecond, 9)
		add(dispatch.NotNow, 3*time.Second, 1)
		add(dispatch.Refused, 0, 1)
		time.Sleep(time.Minute)
		add(dispatch.Served, 5*time.Microsecond, 1)
		s := j.Series(time.Now())
		if len(s) != 360 || !s[359].Start.Equal(time.Now().UTC().Truncate(journal.Step)) {
			t.Fatalf("%d steps to %v", len(s), s[359].Start)
		}
		first := s[359-6]
		if first.Served != 90 || first.No != 9 || first.NotNow != 1 || first.Refused != 1 || first.Total() != 101 ||
			!near(first.P50, time.Millisecond) || !near(first.P99, 100*time.Millisecond) {
			t.Errorf("%+v", first)
		}
		if last := s[359]; last.Served != 1 || !near(last.P50, 5*time.Microsecond) {
			t.Errorf("%+v", last)
		}
		if now := j.Series(time.Now().Add(time.Hour)); now[359].Total() != 0 || now[359-6].Total() != 0 {
			t.Error("an hour later it is still there")
		}
		time.Sleep(time.Hour - time.Minute) // the same place as the first
		add(dispatch.Served, time.Second, 1)
		if s := j.Series(time.Now()); s[359].Total() != 1 || !near(s[359].P99, time.Second) {
			t.Errorf("%+v", s[359])
		}
		j.Add(&dispatch.Decision{})          // of no time at all
		add(dispatch.Served, 2*time.Hour, 1) // off the scale
	})
}

func near(got, want time.Duration) bool { return got > want*7/8 && got < want*9/8 }

// TestConcurrent is for the race detector: everything at once, and what each
// follower gets and misses is what there was.
func TestConcurrent(t *testing.T) {
	j := journal.New(500)
	const writers, each = 4, 2000
	var writing, reading sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ends := make(chan struct{})
	for range 2 {
		f := j.Follow(ctx, journal.Filter{})
		reading.Go(func() {
			var got uint64
			for end := false; !end; {
				select {
				case <-f.Ready():
				case <-ends:
					end = true
				}
				for {
					entries, missed := f.Read(64)
					got += uint64(len(entries)) + missed
					if !slices.IsSortedFunc(entries, func(a, b journal.Entry) int { return int(a.Seq) - int(b.Seq) }) {
						t.Error("out of order")
					}
					if len(entries) < 64 {
						break
					}
				}
			}
			if got != writers*each {
				t.Errorf("%d read or missed, %d written", got, writers*each)
			}
		})
	}
	for w := range writers {
		writing.Go(func() {
			for n := range each {
				j.Add(decision(w*each + n))
				if n%100 == 0 {
					j.Entries(journal.Filter{Outcome: "served"})
					j.Unknown(0)
					j.LastOf([]string{"UUID-2"})
					j.Series(time.Now())
					j.CallFailed("conductor", errors.New("x"))
					j.Calls()
				}
			}
		})
	}
	writing.Wait()
	close(ends)
	reading.Wait()
}

// TestAddAllocates: a full ring takes decisions in without allocating.
func TestAddAllocates(t *testing.T) {
	j := journal.New(300)
	known, unknown := decision(2), decision(3)
	for range 300 {
		j.Add(known)
		j.Add(unknown)
	}
	if n := testing.AllocsPerRun(300, func() { j.Add(known); j.Add(unknown) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAdd(b *testing.B) {
	for _, followers := range []int{0, 1} {
		b.Run(fmt.Sprintf("followers=%d", followers), func(b *testing.B) {
			j := journal.New(10000)
			for range followers {
				j.Follow(b.Context(), journal.Filter{})
			}
			many := make([]*dispatch.Decision, 4096)
			for n := range many {
				many[n] = decision(n)
			}
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for n := 0; pb.Next(); n++ {
					j.Add(many[n%len(many)])
				}
			})
		})
	}
}
