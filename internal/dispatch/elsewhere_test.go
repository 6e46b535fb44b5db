package dispatch

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
)

// members is a conductors table: conductor "a" has id 1, "b" 2 and so on, and
// the ring of all of them is in this order.
type members struct {
	rows   []usher.Conductor
	active map[string]bool
	err    error
}

func (m *members) Known(context.Context, string, string, string) ([]usher.Conductor, error) {
	return m.rows, m.err
}

func (m *members) Conductor(_ context.Context, id int64) (usher.Conductor, bool, error) {
	if m.err != nil {
		return usher.Conductor{}, false, m.err
	}
	for _, c := range m.rows {
		if c.ID == id {
			return c, m.active[c.Hostname], nil
		}
	}
	return usher.Conductor{}, false, usher.Errorf(usher.ErrNotFound, "no conductor %d", id)
}

func (m *members) ActiveAs(_ context.Context, name string) (found []usher.Conductor, err error) {
	for _, c := range m.rows {
		switch {
		case !m.active[c.Hostname] || !usher.SameConductor(c.Hostname, name):
		case c.Hostname == name:
			found = slices.Insert(found, 0, c)
		default:
			found = append(found, c)
		}
	}
	return found, m.err
}

// inspects is the inspect interface of every node, or what is wrong with it.
type inspects string

func (i inspects) InspectInterface(context.Context, string) (string, error) {
	switch i {
	case "denied":
		return "", errors.New("SELECT command denied")
	case "down":
		return "", usher.Errorf(usher.ErrUnavailable, "connection lost")
	case "deleted":
		return "", usher.Errorf(usher.ErrNotFound, "no such node")
	}
	return string(i), nil
}

// TestElsewhere: what becomes of a node whose owner by the ring has no file.
// The node came to wait at minute 60; conductors live from minute 0 on and
// heartbeat_timeout is a minute.
func TestElsewhere(t *testing.T) {
	minute := func(m int) time.Time { return time.Date(2026, 1, 1, 0, m, 0, 0, time.UTC) }
	none := says(usher.Errorf(usher.ErrNotFound, "none"))
	type conductor struct {
		host    string
		created int // minute
		beat    int // minute of its last heartbeat; 0: active
	}
	for _, c := range []struct {
		name       string
		state      usher.State
		affinity   int64
		conductors []conductor // in the order of the ring of all
		files      string      // hosts that have the file, one letter each
		answers    map[string]func(context.Context) (string, error)
		outage     bool
		require    string // [inspector]require_managed_boot
		inspects   string // the node's inspect interface, or the class of an error
		outcome    Outcome
		cause      Cause
		by         string
		asked      []string
	}{
		{name: "the owner has it", state: usher.DeployWait, affinity: 1, files: "a",
			conductors: []conductor{{host: "a"}, {host: "b"}},
			outcome:    Served, cause: CauseServed, by: "a", asked: []string{"a"}},
		{name: "deployed elsewhere", state: usher.DeployWait, affinity: 3, files: "c",
			conductors: []conductor{{host: "a"}, {host: "b"}, {host: "c"}},
			outcome:    Served, cause: CauseServed, by: "c", asked: []string{"a", "c"}},
		{name: "deployed elsewhere, others have old ones", state: usher.DeployWait, affinity: 3, files: "b",
			conductors: []conductor{{host: "a"}, {host: "b"}, {host: "c"}},
			outcome:    No, cause: CauseNoFile, by: "a", asked: []string{"a", "c"}},
		{name: "deployed by one that is gone", state: usher.DeployWait, affinity: 1, files: "ac",
			conductors: []conductor{{host: "a", beat: 61}, {host: "b"}, {host: "c"}},
			outcome:    NotNow, cause: CauseLost, by: "b", asked: []string{"b"}},
		{name: "deployed by the owner, files removed", state: usher.DeployWait, affinity: 1, files: "b",
			conductors: []conductor{{host: "a"}, {host: "b"}},
			outcome:    No, cause: CauseNoFile, by: "a", asked: []string{"a"}},
		{name: "active, take-over is due", state: usher.Active, affinity: 2, files: "b",
			conductors: []conductor{{host: "a"}, {host: "b"}},
			outcome:    Served, cause: CauseServed, by: "b", asked: []string{"a", "b"}},
		{name: "active, its conductor is gone", state: usher.Active, affinity: 1,
			conductors: []conductor{{host: "a", beat: 61}, {host: "b"}},
			outcome:    NotNow, cause: CauseLost, by: "b", asked: []string{"b"}},
		{name: "available: old files are nobody's business", state: usher.Available, files: "b",
			conductors: []conductor{{host: "a"}, {host: "b"}},
			outcome:    No, cause: CauseNoFile, by: "a", asked: []string{"a"}},
		{name: "first cleaning, a conductor has joined", state: usher.CleanWait, files: "b",
			conductors: []conductor{{host: "a", created: 61}, {host: "b"}, {host: "c"}},
			outcome:    Served, cause: CauseServed, by: "b", asked: []string{"a", "b"}},
		{name: "first cleaning, a conductor is back", state: usher.CleanWait, files: "b",
			conductors: []conductor{{host: "a"}, {host: "b"}, {host: "c"}},
			outcome:    Served, cause: CauseServed, by: "b", asked: []string{"a", "b"}},
		{name: "first cleaning, two have joined", state: usher.CleanWait, files: "c",
			conductors: []conductor{{host: "a", created: 61}, {host: "b", created: 62}, {host: "c"}},
			outcome:    Served, cause: CauseServed, by: "c", asked: []string{"a", "c"}},
		{name: "cleaning, its conductor died later", state: usher.CleanWait,
			conductors: []conductor{{host: "a", beat: 65}, {host: "b"}, {host: "c"}},
			outcome:    NotNow, cause: CauseLost, by: "b", asked: []string{"b"}},
		{name: "cleaning, one died long before", state: usher.CleanWait,
			conductors: []conductor{{host: "a", beat: 30}, {host: "b"}, {host: "c"}},
			outcome:    No, cause: CauseNoFile, by: "b", asked: []string{"b", "c"}},
		{name: "cleaning, back at the ring's next who died", state: usher.CleanWait,
			conductors: []conductor{{host: "a"}, {host: "b", beat: 65}, {host: "c"}},
			outcome:    NotNow, cause: CauseLost, by: "a", asked: []string{"a"}},
		{name: "cleaning after a deployment elsewhere", state: usher.CleanWait, affinity: 3, files: "c",
			conductors: []conductor{{host: "a"}, {host: "b"}, {host: "c"}},
			outcome:    Served, cause: CauseServed, by: "c", asked: []string{"a", "c"}},
		{name: "cleaning after a deployment by one long gone", state: usher.CleanWait, affinity: 3, files: "b",
			conductors: []conductor{{host: "a"}, {host: "b"}, {host: "c", beat: 10}},
			outcome:    Served, cause: CauseServed, by: "b", asked: []string{"a", "b"}},
		{name: "rescue, its conductor died later", state: usher.RescueWait, affinity: 1,
			conductors: []conductor{{host: "a", beat: 65}, {host: "b"}},
			outcome:    NotNow, cause: CauseLost, by: "b", asked: []string{"b"}},
		{name: "inspection without a file", state: usher.InspectWait, inspects: "agent",
			conductors: []conductor{{host: "a"}, {host: "b"}},
			outcome:    No, cause: CauseNoFile, by: "a", asked: []string{"a", "b"}},
		{name: "inspection, its conductor died", state: usher.InspectWait, inspects: "agent",
			conductors: []conductor{{host: "a", beat: 65}, {host: "b"}},
			outcome:    NotNow, cause: CauseLost, by: "b", asked: []string{"b"}},
		{name: "inspection, a conductor died long before", state: usher.InspectWait, inspects: "agent",
			conductors: []conductor{{host: "a", beat: 30}, {host: "b"}},
			outcome:    No, cause: CauseNoFile, by: "b", asked: []string{"b"}},
		{name: "inspection by ironic-inspector, a conductor died", state: usher.InspectWait, inspects: "inspector",
			conductors: []conductor{{host: "a", beat: 65}, {host: "b"}},
			outcome:    No, cause: CauseNoFile, by: "b", asked: []string{"b"}},
		{name: "inspection by ironic-inspector, whose boot Ironic always manages", state: usher.InspectWait, inspects: "inspector", require: "true",
			conductors: []conductor{{host: "a", beat: 65}, {host: "b"}},
			outcome:    NotNow, cause: CauseLost, by: "b", asked: []string{"b"}},
		{name: "inspection whose boot Ironic need not manage", state: usher.InspectWait, inspects: "agent", require: "false",
			conductors: []conductor{{host: "a", beat: 65}, {host: "b"}},
			outcome:    No, cause: CauseNoFile, by: "b", asked: []string{"b"}},
		{name: "inspection, by what may not be read", state: usher.InspectWait, inspects: "denied",
			conductors: []conductor{{host: "a", beat: 65}, {host: "b"}},
			outcome:    NotNow, cause: CauseLost, by: "b", asked: []string{"b"}},
		{name: "inspection, by what cannot be read now", state: usher.InspectWait, inspects: "down",
			conductors: []conductor{{host: "a", beat: 65}, {host: "b"}},
			outcome:    NotNow, cause: CauseDatabase, by: "b", asked: []string{"b"}},
		{name: "inspection of a node that was deleted meanwhile", state: usher.InspectWait, inspects: "deleted",
			conductors: []conductor{{host: "a", beat: 65}, {host: "b"}},
			outcome:    No, cause: CauseNoFile, by: "b", asked: []string{"b"}},
		{name: "affinity's row is gone", state: usher.DeployWait, affinity: 9, files: "b",
			conductors: []conductor{{host: "a"}, {host: "b"}},
			outcome:    Served, cause: CauseServed, by: "b", asked: []string{"a", "b"}},
		{name: "the other one is unreachable", state: usher.DeployWait, affinity: 2,
			conductors: []conductor{{host: "a"}, {host: "b"}},
			answers:    map[string]func(context.Context) (string, error){"b": unreachable},
			outcome:    NotNow, cause: CauseUnreachable, by: "b", asked: []string{"a", "b"}},
		{name: "the other one is being written", state: usher.DeployWait, affinity: 2,
			conductors: []conductor{{host: "a"}, {host: "b"}},
			answers:    map[string]func(context.Context) (string, error){"b": notReady},
			outcome:    NotNow, cause: CauseNotReady, by: "b", asked: []string{"a", "b"}},
		{name: "the owner cannot be reached", state: usher.DeployWait, affinity: 2, files: "b",
			conductors: []conductor{{host: "a"}, {host: "b"}},
			answers:    map[string]func(context.Context) (string, error){"a": unreachable},
			outcome:    NotNow, cause: CauseUnreachable, by: "a", asked: []string{"a"}},
		{name: "conductors cannot be read", state: usher.CleanWait, outage: true,
			conductors: []conductor{{host: "a"}},
			outcome:    NotNow, cause: CauseDatabase, by: "a", asked: []string{"a"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.node.ProvisionState, w.node.ConductorAffinity, w.node.ProvisionUpdatedAt = c.state, c.affinity, minute(60)
				w.owners = nil
				m := &members{active: map[string]bool{}}
				for _, r := range c.conductors {
					m.rows = append(m.rows, usher.Conductor{ID: int64(r.host[0]-'a') + 1, Hostname: r.host,
						CreatedAt: minute(r.created), UpdatedAt: minute(max(r.beat, 1))})
					if m.active[r.host] = r.beat == 0; m.active[r.host] {
						w.owners = append(w.owners, r.host)
					}
					w.answers[r.host] = none
				}
				for _, host := range c.files {
					delete(w.answers, string(host))
				}
				for host, answer := range c.answers {
					w.answers[host] = answer
				}
				if c.outage {
					m.err = usher.Errorf(usher.ErrUnavailable, "connection lost")
				}
				e := &Elsewhere{Members: m, HeartbeatTimeout: time.Minute, Inspections: inspects(c.inspects)}
				if c.require != "" {
					required := c.require == "true"
					e.RequireManagedBoot = &required
				}
				d := New(Options{Nodes: w, Rings: w, Conductors: w, RPCTimeout: time.Second, Elsewhere: e})
				got := d.Decide(t.Context(), Request{MAC: knownMAC, File: "boot.ipxe"})
				if got.Outcome != c.outcome || got.Cause != c.cause || got.AnsweredBy != c.by {
					t.Errorf("got %s, %s by %q (%v); want %s, %s by %q", got.Outcome, got.Cause, got.AnsweredBy, got.Err, c.outcome, c.cause, c.by)
				}
				if got.Owner != w.owners[0] {
					t.Errorf("owner %s, want %s", got.Owner, w.owners[0])
				}
				if diff := cmp.Diff(c.asked, w.asked); diff != "" {
					t.Errorf("asked (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestElsewhereUpgraded: Ironic registers a conductor by another name after an
// upgrade and leaves its old row behind. A node that waited meanwhile was
// prepared by the old one, and its file is where the new one is. The node came
// to wait at minute 60.
func TestElsewhereUpgraded(t *testing.T) {
	minute := func(m int) time.Time { return time.Date(2026, 1, 1, 0, m, 0, 0, time.UTC) }
	type row struct {
		host    string // the first letter tells the agent
		created int
		beat    int // 0: active
	}
	upgraded := []row{{"a", 0, 70}, {"b", 0, 70}, {"c", 0, 70}, {"b:1", 75, 0}, {"a:1", 75, 0}, {"c:1", 75, 0}}
	for _, c := range []struct {
		name     string
		state    usher.State
		affinity int64 // the place of a row, from 1
		rows     []row // in the order of the ring of all
		owner    string
		files    string // the agents that have the file
		cause    Cause
		asked    string
	}{
		{"the owner prepared it by its old name", usher.DeployWait, 2, upgraded, "b:1", "b", CauseServed, "b:1"},
		{"the owner's old row has no file any more", usher.DeployWait, 2, upgraded, "b:1", "a", CauseNoFile, "b:1"},
		{"another prepared it by its old name", usher.DeployWait, 1, upgraded, "b:1", "a", CauseServed, "b:1 a:1"},
		{"another prepared it by its old name, active", usher.Active, 1, upgraded, "b:1", "a", CauseServed, "b:1 a:1"},
		{"who prepared it never came back", usher.DeployWait, 1, slices.Concat(upgraded[:4], upgraded[5:]), "b:1", "a", CauseLost, "b:1"},
		{"cleaning since before, on the first of the ring", usher.CleanWait, 0, upgraded, "b:1", "a", CauseServed, "b:1 a:1"},
		{"cleaning since before, on the owner", usher.CleanWait, 0, upgraded, "a:1", "a", CauseServed, "a:1"},
		{"cleaning since before, after a deployment by another", usher.CleanWait, 3, upgraded, "b:1", "a", CauseServed, "b:1 c:1 a:1"},
		{"inspection since before", usher.InspectWait, 0, upgraded, "b:1", "a", CauseServed, "b:1 a:1"},
		{"rescue since before, its conductor never came back", usher.RescueWait, 0, slices.Concat(upgraded[:4], upgraded[5:]), "b:1", "", CauseLost, "b:1"},
		{"cleaning since after, nobody has it", usher.CleanWait, 0,
			[]row{{"a", 0, 50}, {"b", 0, 50}, {"b:1", 55, 0}, {"a:1", 55, 0}}, "b:1", "", CauseNoFile, "b:1 a:1"},
		{"cleaning since after, on another", usher.CleanWait, 0,
			[]row{{"c", 0, 50}, {"d", 0, 50}, {"b:1", 55, 0}, {"a:1", 55, 0}, {"c:1", 55, 0}, {"d:1", 55, 0}}, "b:1", "a", CauseServed, "b:1 a:1"},
		{"in the middle of the upgrade, both rows active", usher.DeployWait, 1,
			[]row{{"a", 0, 0}, {"b", 0, 0}, {"a:1", 75, 0}}, "b", "a", CauseServed, "b a"},
		{"in the middle of the upgrade, the owner is both rows", usher.DeployWait, 1,
			[]row{{"a", 0, 0}, {"b", 0, 0}, {"a:1", 75, 0}}, "a:1", "b", CauseNoFile, "a:1"},
		{"in the middle of the upgrade, cleaning", usher.CleanWait, 0,
			[]row{{"a", 0, 0}, {"b", 0, 0}, {"a:1", 75, 0}}, "b", "", CauseNoFile, "b a"},
		{"taken back: the name without a port is active again", usher.DeployWait, 1,
			[]row{{"a:1", 0, 70}, {"a", 75, 0}, {"b", 0, 0}}, "b", "a", CauseServed, "b a"},
		{"one became two", usher.DeployWait, 1,
			[]row{{"a", 0, 70}, {"a:1", 75, 0}, {"a:2", 75, 0}, {"b:1", 75, 0}}, "b:1", "", CauseNoFile, "b:1 a:1 a:2"},
		{"one became two, of which the owner is one", usher.DeployWait, 1,
			[]row{{"a", 0, 70}, {"a:1", 75, 0}, {"a:2", 75, 0}}, "a:1", "", CauseNoFile, "a:1 a:2"},
		{"two of one host are two", usher.DeployWait, 1,
			[]row{{"a:1", 0, 61}, {"a:2", 0, 0}}, "a:2", "", CauseLost, "a:2"},
		{"IPv6", usher.DeployWait, 1,
			[]row{{"fd00::1", 0, 70}, {"[fd00::1]:1", 75, 0}, {"fd00::2", 0, 0}}, "fd00::2", "[", CauseServed, "fd00::2 [fd00::1]:1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld()
			w.node.ProvisionState, w.node.ConductorAffinity, w.node.ProvisionUpdatedAt = c.state, c.affinity, minute(60)
			w.owners = []string{c.owner}
			m := &members{active: map[string]bool{}}
			for i, r := range c.rows {
				m.rows = append(m.rows, usher.Conductor{ID: int64(i + 1), Hostname: r.host, CreatedAt: minute(r.created), UpdatedAt: minute(max(r.beat, 1))})
				m.active[r.host] = r.beat == 0
				if !strings.Contains(c.files, r.host[:1]) {
					w.answers[r.host] = says(usher.Errorf(usher.ErrNotFound, "none"))
				}
			}
			d := New(Options{Nodes: w, Rings: w, Conductors: w, RPCTimeout: time.Second,
				Elsewhere: &Elsewhere{Members: m, HeartbeatTimeout: time.Minute, Inspections: inspects("agent")}})
			got := d.Decide(t.Context(), Request{MAC: knownMAC, File: "boot.ipxe"})
			if asked := strings.Join(w.asked, " "); got.Cause != c.cause || asked != c.asked {
				t.Errorf("got %s (%v), asked %s; want %s, asked %s", got.Cause, got.Err, asked, c.cause, c.asked)
			}
		})
	}
}
