package ironic

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/testenv"
)

// fleet is nodes in every state that Ironic's API leads to without a machine,
// of every conductor.
func (s *site) fleet() []*node {
	var nodes []*node
	add := func(host, boot, deploy, state string, goal func(*node)) {
		i := s.index(host)
		nodes = append(nodes, &node{home: host, uuid: s.uuidOf(s.layout.groups[i], host), group: s.layout.groups[i], boot: boot, deploy: deploy,
			name: strings.ReplaceAll(fmt.Sprintf("%s-%s-%d", state, boot, len(nodes)), " ", "-"), goal: goal})
	}
	for _, host := range s.hosts {
		add(host, "ipxe", "custom-agent", "wait call-back", (*node).deployWait)
		add(host, "pxe", "custom-agent", "wait call-back", (*node).deployWait)
		add(host, "ipxe", "custom-agent", "clean wait", (*node).cleanWait)
	}
	add(s.hosts[0], "ipxe", "ramdisk", "rescue wait", (*node).rescueWait)
	add(s.hosts[1], "ipxe", "ramdisk", "active", (*node).active)
	add(s.hosts[2], "ipxe", "custom-agent", "available", (*node).provide)
	add(s.hosts[0], "ipxe", "custom-agent", "manageable", (*node).manage)
	add(s.hosts[1], "pxe", "custom-agent", "enroll", nil)
	return nodes
}

func (n *node) waits() bool { return usher.State(n.state).Waiting() }

// sameOwners holds Usher's owner of every node against Ironic's API's. After a
// change both need their time to see it. gone is the conductor that is away,
// or nobody: then each node is where it was at first.
func (s *site) sameOwners(when string, nodes []*node, gone int) {
	s.tb.Helper()
	for _, n := range nodes {
		var theirs, ours string
		testenv.Until(s.tb, patience, "Usher and Ironic name the same owner of "+n.name+" "+when, func() bool {
			theirs, ours = s.owner(n), s.open.askNode(n).Owner
			if gone != nobody && n.home == s.hosts[gone] {
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
// file, and nothing for any other node.
func (s *site) served(when string, nodes []*node) {
	s.tb.Helper()
	for _, n := range nodes {
		for _, mac := range n.macs {
			for _, spelling := range []string{mac, strings.ReplaceAll(mac, ":", "-"), "01-" + strings.ToUpper(strings.ReplaceAll(mac, ":", "-"))} {
				d := s.usher.ask(spelling, n.file())
				if !n.waits() {
					if d.status != http.StatusNotFound || d.Cause != "wrong_state" {
						s.tb.Errorf("%s: %s of %s (%s): %+v", when, spelling, n.name, n.state, d)
					}
					continue
				}
				if want := s.config(s.owner(n), n); d.status != http.StatusOK || d.body != want || want == "" {
					s.tb.Errorf("%s: %s of %s (%s): %d %s %s, %d bytes, want the %d of %s", when, spelling, n.name, n.state,
						d.status, d.Cause, d.Error, len(d.body), len(want), s.owner(n))
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
	s := newSite(t, layout{algorithm: "md5", exponent: 5})
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
	s.everyState(nodes)
	s.portsNotToBootFrom(nodes)
	s.untouched(nodes)
	s.agentDown(nodes)
	s.conductorKilled(nodes)
	s.conductorHangs(nodes)
	s.ringMoved(nodes)
	s.staleFile(nodes)
	s.served("at last", nodes)
}

// TestBesideIronicOtherwise has another algorithm and exponent, groups, and
// credentials and TLS for RPC.
func TestBesideIronicOtherwise(t *testing.T) {
	s := newSite(t, layout{algorithm: "sha256", exponent: 8, groups: [conductors]string{"", "rack1", "rack1"}, secure: true})
	s.start()
	nodes := s.fleet()
	s.enroll(nodes)
	s.served("at first", nodes)
	s.sameOwners("at first", nodes, nobody)
	s.explained("with credentials and TLS", nodes...)
	s.refusals(nodes)
	s.ironic[2].stop()
	s.sameOwners("after a conductor has left", nodes, 2)
	s.ironic[2].launch()
	testenv.Until(t, patience, "the conductor is back", func() bool { return len(s.alive()) == conductors })
	s.sameOwners("after it is back", nodes, nobody)
	s.served("after it is back", nodes)
	for path := range s.disks() {
		if strings.Contains(path, "usher.lock") || strings.HasSuffix(path, ".sqlite") {
			t.Errorf("Usher has made %s", path)
		}
	}
}

// refusals: who has no credentials gets no boot file from an agent, an agent
// that could not ask for any does not start, and 'usher serve' beside Ironic
// answers machines from its own agent and from others'.
func (s *site) refusals(nodes []*node) {
	s.tb.Helper()
	alone := &usherAPI{s: s, process: s.agents[0]}
	alone.url = machinesDoor.FindStringSubmatch(alone.said())[1]
	for _, n := range nodes {
		if d := alone.askNode(n); n.waits() && (d.status != http.StatusOK || d.body != s.config(d.Owner, n)) {
			s.tb.Errorf("usher serve, %s: %+v", n.name, d)
		}
	}
	n := find(nodes, func(n *node) bool { return n.waits() && n.home == s.hosts[1] })
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
