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
		s.versionsOfTLS()
		s.ironic[2].kill()
		s.sameOwners("after a conductor is killed", nodes, 2)
		s.ironic[2].launch()
		s.returned("a kill", nodes)
		s.served("after a kill", nodes)
		for path := range s.disks() {
			if strings.Contains(path, "usher.lock") || strings.HasSuffix(path, ".sqlite") {
				t.Errorf("Usher has made %s", path)
			}
		}
	})
}
