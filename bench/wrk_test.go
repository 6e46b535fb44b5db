package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-boot/usher/internal/testenv"
)

// load is one way of asking.
type load struct {
	name    string
	unknown bool // MACs that nobody has, as the loop over NICs asks for
	close   bool // one connection for each request
}

func loads() []load {
	return []load{
		{name: "known/keep-alive"}, {name: "known/close", close: true},
		{name: "unknown/keep-alive", unknown: true}, {name: "unknown/close", unknown: true, close: true},
	}
}

// script makes wrk ask at random for one of the waiting nodes, or for as many
// strangers, and print what we read at the end. The requests are made before,
// so that wrk leaves the processors to the subject.
const script = `
local requests, count = {}, %d
init = function()
  for i = 0, count - 1 do
    local low = (i * %d * %d) %% 0x1000000
    local mac = string.format("%s-54-00-%%02x-%%02x-%%02x", math.floor(low / 65536), math.floor(low / 256) %% 256, low %% 256)
    requests[i + 1] = wrk.format("GET", string.format("%s", mac), %s)
  end
end
request = function() return requests[math.random(count)] end
done = function(summary, latency)
  local bad = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  print(string.format("RESULT %%d %%d %%d %%d %%d %%d", summary.requests, summary.errors.status, bad,
    latency:percentile(50), latency:percentile(99), summary.duration))
end
`

// ask loads a subject for d, whole seconds, and says what that cost, in all
// and by process.
func ask(b *testing.B, s *subject, l load, d time.Duration) (Measured, map[string]float64) {
	b.Helper()
	headers, first := "nil", "52"
	if l.close {
		headers = `{["Connection"]="close"}`
	}
	if l.unknown {
		first = "56"
	}
	file := filepath.Join(b.TempDir(), "wrk.lua")
	text := fmt.Sprintf(script, s.fleet.waiting, s.fleet.step, scatter, first, s.path, headers)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	wrk := exec.CommandContext(b.Context(), testenv.NeedProgram(b, "wrk")[0], "-t1", fmt.Sprintf("-c%d", *connectionsFlag),
		fmt.Sprintf("-d%ds", d/time.Second), "-s", file, "http://"+s.address)
	began, before, busyBefore, selfBefore := time.Now(), s.used(), busy(), self()
	out, err := wrk.CombinedOutput()
	wall, after, busyAfter, selfAfter := time.Since(began), s.used(), busy(), self()
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
		b.Fatalf("%s: %v answers, %v of them errors, %v failures\n%s", s.name, requests, refused, failed, out)
	}
	m, parts := Measured{Rate: requests / (micros / 1e6), P50: p50, P99: p99}, map[string]float64{}
	var all time.Duration
	for part := range after {
		used := after[part] - before[part]
		all += used
		parts[part] = used.Seconds() * 1e6 / requests
		m.CPU += parts[part]
	}
	all += wrk.ProcessState.UserTime() + wrk.ProcessState.SystemTime() + selfAfter - selfBefore
	m.Others = max(0, (busyAfter-busyBefore-all).Seconds()/wall.Seconds())
	return m, parts
}
