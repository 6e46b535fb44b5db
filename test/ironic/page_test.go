package ironic

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/usher-boot/usher/internal/admin"
)

// page: the operator's door of the API shows Ironic's conductors and waiting
// nodes with what each was told, that of an agent what it can know.
func (s *site) page(nodes []*node) {
	s.tb.Helper()
	for _, p := range []*process{s.usher.process, s.agents[0]} {
		status, text := s.operatorsDoor(p, "/v1/overview")
		var v admin.Overview
		if err := json.Unmarshal([]byte(text), &v); err != nil || status != http.StatusOK {
			s.tb.Fatalf("%s: %d, %v: %s", p.name, status, err, text)
		}
		if !v.BesideIronic || v.NotReady != "" || v.Answers != (p == s.usher.process) || len(v.Conductors) != len(s.hosts) {
			s.tb.Errorf("%s: %+v", p.name, v)
		}
		for _, c := range v.Conductors {
			if !c.Active || len(c.Shares) == 0 || c.Shares[0].Part <= 0 {
				s.tb.Errorf("%s: conductor %+v", p.name, c)
			}
		}
		waiting := map[string]admin.WaitingNode{}
		for _, n := range v.Waiting.Nodes {
			waiting[n.UUID] = n
		}
		for _, n := range nodes {
			shown, ok := waiting[n.uuid]
			if ok != n.waits() {
				s.tb.Errorf("%s: %s is %q; shown as waiting: %v", p.name, n.name, n.state, ok)
			}
			if ok && p == s.usher.process && (shown.Last == nil || shown.Asked != admin.AskedYes) {
				s.tb.Errorf("%s: %s has asked and is shown as %+v", p.name, n.name, shown)
			}
		}
		status, html := s.operatorsDoor(p, "/")
		if status != http.StatusOK || !strings.Contains(html, "beside Ironic") || !strings.Contains(html, s.hosts[1]) || strings.Contains(html, "secret") {
			s.tb.Errorf("%s: the page: %d: %s", p.name, status, html)
		}
	}
	s.usher.ask("02:bb:00:00:00:77", "boot.ipxe")
	if _, text := s.operatorsDoor(s.usher.process, "/v1/unknown"); !strings.Contains(text, "openstack baremetal port create 02:bb:00:00:00:77 --node UUID") {
		s.tb.Errorf("no command for a stranger: %s", text)
	}
}
