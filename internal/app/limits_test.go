package app

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/config"
)

// flood asks n times and tells the answers.
func (r *running) flood(door, path string, n int) string {
	r.t.Helper()
	refused := false
	for range n {
		refused = refused || r.get(door, path).status == http.StatusTooManyRequests
	}
	return fmt.Sprint("refused: ", refused)
}

// crowd asks on a second connection of the same source.
func (r *running) crowd(door, path string) string {
	r.t.Helper()
	http.DefaultClient.CloseIdleConnections()
	first, err := net.Dial("tcp", r.Addr(door))
	if err != nil {
		r.t.Fatal(err)
	}
	defer first.Close()
	second, err := net.Dial("tcp", r.Addr(door))
	if err != nil {
		r.t.Fatal(err)
	}
	defer second.Close()
	_, _ = io.WriteString(second, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	answer, err := io.ReadAll(second)
	if err != nil {
		r.t.Fatal(err)
	}
	status, _, _ := strings.Cut(string(answer), "\r\n")
	return status
}

// TestDoorLimits: who is refused gets nothing of the door, whoever of its
// parts would have answered, and is told of and counted like any request.
func TestDoorLimits(t *testing.T) {
	s := newSite(t)
	a := s.run("[usher]boot_allowed_networks=192.0.2.0/24", "[usher]boot_rate_limit=1")
	a.node(usher.DeployWait, s.image())
	no := a.get(DoorMachines, "/none")
	for _, path := range []string{bootPath, "/boot.ipxe", "/v1/lookup?addresses=" + aMAC} {
		if got := a.get(DoorMachines, path); got.status != http.StatusNotFound || got.body != no.body {
			t.Errorf("%s for who is not let in: %d %q", path, got.status, got.body)
		}
	}
	s.write("[usher]boot_rate_limit=1")
	if err := a.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := a.flood(DoorMachines, "/v1/lookup?addresses="+aMAC, 40); got != "refused: true" {
		t.Error("a ramdisk's calls are not counted")
	}
	metrics := a.get(DoorAdmin, "/metrics").body
	for _, want := range []string{`usher_boot_requests_total{cause="not_allowed",`, `usher_boot_requests_total{cause="rate_limited",`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"cause=not_allowed", "cause=rate_limited", "outcome=refused"} {
		if n := strings.Count(s.log.String(), want); n != 1 {
			t.Errorf("%d lines with %s:\n%s", n, want, s.log.String())
		}
	}
}

func TestLimitsOf(t *testing.T) {
	cfg, err := config.Load(config.Sources{Environ: []string{"OS_USHER__BOOT_ALLOWED_NETWORKS=10.0.0.0/8,fd00::1",
		"OS_USHER__BOOT_RATE_LIMIT=5", "OS_USHER__BOOT_CONNECTIONS_PER_SOURCE=7"}})
	if err != nil {
		t.Fatal(err)
	}
	want := SourceLimits{Source: netip.MustParseAddr("fd00::"), Allowed: true, Networks: []string{"10.0.0.0/8", "fd00::1"}, Rate: 5, Burst: 32, Connections: 7}
	got, err := LimitsOf(cfg, netip.MustParseAddr("fd00::1"))
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got, err := LimitsOf(cfg, netip.MustParseAddr("192.0.2.1")); err != nil || got.Allowed {
		t.Errorf("192.0.2.1: %+v, %v", got, err)
	}
}
