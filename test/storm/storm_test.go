package storm

import (
	"fmt"
	"testing"
	"time"

	"github.com/usher-boot/usher/internal/testenv"
)

// TestStorm: machines with 4 NICs each power on at the rate of 10,000 in a
// minute, and each gets its own boot file, at its first try. How fast is
// measured by bench/storm, and only told here.
func TestStorm(t *testing.T) {
	const nodes, within = 2000, 12 * time.Second
	st, took := newSite(t, testenv.NewMariaDB(t), settings{nodes: nodes, api: []string{
		// What docs/operators.md gives as an example, which is to refuse nobody.
		"[usher]boot_rate_limit = 10", "[usher]boot_connections_per_source = 8", "[usher]boot_allowed_networks = 127.0.0.0/8",
	}})
	t.Logf("%d nodes prepared by %d conductors in %v", nodes, conductors, took.Round(time.Millisecond))
	before := st.costs()
	r, code, used := st.storm(patience, "--nics", "4", "--within", within.String())
	t.Logf("boot file p99 %.1f ms; power-on to boot file p99 %.1f ms; %s; usher storm %.2f s CPU",
		r.BootFile.P99, r.First.P99, describe(before, st.costs()), used.Seconds())
	if code != 0 || !r.All() || r.Checked != nodes {
		t.Errorf("exit code %d, %+v", code, r)
	}
	if r.Retries+r.Rounds+len(r.Failures) != 0 {
		t.Errorf("not all were answered at once: %+v", r)
	}
	want := fmt.Sprint(map[string]int{"200, boot file": nodes, "200, root script": nodes, "404": r.Nothing.Count})
	if got := fmt.Sprint(r.Answers); got != want {
		t.Errorf("answers: %s, want %s", got, want)
	}
	// On average 1.5 of 4 NICs are asked for before the registered one.
	if r.Nothing.Count < nodes || r.Nothing.Count > 2*nodes {
		t.Errorf("%d NICs without a boot file: the registered one is not a random one", r.Nothing.Count)
	}
}
