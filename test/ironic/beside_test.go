package ironic

import (
	"net/http"
	"strings"
	"testing"

	"github.com/usher-boot/usher/internal/testenv"
)

// sameOwners holds Usher's owner of every node against Ironic's API's. After a
// change both need their time to see it. gone is the conductor that is away,
// or nobody: then each node is where it was at first.
func (s *site) sameOwners(when string, nodes []*node, gone int) {
	s.tb.Helper()
	for _, n := range nodes {
		var theirs, ours string
		testenv.Until(s.tb, patience, "Usher and Ironic name the same owner of "+n.name+" "+when, func() bool {
			theirs, ours = s.owner(n), s.open.askNode(n).Owner
			if gone != nobody && n.home == s.names[gone] {
				return theirs == ours && theirs != n.home
			}
			return theirs == ours && theirs == n.home
		})
		if theirs == "" {
			s.tb.Errorf("%s: %s has no owner", when, n.name)
		}
	}
}

const nobody = -1

// served wants every MAC of every waiting node answered with its conductor's
// file, whose images can be had, and nothing for any other node.
func (s *site) served(when string, nodes []*node) {
	s.tb.Helper()
	for _, n := range nodes {
		owner := ""
		if n.waits() {
			owner = s.owner(n)
		}
		for _, mac := range n.macs {
			for _, spelling := range []string{mac, strings.ReplaceAll(mac, ":", "-"), "01-" + strings.ToUpper(strings.ReplaceAll(mac, ":", "-"))} {
				d := s.usher.ask(spelling, n.file())
				switch {
				case !n.waits():
					if d.status != http.StatusNotFound || d.Cause != "wrong_state" {
						s.tb.Errorf("%s: %s of %s (%s): %+v", when, spelling, n.name, n.state, d)
					}
				case d.status != http.StatusOK || !s.is(d.body, owner, n):
					s.tb.Errorf("%s: %s of %s (%s): %+v, want that of %s:\n%s", when, spelling, n.name, n.state, d, owner, s.config(owner, n))
				case spelling == n.macs[0]:
					s.loaded(when, n, d.body)
				}
			}
		}
		other := map[string]string{"boot.ipxe": "grub.cfg", "grub.cfg": "boot.ipxe"}[n.file()]
		if d := s.usher.ask(n.macs[0], other); d.status != http.StatusNotFound {
			s.tb.Errorf("%s: %s of %s: %d", when, other, n.name, d.status)
		}
	}
}

// TestBesideIronic is a day in the life of an Ironic and an Usher beside it.
func TestBesideIronic(t *testing.T) {
	t.Parallel()
	eachRelease(t, func(t *testing.T, r release) {
		s := newSite(t, r, layout{number: r.number, rpcPort: "6189", algorithm: "md5", exponent: 5})
		s.start()
		nodes := s.fleet()
		s.enroll(nodes)
		s.rootScript()
		s.doctor()
		s.served("at first", nodes)
		s.sameOwners("at first", nodes, nobody)
		s.stormed(nodes)
		s.telemetry()
		s.page(nodes)
		s.explained("at first", nodes...)
		s.explanations(nodes)
		s.activeRamdisk(nodes)
		s.forPXELINUX()
		s.everyState(nodes)
		s.portsNotToBootFrom(nodes)
		s.untouched(nodes)
		s.agentDown(nodes)
		s.conductorKilled(nodes)
		s.conductorHangs(nodes)
		s.ringMoved(nodes)
		s.staleFile(nodes)
		s.served("at last", nodes)
	})
}

// TestBesideIronicOtherwise has another algorithm and exponent, groups, and
// credentials and TLS for RPC.
func TestBesideIronicOtherwise(t *testing.T) {
	t.Parallel()
	eachRelease(t, func(t *testing.T, r release) {
		s := newSite(t, r, layout{number: 5 + r.number, rpcPort: "8089", algorithm: "sha256", exponent: 8,
			groups: [conductors]string{"", "rack1", "rack1"}, secure: true})
		s.start()
		nodes := s.fleet()
		s.enroll(nodes)
		s.served("at first", nodes)
		s.sameOwners("at first", nodes, nobody)
		s.explained("with credentials and TLS", nodes...)
		s.refusals(nodes)
		s.ironic[2].kill()
		s.sameOwners("after a conductor is killed", nodes, 2)
		s.ironic[2].launch()
		testenv.Until(t, patience, "the conductor is back", func() bool { return len(s.alive()) == conductors })
		s.sameOwners("after it is back", nodes, nobody)
		s.served("after it is back", nodes)
		for path := range s.disks() {
			if strings.Contains(path, "usher.lock") || strings.HasSuffix(path, ".sqlite") {
				t.Errorf("Usher has made %s", path)
			}
		}
	})
}

// refusals: who has no credentials gets no boot file from an agent, an agent
// that could not ask for any does not start, and 'usher serve' beside Ironic
// answers machines from its own agent and from others'.
func (s *site) refusals(nodes []*node) {
	s.tb.Helper()
	alone := &usherAPI{s: s, process: s.agents[0]}
	alone.url = machinesDoor.FindStringSubmatch(alone.said())[1]
	for _, n := range nodes {
		if d := alone.askNode(n); n.waits() && (d.status != http.StatusOK || !s.is(d.body, d.Owner, n)) {
			s.tb.Errorf("usher serve, %s: %+v", n.name, d)
		}
	}
	n := find(nodes, func(n *node) bool { return n.waits() && n.home == s.names[1] })
	for name, env := range map[string]string{
		"without TLS": "OS_JSON_RPC__USE_SSL=false", "without the authority": "OS_JSON_RPC__CAFILE=",
		"with a wrong password": "OS_JSON_RPC__PASSWORD=wrong", "without credentials": "OS_JSON_RPC__USERNAME=nobody",
	} {
		other := s.newAPI("true", s.hosts[0]+":0")
		other.env = append(other.env, env)
		other.start()
		if d := other.askNode(n); d.status != http.StatusServiceUnavailable || d.Cause != "conductor_unreachable" {
			s.tb.Errorf("an API %s: %+v", name, d)
		}
		other.stop()
	}
	for _, role := range []string{"conductor", "serve"} {
		if out, code := s.runs([]string{"OS_JSON_RPC__AUTH_STRATEGY=keystone", "OS_USHER__RPC_LISTEN=" + s.hosts[1] + ":0",
			"OS_USHER__BOOT_LISTEN=" + s.hosts[1] + ":0"}, append([]string{role}, s.mine[1]...)...); code != 2 {
			s.tb.Errorf("usher %s with keystone: exit code %d\n%s", role, code, out)
		}
	}
}
