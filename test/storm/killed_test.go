package storm

import (
	"testing"
	"time"

	"github.com/usher-boot/usher/internal/testenv"
)

// BenchmarkKilledConductor plays a storm in the midst of which one of three
// conductors is killed. Nobody may be refused, and all must get their own
// boot files from the others.
func BenchmarkKilledConductor(b *testing.B) {
	const nodes, within = 10_000, time.Minute
	for b.Loop() {
		st, _ := newSite(b, testenv.NewMariaDB(b), settings{nodes: nodes})
		kill := time.AfterFunc(within/2, func() { _ = st.conductors[0].cmd.Process.Kill() })
		r, code, _ := st.storm(10*time.Minute, "--nics", "4", "--within", within.String())
		kill.Stop()
		if code != 0 || !r.All() || r.Checked != nodes || r.Retries > 0 || len(r.Failures) > 0 {
			b.Errorf("exit code %d, %+v", code, r)
		}
		b.ReportMetric(r.BootFile.P50, "p50-ms")
		b.ReportMetric(r.BootFile.P99, "p99-ms")
	}
	b.ReportMetric(0, "ns/op") // of no use here: leaves the column out
}
