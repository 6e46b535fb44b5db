package storm

import (
	"io"
	"net/http"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/usher-boot/usher/internal/testenv"
)

// What docs/capacity.md promises of an Usher process's memory.
const (
	baseMiB       = 64.0
	connectionKiB = 45.0 // of each open connection at the machines' door
)

// TestOverload: many more machines than a small API on a slow database can
// answer. It turns away early those that are too many, stays within its
// memory, and gives all of them their own boot file in the end.
func TestOverload(t *testing.T) {
	const (
		nodes    = 1000
		inFlight = 32
		delay    = 200 * time.Millisecond // 32 at a time in 200 ms: 160 a second
	)
	server := testenv.NewMariaDB(t)
	var database *slowly
	st, _ := newSite(t, server, settings{
		nodes: nodes,
		through: func(address string) string {
			database = newSlowly(t, address)
			return database.address()
		},
		api: []string{"[usher]max_requests = " + strconv.Itoa(inFlight), "[usher]retry_after = 1",
			"[database]max_pool_size = 2", "[database]max_overflow = 2"},
		environ: []string{"GOMAXPROCS=1"},
	})
	database.delay.Store(int64(delay))
	before := st.costs()
	r, code, _ := st.storm(2*patience, "--nics", "2", "--within", "1s")
	after := st.costs()
	t.Logf("%d machines, %.1f s until all had theirs; %d answers 200, %d told to come again; boot file p50 %.0f ms, p99 %.0f ms; come again p99 %.1f ms; %s",
		r.Machines, r.AllAfter/1000, r.BootFile.Count, r.Later.Count, r.BootFile.P50, r.BootFile.P99, r.Later.P99, describe(before, after))
	if code != 0 || !r.All() || r.Checked != nodes {
		t.Errorf("exit code %d, %+v", code, r)
	}
	if r.Later.Count == 0 || r.Retries == 0 {
		t.Errorf("nobody was told to come again: this was no overload, %+v", r)
	}
	// Nobody waited in vain: not for the database, nor for a conductor.
	over, gone, all := st.counted(`cause="overloaded"`), st.counted(`cause="client_gone"`), st.counted(`outcome="not_now"`)
	if over == 0 || over+gone != all {
		t.Errorf("%v requests were told to come again, %v for being too many and %v whose machine had given up", all, over, gone)
	}
	if top, bound := after["api"].top, baseMiB+nodes*connectionKiB/1024; top > bound {
		t.Errorf("the API had %.0f MiB at most, with %d connections; the bound is %.0f MiB", top, nodes, bound)
	}
	for name, c := range after {
		if name != "api" && name != "mariadb" && c.top > baseMiB {
			t.Errorf("%s had %.0f MiB at most; the bound is %.0f MiB", name, c.top, baseMiB)
		}
	}

	// The overload is over, and nothing of it stays. That a busy host makes 32
	// requests pile up for a moment is its own affair: TestStorm has the
	// default bound, and nobody is turned away there.
	database.delay.Store(0)
	r, code, _ = st.storm(patience, "--nics", "2", "--within", "6s")
	if code != 0 || !r.All() || r.Rounds+len(r.Failures) != 0 || r.Retries > nodes/10 {
		t.Errorf("after the overload: exit code %d, %+v", code, r)
	}
}

var requests = regexp.MustCompile(`(?m)^usher_boot_requests_total\{(.*)\} (\S+)$`)

// counted adds up the API's requests that have a label.
func (st *site) counted(label string) (n float64) {
	st.tb.Helper()
	res, err := http.Get(st.admin + "/metrics")
	if err != nil {
		st.tb.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		st.tb.Fatal(err)
	}
	for _, m := range requests.FindAllStringSubmatch(string(text), -1) {
		if ok, _ := regexp.MatchString(`(^|,)`+regexp.QuoteMeta(label)+`(,|$)`, m[1]); ok {
			more, err := strconv.ParseFloat(m[2], 64)
			if err != nil {
				st.tb.Fatal(err)
			}
			n += more
		}
	}
	return n
}
