package ironic

import (
	"encoding/json"

	"github.com/usher-boot/usher/internal/storm"
)

// stormed plays all nodes that wait for iPXE's boot file, from Ironic's own
// database, and wants each to get the one that Ironic's conductor wrote for it.
func (s *site) stormed(nodes []*node) {
	s.tb.Helper()
	waiting := 0
	for _, n := range nodes {
		if n.waits() && n.file() == "boot.ipxe" {
			waiting++
		}
	}
	out, code := s.runs(nil, append([]string{"storm", "--from-db", "--api", s.usher.url, "--nics", "3", "--json"}, s.mine[0]...)...)
	var r storm.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		s.tb.Fatalf("storm: exit code %d, %v\n%s", code, err, out)
	}
	if code != 0 || !r.All() || r.Checked != waiting || waiting == 0 || r.Retries+r.Rounds > 0 {
		s.tb.Errorf("storm of %d nodes: exit code %d\n%s", waiting, code, out)
	}
}
