package cluster

import (
	"encoding/json"
	"strings"
	"syscall"
	"testing"

	"github.com/usher-boot/usher/internal/explanation"
	"github.com/usher-boot/usher/internal/testenv"
)

// explain runs 'usher explain' with the API's configuration.
func explain(t *testing.T, st *site, mac string) explanation.Report {
	t.Helper()
	out, errs, code := usherRun(t, st.conf, "explain", mac, "--json")
	var r explanation.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("explain %s: exit code %d, %v\n%s%s", mac, code, err, out, errs)
	}
	return r
}

// TestExplain: what is explained while parts are missing, with no API running.
func TestExplain(t *testing.T) {
	t.Parallel()
	server := testenv.NewMariaDB(t)
	url := server.URL(server.Database(t))
	st := newSite(t, settings{conductors: 2, apis: 1, database: url, offset: 130, options: map[string]string{
		"[conductor]heartbeat_timeout": "60", "[usher]rpc_timeout": "1"}})
	st.up()
	st.enrol(url, 1)
	st.deployAll(st.nodes, st.management...)
	st.apis[0].stop()
	n := st.nodes[0]
	both := map[string]*process{st.hosts[0]: st.conductors[0], st.hosts[1]: st.conductors[1]}

	r := explain(t, st, n.mac)
	if r.Cause != "served" || len(r.Ring) != 2 || len(r.Calls) != 1 || r.Calls[0].Evidence == nil || r.Calls[0].Evidence.WouldPrepare ||
		!strings.Contains(r.Calls[0].Address, ":") {
		t.Fatalf("all is well: %+v", r)
	}
	owner, next := both[r.Ring[0]], both[r.Ring[1]]

	// The next one on the ring would prepare the node, and an explanation does
	// not make it do so.
	owner.signal(syscall.SIGSTOP)
	for range 2 {
		r = explain(t, st, n.mac)
		if r.Cause != "served" || len(r.Calls) != 2 || r.Calls[0].Evidence != nil || r.Calls[0].Took < 0.9 || r.Calls[1].Evidence == nil ||
			!r.Calls[1].Evidence.WouldPrepare || r.Calls[1].Evidence.Found || r.AnsweredBy == r.Ring[0] {
			t.Errorf("the owner hangs: %+v", r)
		}
	}
	next.kill()
	if r = explain(t, st, n.mac); r.Cause != "conductor_unreachable" || len(r.Calls) != 2 || !strings.Contains(r.Fix, r.Ring[1]) {
		t.Errorf("the owner hangs and the other one is dead: %+v", r)
	}
	owner.signal(syscall.SIGCONT)
	server.Stop(t)
	if r = explain(t, st, n.mac); r.Cause != "database" || r.Status != 503 || r.Fix == "" {
		t.Errorf("the database is down: %+v", r)
	}
}
