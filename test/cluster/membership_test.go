package cluster

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/testenv"
)

// engines are the servers that membership is tried on.
func engines(t *testing.T, each func(t *testing.T, server *testenv.Server, offset int)) {
	t.Run("MariaDB", func(t *testing.T) { t.Parallel(); each(t, testenv.SharedMariaDB(t), 50) })
	t.Run("PostgreSQL", func(t *testing.T) { t.Parallel(); each(t, testenv.SharedPostgreSQL(t), 60) })
}

// TestMembership: what operators see of the conductors, which they may read
// while no API runs; and what must not be: two conductors of one name, clocks
// that differ.
func TestMembership(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, server *testenv.Server, offset int) {
		database := server.Database(t)
		url := server.URL(database)
		st := newSite(t, settings{conductors: 2, apis: 1, database: url, offset: offset,
			options: map[string]string{"[conductor]heartbeat_timeout": "6"}})
		first, second := st.conductors[0], st.conductors[1]
		first.start()
		second.start()
		st.enrol(url, 40)

		list := conductorList(t, st)
		if len(list) != 2 || !list[st.hosts[0]].Active || !list[st.hosts[1]].Active || list[st.hosts[0]].Age > 3 {
			t.Errorf("two conductors are up, and the list is %+v", list)
		}
		ringAgrees(t, st)

		// A second process of the first one's name, as a copied configuration
		// makes it: on another host it has another state folder.
		config, err := os.ReadFile(first.conf)
		if err != nil {
			t.Fatal(err)
		}
		twin := newProcess(t, "the twin", "conductor", string(config)+fmt.Sprintf(
			"[DEFAULT]\nstate_path = %s\n[usher]\nboot_listen = 127.0.0.1:0\nadmin_listen = 127.0.0.1:0\nrpc_listen = 127.0.0.1:0\n", t.TempDir()))
		twin.launch()
		twin.wait()
		if said := twin.output.String(); twin.err == nil || !strings.Contains(said, "is already registered and alive") ||
			!strings.Contains(said, "[DEFAULT]host") {
			t.Errorf("the second conductor of one name ended with %v and said\n%s", twin.err, said)
		}
		if list := conductorList(t, st); !list[st.hosts[0]].Active {
			t.Error("the first one of that name is not active any more")
		}

		// What a conductor would write whose clock is an hour ahead.
		server.Admin(t, database, "INSERT INTO conductors (hostname, conductor_group, online, updated_at) VALUES "+
			"('tomorrow', '', "+truth(server)+", '"+time.Now().UTC().Add(time.Hour).Format("2006-01-02 15:04:05")+"')")
		first.waitFor(func() bool {
			return strings.Contains(first.output.String(), "a heartbeat comes from the future") &&
				strings.Contains(first.output.String(), "tomorrow")
		}, "warns of a clock that differs")
		server.Admin(t, database, "DELETE FROM conductors WHERE hostname = 'tomorrow'")

		// One stops in good order, the other one dies.
		second.stop()
		if got := conductorList(t, st)[st.hosts[1]]; got.Active || got.Online {
			t.Errorf("a conductor that was stopped is listed as %+v", got)
		}
		first.kill()
		deadline := time.Now().Add(patience)
		for conductorList(t, st)[st.hosts[0]].Active {
			if time.Now().After(deadline) {
				t.Fatal("a dead conductor stays active")
			}
			time.Sleep(200 * time.Millisecond)
		}
		if got := conductorList(t, st)[st.hosts[0]]; !got.Online {
			t.Errorf("a conductor that died silently is listed as %+v", got)
		}
	})
}

func truth(server *testenv.Server) string {
	if strings.HasPrefix(server.URL(""), "mysql") {
		return "1"
	}
	return "true"
}

type listed struct {
	Hostname string
	Active   bool
	Online   bool
	Age      float64 `json:"age_seconds"`
}

func conductorList(t *testing.T, st *site) map[string]listed {
	t.Helper()
	out, errs, code := usherRun(t, st.conf, "conductor", "list", "--json")
	if code != 0 {
		t.Fatalf("usher conductor list: %d\n%s", code, errs)
	}
	var rows []listed
	if err := json.Unmarshal([]byte(out), &rows); err != nil {
		t.Fatal(err)
	}
	by := map[string]listed{}
	for _, r := range rows {
		by[r.Hostname] = r
	}
	return by
}

type ringOut struct {
	Conductors []struct {
		Conductor  string
		Share      float64
		Nodes      int
		NodesAfter *int `json:"nodes_after"`
	}
	Moves []struct{ Node, From, To string }
}

func ringOf(t *testing.T, st *site, args ...string) (r ringOut) {
	t.Helper()
	out, errs, code := usherRun(t, st.conf, append([]string{"ring", "--json"}, args...)...)
	if code != 0 {
		t.Fatalf("usher ring %v: %d\n%s", args, code, errs)
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// ringAgrees holds what usher ring tells of all nodes against what it tells
// of each, and what it foretells against the ring's promise.
func ringAgrees(t *testing.T, st *site) {
	t.Helper()
	whole := ringOf(t, st)
	share, nodes := 0.0, map[string]int{}
	for _, c := range whole.Conductors {
		share += c.Share
		nodes[c.Conductor] = c.Nodes
	}
	if len(whole.Conductors) != 2 || share < 0.999 || share > 1.001 || nodes[st.hosts[0]]+nodes[st.hosts[1]] != len(st.nodes) {
		t.Errorf("usher ring: %+v", whole)
	}
	owned := map[string]int{}
	for i, n := range st.nodes {
		if i%8 != 0 {
			continue // each takes a process
		}
		for _, ident := range []string{n.mac, n.uuid, n.name}[i/8%3:][:1] {
			var place struct{ Owners []string }
			out, errs, code := usherRun(t, st.conf, "ring", "--json", ident)
			if err := json.Unmarshal([]byte(out), &place); err != nil || code != 0 || len(place.Owners) != 2 {
				t.Fatalf("usher ring %s: %d, %v\n%s%s", ident, code, err, out, errs)
			}
			owned[place.Owners[0]]++
		}
	}
	without := ringOf(t, st, "--without", st.hosts[0])
	if len(without.Moves) != nodes[st.hosts[0]] {
		t.Errorf("%d nodes would move without %s, which owns %d", len(without.Moves), st.hosts[0], nodes[st.hosts[0]])
	}
	for _, m := range without.Moves {
		if m.From != st.hosts[0] || m.To != st.hosts[1] {
			t.Errorf("without %s a node would move from %s to %s", st.hosts[0], m.From, m.To)
		}
	}
	with := ringOf(t, st, "--with", "a-third-one", "--driver", "manual-management")
	for _, m := range with.Moves {
		if m.To != "a-third-one" {
			t.Errorf("with a third conductor a node would move from %s to %s", m.From, m.To)
		}
	}
	if len(with.Moves) == 0 || len(with.Moves) == len(st.nodes) {
		t.Errorf("a third conductor would get %d of %d nodes", len(with.Moves), len(st.nodes))
	}
	if none := ringOf(t, st, "--group", "elsewhere"); len(none.Conductors) != 0 {
		t.Errorf("a group that nobody is in: %+v", none)
	}
	out, errs, code := usherRun(t, st.conf, "ring", "--without", st.hosts[0])
	for _, want := range []string{"CONDUCTOR", "SHARE THEN", st.hosts[1], fmt.Sprintf("%d of %d nodes would move: %[1]d from %[3]s to %[4]s.",
		nodes[st.hosts[0]], len(st.nodes), st.hosts[0], st.hosts[1])} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("usher ring --without says (%d) nothing of %q:\n%s%s", code, want, out, errs)
		}
	}
	if _, errs, code := usherRun(t, st.conf, "ring", "52:54:00:ff:ff:ff"); code != 3 {
		t.Errorf("usher ring of an unknown MAC: %d\n%s", code, errs)
	}
}

// TestDeadHolder: a lock that a conductor took with it into its death does
// not block a verb, and work that it left is brought to its end.
func TestDeadHolder(t *testing.T) {
	t.Parallel()
	server := testenv.SharedMariaDB(t)
	database := server.Database(t)
	url := server.URL(database)
	st := newSite(t, settings{conductors: 2, apis: 1, database: url, offset: 70,
		options: map[string]string{"[conductor]heartbeat_timeout": "3", "[DEFAULT]hash_ring_reset_interval": "1"}})
	st.up()
	st.enrol(url, 4)
	base := st.management[0]
	// As a conductor that is killed in the middle leaves them: locked at rest,
	// and locked at work.
	dead := st.hosts[0]
	atRest, atWork := st.nodes[0], st.nodes[1]
	st.conductors[0].kill()
	server.Admin(t, database,
		"UPDATE nodes SET reservation = '"+dead+"' WHERE uuid = '"+atRest.uuid+"'",
		"UPDATE nodes SET reservation = '"+dead+"', provision_state = 'deploying', target_provision_state = 'active' WHERE uuid = '"+atWork.uuid+"'")

	var status int
	var said string
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	killed := time.Now()
	for deadline := time.Now().Add(patience); status != 202; <-tick.C {
		if status, said = st.verb(base, atRest.uuid, "active"); status != 202 && status != 409 && status != 503 || time.Now().After(deadline) {
			t.Fatalf("a verb for a node whose lock a dead conductor holds: %d %s", status, said)
		}
	}
	t.Logf("the verb went through %v after the death", time.Since(killed).Round(time.Millisecond))
	states := map[string]usher.State{}
	want := map[string]usher.State{atRest.name: usher.DeployWait, atWork.name: usher.DeployWait}
	for deadline := time.Now().Add(patience); cmp.Diff(want, states) != ""; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("nodes of a dead conductor (-want +got):\n%s", cmp.Diff(want, states))
		}
		for _, n := range []*node{atRest, atWork} {
			states[n.name] = st.state(base, n.uuid)
		}
	}
}
