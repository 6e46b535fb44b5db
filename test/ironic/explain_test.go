package ironic

import (
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/explanation"
)

// explain runs 'usher explain' on the first conductor's host.
func (s *site) explain(mac, file string) explanation.Report {
	s.tb.Helper()
	out, code := s.runs(nil, append([]string{"explain", mac, file, "--json"}, s.mine[0]...)...)
	var r explanation.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		s.tb.Fatalf("explain: exit code %d, %v\n%s", code, err, out)
	}
	want := 0
	switch {
	case errors.Is(r.Exit(), usher.ErrNotFound):
		want = 3
	case errors.Is(r.Exit(), usher.ErrUnavailable):
		want = 4
	}
	if code != want {
		s.tb.Errorf("explain %s: exit code %d, want %d:\n%s", mac, code, want, out)
	}
	return r
}

// explained holds what is explained against what the log says that a machine
// was told just now; of the first node for a name that no boot interface answers
// as well.
func (s *site) explained(when string, nodes ...*node) {
	s.tb.Helper()
	for i, n := range nodes {
		files := []string{n.file(), "vmlinuz"}
		if i > 0 {
			files = files[:1]
		}
		for _, file := range files {
			d := s.usher.ask(n.macs[0], file)
			r := s.explain(n.macs[0], file)
			if string(r.Cause) != d.Cause || r.Status != d.status || r.Explanation == "" || (r.Fix == "") && r.Status != http.StatusOK {
				s.tb.Errorf("%s: %s of %s is explained as %s, %d (%s; fix: %s), and the machine was told %s, %d", when, file, n.name,
					r.Cause, r.Status, r.Explanation, r.Fix, d.Cause, d.status)
			}
			if d.Owner != "" && (len(r.Ring) == 0 || r.Ring[0] != d.Owner || r.AnsweredBy != d.AnsweredBy) {
				s.tb.Errorf("%s: %s is explained with the ring %v, answered by %s; and was answered by %s for %s", when, n.name, r.Ring, r.AnsweredBy,
					d.AnsweredBy, d.Owner)
			}
			if r.Status != http.StatusOK {
				continue
			}
			e := r.Calls[len(r.Calls)-1].Evidence
			if e == nil || e.Size != len(d.body) || filepath.Base(filepath.Dir(e.Path)) != n.uuid || len(e.Servers) == 0 && n.boot == "ipxe" {
				s.tb.Errorf("%s: the evidence for %s is %+v, for a file of %d bytes", when, n.name, e, len(d.body))
			}
		}
	}
}

// explanations: machines that nobody knows, and a bond's address.
func (s *site) explanations(nodes []*node) {
	s.tb.Helper()
	n := nodes[0]
	mac := n.macs[0]
	last := "0"
	if strings.HasSuffix(mac, last) {
		last = "f"
	}
	r := s.explain(mac[:len(mac)-1]+last, "boot.ipxe")
	if r.Cause != "unknown_mac" || len(r.Nearest) == 0 || r.Nearest[0].Relation != "one_digit" || !strings.Contains(r.Fix, "openstack baremetal port create") {
		s.tb.Errorf("an address like %s: %+v", mac, r)
	}
	s.server.Admin(s.tb, s.database, "INSERT INTO portgroups (uuid, name, node_id, address) SELECT '0b4f4bd2-0c5e-4c4b-8f2b-000000000001', "+
		"'bond0', id, '02:bb:00:00:00:01' FROM nodes WHERE uuid = '"+n.uuid+"'")
	r = s.explain("02:bb:00:00:00:01", "boot.ipxe")
	if len(r.Nearest) != 1 || r.Nearest[0].Relation != "same" || r.Nearest[0].Portgroup != "bond0" || r.Nearest[0].Node != n.uuid {
		s.tb.Errorf("the address of a port group: %+v", r)
	}
	s.server.Admin(s.tb, s.database, "DELETE FROM portgroups")
}
