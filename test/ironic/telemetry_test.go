package ironic

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/usher-boot/usher/internal/testenv"
)

var operatorsDoor = regexp.MustCompile(`admin +(http://\S+)`)

// operatorsDoor asks the operator's door of a process of Usher's.
func (s *site) operatorsDoor(p *process, path string) (status int, body string) {
	s.tb.Helper()
	found := operatorsDoor.FindAllStringSubmatch(p.said(), -1)
	if len(found) == 0 {
		s.tb.Fatalf("%s has no operator's door:\n%s", p.name, p.said())
	}
	status, body, err := fetch(found[len(found)-1][1] + path) // of its last start
	if err != nil {
		s.tb.Fatal(err)
	}
	return status, body
}

// telemetry: APIs and agents are ready and tell of what they did, an agent
// beside no conductor is not ready, and says why.
func (s *site) telemetry() {
	s.tb.Helper()
	positive := func(p *process, text, metric string) {
		s.tb.Helper()
		if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(metric) + ` [1-9]`).MatchString(text) {
			s.tb.Errorf("%s: %s is not there or 0", p.name, metric)
		}
	}
	for _, p := range []*process{s.usher.process, s.open.process, s.agents[0], s.agents[1], s.agents[2]} {
		if status, body := s.operatorsDoor(p, "/readyz"); status != http.StatusOK {
			s.tb.Errorf("%s is not ready: %s", p.name, body)
		}
		_, text := s.operatorsDoor(p, "/metrics")
		positive(p, text, "usher_ready")
		positive(p, text, "usher_conductors_active")
		for _, name := range s.names {
			positive(p, text, `usher_conductor_active{conductor="`+name+`"}`)
			if !strings.Contains(text, `usher_conductor_heartbeat_age_seconds{conductor="`+name+`"}`) {
				s.tb.Errorf("%s: no age of the heartbeat of %s", p.name, name)
			}
		}
		for _, own := range []string{"usher_nodes_prepared", "usher_image_fetch", "usher_heartbeat_failures"} {
			if strings.Contains(text, "\n"+own) {
				s.tb.Errorf("%s: %s beside Ironic, whose conductors do that", p.name, own)
			}
		}
		switch p {
		case s.usher.process:
			positive(p, text, `usher_boot_requests_total{cause="served",file="boot.ipxe",outcome="served"}`)
			for _, step := range []string{"database", "ring", "rpc", "total"} {
				positive(p, text, `usher_boot_step_seconds_count{step="`+step+`"}`)
			}
		case s.open.process:
		default:
			positive(p, text, `usher_boot_step_seconds_count{step="disk"}`)
			positive(p, text, `usher_rpc_answers_total{method="get_boot_config",result="ok"}`)
		}
	}

	lost := newProcess(s.tb, "usher conductor beside nobody", append([]string{program, "conductor"}, s.mine[0]...)...)
	lost.env = []string{"OS_DEFAULT__HOST=nobody", fmt.Sprintf("OS_USHER__RPC_LISTEN=%s:%s", s.hosts[0], testenv.FreePort(s.tb, s.hosts[0]))}
	lost.start(upMark)
	if status, body := s.operatorsDoor(lost, "/readyz"); status != http.StatusServiceUnavailable ||
		!strings.Contains(body, "no conductor of Ironic's has this [DEFAULT]host, nobody") {
		s.tb.Errorf("an agent beside nobody: %d %s", status, body)
	}
	lost.stop()
}
