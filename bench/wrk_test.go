package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// measured is what one run of wrk and the processes' accounts say.
type measured struct {
	cpu      float64 // microseconds of all processes of the subject for each answer
	rate     float64 // answers a second
	p50, p99 float64 // microseconds
}

// script makes wrk ask for a random one of the MACs and, at the end, print
// what we read. %s: "known" or "unknown", and headers.
const script = `
local known, headers = %t, %s
request = function()
  local n = math.random(0, %d - 1)
  local first = known and 0x02 or 0x06
  return wrk.format("GET", string.format("/v1/boot/%%02x-00-00-00-%%02x-%%02x/boot.ipxe", first, math.floor(n / 256), n %% 256), headers)
end
done = function(summary, latency)
  local bad = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  print(string.format("RESULT %%d %%d %%d %%d %%d %%d", summary.requests, summary.errors.status, bad,
    latency:percentile(50), latency:percentile(99), summary.duration))
end
`

// ask loads a subject with wrk: one thread, 16 connections.
func ask(b *testing.B, s *subject, l load, d time.Duration) measured {
	b.Helper()
	headers := "nil"
	if l.close {
		headers = `{["Connection"]="close"}`
	}
	file := filepath.Join(b.TempDir(), "wrk.lua")
	if err := os.WriteFile(file, fmt.Appendf(nil, script, !l.unknown, headers, waiting), 0o600); err != nil {
		b.Fatal(err)
	}
	before := s.cpu(b)
	out, err := exec.CommandContext(b.Context(), "wrk", "-t1", "-c16", fmt.Sprintf("-d%ds", d/time.Second), "-s", file,
		"http://"+s.address).CombinedOutput()
	used := s.cpu(b) - before
	if err != nil {
		b.Fatalf("wrk: %v\n%s", err, out)
	}
	_, line, _ := strings.Cut(string(out), "RESULT ")
	var requests, refused, failed, p50, p99, micros float64
	if _, err := fmt.Sscan(line, &requests, &refused, &failed, &p50, &p99, &micros); err != nil {
		b.Fatalf("wrk said:\n%s", out)
	}
	// Every answer to a known MAC must be a boot file, every other one a 404.
	want := 0.0
	if l.unknown {
		want = requests
	}
	if requests == 0 || failed > 0 || refused != want {
		b.Fatalf("%s: %v answers, %v of them errors, %v failures", s.name, requests, refused, failed)
	}
	return measured{cpu: used.Seconds() * 1e6 / requests, rate: requests / (micros / 1e6), p50: p50, p99: p99}
}
