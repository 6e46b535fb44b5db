package metrics

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/usher-boot/usher/internal/dispatch"
)

var bootFiles = []string{"boot.ipxe", "grub.cfg"}

// whole are the metrics of a process that has every part.
func whole() *Metrics {
	return New(Options{
		Version: "1.2.3", Commit: "abc", Files: bootFiles, Disk: true, ImageResults: []string{"fetched", "failed"},
		Ready: func(context.Context) error { return nil },
		Rings: func(context.Context) (Rings, error) {
			return Rings{Rings: []Ring{{"", "ipmi", 2}, {"rack\xff", "ipmi", 1}}, Changes: 3, Conductors: []Conductor{
				{Host: "a", Online: true, Active: true, HeartbeatAge: 4 * time.Second},
				{Host: "b", Online: true, HeartbeatAge: 500 * time.Second},
				{Host: "c\xff", HeartbeatAge: time.Hour},
			}}, nil
		},
		Connections:        func() []Connections { return []Connections{{"machines", 3, 1000}} },
		ConnectionsRefused: func() uint64 { return 5 },
		HeartbeatFailures:  func() uint64 { return 6 },
		JournalDropped:     func() uint64 { return 7 },
		Certificates: func() []Certificate {
			return []Certificate{{"RPC", time.Unix(1000, 0), true}, {"management", time.Time{}, false}}
		},
	})
}

// used has had everything happen once.
func used() *Metrics {
	m := whole()
	m.Observe(&dispatch.Decision{File: "boot.ipxe", Outcome: dispatch.Served, Cause: dispatch.CauseServed,
		Steps: dispatch.Steps{Database: time.Millisecond, Ring: time.Microsecond, RPC: time.Second, Total: 2 * time.Second}})
	m.DiskRead(time.Millisecond)
	m.RPCFailed("a", "timeout")
	m.RPCAnswers("get_boot_config").OK.Inc()
	m.NodePrepared(nil)
	m.NodePrepared(errors.New("no"))
	m.ImageFetched("fetched", 1000, time.Second)
	m.Reloaded(nil)
	m.Reloaded(errors.New("no"))
	m.TraceExportFailed()
	return m
}

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestScrape(t *testing.T) {
	text := scrape(t, used())
	for _, want := range []string{
		`usher_build_info{commit="abc",goversion="go1`,
		`usher_ready 1`,
		`usher_boot_requests_total{cause="served",file="boot.ipxe",outcome="served"} 1`,
		`usher_boot_requests_total{cause="database",file="grub.cfg",outcome="not_now"} 0`,
		`usher_boot_step_seconds_count{step="database"} 1`,
		`usher_boot_step_seconds_count{step="ring"} 1`,
		`usher_boot_step_seconds_sum{step="rpc"} 1`,
		`usher_boot_step_seconds_sum{step="total"} 2`,
		`usher_boot_step_seconds_count{step="disk"} 1`,
		`usher_conductors_active 1`,
		`usher_hash_rings 2`,
		`usher_hash_ring_conductors{conductor_group="",hardware_type="ipmi"} 2`,
		`usher_hash_ring_conductors{conductor_group="rack?",hardware_type="ipmi"} 1`,
		`usher_hash_ring_changes_total 3`,
		`usher_conductor_heartbeat_age_seconds{conductor="a"} 4`,
		`usher_conductor_heartbeat_age_seconds{conductor="b"} 500`,
		`usher_conductor_active{conductor="b"} 0`,
		`usher_conductor_active{conductor="c?"} 0`,
		`usher_boot_connections_open{door="machines"} 3`,
		`usher_boot_connections_limit{door="machines"} 1000`,
		`usher_boot_connections_refused_total 5`,
		`usher_heartbeat_failures_total 6`,
		`usher_journal_dropped_total 7`,
		`usher_rpc_failures_total{conductor="a",kind="timeout"} 1`,
		`usher_rpc_answers_total{method="get_boot_config",result="ok"} 1`,
		`usher_rpc_answers_total{method="get_boot_config",result="failed"} 0`,
		`usher_nodes_prepared_total{result="failed"} 1`,
		`usher_nodes_prepared_total{result="ok"} 1`,
		`usher_image_fetches_total{result="fetched"} 1`,
		`usher_image_fetches_total{result="failed"} 0`,
		`usher_image_fetch_bytes_total 1000`,
		`usher_image_fetch_seconds_sum 1`,
		`usher_config_reloads_total{result="ok"} 1`,
		`usher_config_reloads_total{result="failed"} 1`,
		`usher_config_last_reload_successful 0`,
		`usher_trace_export_failures_total 1`,
		`usher_tls_certificate_expiry_timestamp_seconds{listener="RPC"} 1000`,
		`usher_tls_certificate_usable{listener="RPC"} 1`,
		`usher_tls_certificate_usable{listener="management"} 0`,
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(text, `usher_conductor_heartbeat_age_seconds{conductor="c`) {
		t.Error("a conductor that stopped in good order has an age")
	}
	if t.Failed() {
		t.Log(text)
	}
}

// A part that a process has not has no metrics, and a database that is down
// does not keep the others from being scraped.
func TestAbsentParts(t *testing.T) {
	text := scrape(t, New(Options{Disk: true, Rings: func(context.Context) (Rings, error) { return Rings{}, errors.New("down") }}))
	for _, part := range []string{"usher_boot_requests", "usher_boot_connections", "usher_conductor", "usher_heartbeat", "usher_journal",
		"usher_image", "usher_nodes", "usher_ready", `step="rpc"`} {
		if strings.Contains(text, part) {
			t.Errorf("%s of a process without it:\n%s", part, text)
		}
	}
	if !strings.Contains(text, `usher_boot_step_seconds_count{step="disk"} 0`) {
		t.Errorf("no disk:\n%s", text)
	}
}

// A flood of strangers makes no series: neither their addresses nor the files
// that they ask for become labels.
func TestBoundedSeries(t *testing.T) {
	m := whole()
	before := series(t, m)
	for i := range 10_000 {
		mac := fmt.Sprintf("52:54:00:00:%02x:%02x", i>>8, i&255)
		for _, d := range []dispatch.Decision{
			{Outcome: dispatch.No, Cause: dispatch.CauseUnknownMAC, AskedMAC: mac, File: "boot.ipxe"},
			{Outcome: dispatch.No, Cause: dispatch.CauseUnknownFile, AskedMAC: mac, File: fmt.Sprintf("file-%d\xff", i)},
			{Outcome: dispatch.No, Cause: dispatch.CauseBadMAC, AskedMAC: mac + "x", File: "grub.cfg"},
			{Outcome: dispatch.No, Cause: dispatch.CauseNotAllowed, AskedMAC: mac, File: fmt.Sprintf("/some/path/%d", i)},
			{Outcome: dispatch.Refused, Cause: dispatch.CauseRateLimited, AskedMAC: mac, File: fmt.Sprintf("/some/path/%d", i)},
		} {
			m.Observe(&d)
		}
	}
	if after := series(t, m); after != before {
		t.Errorf("%d series before, %d after", before, after)
	}
	text := scrape(t, m)
	if strings.Contains(text, "52:54:00") || strings.Contains(text, "file-1") {
		t.Errorf("a stranger's words:\n%s", text)
	}
	for _, want := range []string{`{cause="unknown_mac",file="boot.ipxe",outcome="no"} 10000`, `{cause="bad_mac",file="other",outcome="no"} 10000`,
		`{cause="rate_limited",file="other",outcome="refused"} 10000`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	if before > 400 {
		t.Errorf("%d series at rest", before)
	}
}

// What Causes does not know is counted all the same.
func TestUnforeseenCause(t *testing.T) {
	m := whole()
	for range 2 {
		m.Observe(&dispatch.Decision{Outcome: dispatch.NotNow, Cause: "new", File: "x"})
	}
	if text := scrape(t, m); !strings.Contains(text, `usher_boot_requests_total{cause="new",file="other",outcome="not_now"} 2`) {
		t.Error(text)
	}
}

// series counts Usher's own.
func series(t *testing.T, m *Metrics) int {
	t.Helper()
	n := 0
	for _, f := range families(t, m) {
		n += len(f.GetMetric())
	}
	return n
}

// families are Usher's own.
func families(t *testing.T, m *Metrics) []*dto.MetricFamily {
	t.Helper()
	all, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var own []*dto.MetricFamily
	for _, f := range all {
		if strings.HasPrefix(f.GetName(), "usher_") {
			own = append(own, f)
		}
	}
	return own
}

var served = &dispatch.Decision{File: "grub.cfg", Outcome: dispatch.Served, Cause: dispatch.CauseServed,
	Steps: dispatch.Steps{Database: 80 * time.Microsecond, Ring: 300 * time.Nanosecond, RPC: 90 * time.Microsecond, Total: 170 * time.Microsecond}}

func TestObserveAllocatesNothing(t *testing.T) {
	m := whole()
	if n := testing.AllocsPerRun(100, func() { m.Observe(served); m.DiskRead(time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	m := whole()
	b.ReportAllocs()
	for b.Loop() {
		m.Observe(served)
	}
}
