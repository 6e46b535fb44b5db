package membership

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
)

// TestBeside: which row is the conductor's that a process is beside, and what
// an operator reads where there is none.
func TestBeside(t *testing.T) {
	t.Parallel()
	now := time.Now()
	alive := func(id int64, host string) usher.Conductor { return row(id, host, "", now, "ipmi") }
	stale := func(id int64, host string) usher.Conductor { return row(id, host, "", now.AddDate(0, 0, -26), "ipmi") }
	stopped := func(id int64, host string) usher.Conductor {
		c := alive(id, host)
		c.Online, c.Interfaces = false, nil
		return c
	}
	for _, c := range []struct {
		name string
		self string
		rows []usher.Conductor
		want string   // empty: an error
		as   []string // ActiveAs
		says []string
	}{
		{name: "before 2025.1, or on a message bus", self: "h:6189", rows: []usher.Conductor{alive(1, "h"), alive(2, "g")}, want: "h", as: []string{"h"}},
		{name: "since 2025.1", self: "h:6189", rows: []usher.Conductor{alive(1, "h:6189"), alive(2, "g:6189")}, want: "h:6189", as: []string{"h:6189"}},
		{name: "the standard port", self: "h", rows: []usher.Conductor{alive(1, "h"), alive(2, "g")}, want: "h", as: []string{"h"}},
		{name: "upgraded", self: "h:6189", rows: []usher.Conductor{stale(1, "h"), stale(2, "g"), alive(3, "h:6189")}, want: "h:6189", as: []string{"h:6189"}},
		{name: "being upgraded", self: "h:6189", rows: []usher.Conductor{alive(1, "h"), alive(3, "h:6189")}, want: "h:6189", as: []string{"h:6189", "h"}},
		{name: "taken back", self: "h:6189", rows: []usher.Conductor{alive(1, "h"), stale(3, "h:6189")}, want: "h", as: []string{"h"}},
		{name: "the port is not known here", self: "h", rows: []usher.Conductor{stale(1, "h"), alive(3, "h:6189"), alive(2, "g:6189")}, want: "h:6189", as: []string{"h:6189"}},
		{name: "IPv6", self: "[fd00::1]:6189", rows: []usher.Conductor{stale(1, "fd00::1"), alive(2, "[fd00::1]:6189"), alive(3, "fd00::1:6189")},
			want: "[fd00::1]:6189", as: []string{"[fd00::1]:6189"}},
		{name: "a port in [DEFAULT]host", self: "h:30089", rows: []usher.Conductor{stale(1, "h"), alive(2, "h:30089")}, want: "h:30089", as: []string{"h:30089"}},
		{name: "two on one host", self: "h:2", rows: []usher.Conductor{alive(1, "h:1"), alive(2, "h:2")}, want: "h:2", as: []string{"h:2"}},
		{name: "which of two", self: "h", rows: []usher.Conductor{alive(1, "h:1"), alive(2, "h:2")}, as: []string{"h:1", "h:2"},
			says: []string{"h:1 (active), h:2 (active)", "[json_rpc]port"}},
		{name: "not active", self: "h:6189", rows: []usher.Conductor{stale(1, "h"), stopped(2, "h:6189"), alive(3, "g")},
			says: []string{"is not active: h (silent since ", "h:6189 (offline)"}},
		{name: "another port", self: "h:6189", rows: []usher.Conductor{alive(1, "h:7000")},
			says: []string{"this [DEFAULT]host, h.", "Looked for: h:6189 and h.", "Registered: h:7000 (active)."}},
		{name: "another name", self: "h", rows: []usher.Conductor{alive(1, "h.example.com"), stale(2, "g")},
			says: []string{"Looked for: h without a port and with any.", "g (silent since ", "h.example.com (active)"}},
		{name: "an empty table", self: "h:6189", says: []string{"Registered: none."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			table := &fakeTable{rows: c.rows}
			r := NewRings(table, options())
			as, err := r.ActiveAs(t.Context(), c.self)
			var names []string
			for _, a := range as {
				names = append(names, a.Hostname)
			}
			if diff := cmp.Diff(c.as, names); diff != "" || err != nil {
				t.Errorf("ActiveAs: %v\n%s", err, diff)
			}
			got, err := r.Beside(t.Context(), c.self)
			if got.Hostname != c.want || (err == nil) != (c.want != "") || err != nil && !errors.Is(err, usher.ErrUnavailable) {
				t.Fatalf("Beside: %q, %v; want %q", got.Hostname, err, c.want)
			}
			for _, words := range c.says {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("%q does not say %q", err, words)
				}
			}
		})
	}
}

// TestBesideReadsAgain: a conductor that Ironic has registered by its new name
// a moment ago is found, though what was read before is still used otherwise.
func TestBesideReadsAgain(t *testing.T) {
	t.Parallel()
	now := time.Now()
	table := &fakeTable{rows: []usher.Conductor{row(1, "h", "", now.Add(-time.Hour), "ipmi")}}
	r := NewRings(table, options())
	if _, err := r.Beside(t.Context(), "h:6189"); !errors.Is(err, usher.ErrUnavailable) {
		t.Fatal(err)
	}
	table.set(func(f *fakeTable) { f.rows = append(f.rows, row(2, "h:6189", "", now, "ipmi")) })
	if c, err := r.Beside(t.Context(), "h:6189"); c.ID != 2 || err != nil {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestBesideManyOthers(t *testing.T) {
	t.Parallel()
	var rows []usher.Conductor
	for i := range int64(12) {
		rows = append(rows, row(i+1, string(rune('a'+i)), "", time.Now(), "ipmi"))
	}
	_, err := NewRings(&fakeTable{rows: rows}, options()).Beside(t.Context(), "x:1")
	if err == nil || !strings.Contains(err.Error(), "h (active), 4 more.") {
		t.Error(err)
	}
}
