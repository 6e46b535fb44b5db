package membership

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-boot/usher"
)

func TestAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		gone := row(3, "c", "", now.Add(-2*time.Minute), "ipmi")
		table := &fakeTable{rows: []usher.Conductor{gone, row(2, "b", "rack", now.Add(-5*time.Second), "ipmi", "redfish"), row(1, "a", "", now, "ipmi"), row(4, "d", "", now, "ipmi")}}
		s, err := NewRings(table, options()).Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all := s.All()
		if len(all) != 4 {
			t.Fatalf("%d conductors: %+v", len(all), all)
		}
		sizes := s.RingSizes()
		slices.SortFunc(sizes, func(a, b RingSize) int {
			return cmp.Or(strings.Compare(a.Group, b.Group), strings.Compare(a.HardwareType, b.HardwareType))
		})
		if want := []RingSize{{"", "ipmi", 2}, {"rack", "ipmi", 1}, {"rack", "redfish", 1}}; !slices.Equal(sizes, want) {
			t.Errorf("rings %+v, want %+v", sizes, want)
		}
		for i, want := range []struct {
			host   string
			active bool
			age    time.Duration
		}{{"a", true, 0}, {"b", true, 5 * time.Second}, {"c", false, 2 * time.Minute}} {
			if got := all[i]; got.Hostname != want.host || got.Active != want.active || got.HeartbeatAge != want.age {
				t.Errorf("conductor %d: %+v, want %+v", i, got, want)
			}
		}
	})
}

func TestChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		table := &fakeTable{rows: []usher.Conductor{row(1, "a", "", time.Now(), "ipmi")}}
		r := NewRings(table, options())
		read := func(want uint64) {
			t.Helper()
			r.Reset()
			if _, err := r.Snapshot(t.Context()); err != nil || r.Changes() != want {
				t.Errorf("%d changes, %v; want %d", r.Changes(), err, want)
			}
		}
		read(0) // the first reading is no change
		read(0)
		table.set(func(f *fakeTable) { f.rows = append(f.rows, row(2, "b", "", time.Now(), "ipmi")) })
		read(1)
		read(1)
		table.set(func(f *fakeTable) { f.rows = f.rows[:1] })
		read(2)
	})
}
