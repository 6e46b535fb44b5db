package ironic

import (
	"net/http"
	"strings"
	"syscall"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/testenv"
)

// lost: a conductor is gone, and Ironic moves the ring but no waiting node.
func (s *site) lost(when string, nodes []*node, i int) {
	s.tb.Helper()
	var mine []*node
	for _, n := range nodes {
		if n.home == s.names[i] && n.waits() {
			mine = append(mine, n)
		}
	}
	if len(mine) < 3 {
		s.tb.Fatalf("%s: only %d nodes wait for %s", when, len(mine), s.hosts[i])
	}
	for _, n := range mine {
		var d decision
		testenv.Until(s.tb, patience, n.name+" is lost "+when, func() bool {
			d = s.usher.askNode(n)
			if d.status != http.StatusOK && d.status != http.StatusServiceUnavailable {
				s.tb.Fatalf("%s: %s: %+v", when, n.name, d)
			}
			return d.Cause == "conductor_lost"
		})
		if d.status != http.StatusServiceUnavailable || d.retryAfter == "" || !strings.Contains(d.Error, s.hosts[i]) {
			s.tb.Errorf("%s: %+v", when, d)
		}
	}
	s.explained(when, mine...)
	other := find(nodes, func(n *node) bool { return n.waits() && n.home != s.names[i] })
	if d := s.usher.askNode(other); d.status != http.StatusOK {
		s.tb.Errorf("%s: another conductor's node: %+v", when, d)
	}
	s.sameOwners(when, nodes, i)
}

// returned waits until all conductors are there again and own what they did.
func (s *site) returned(after string, nodes []*node) {
	s.tb.Helper()
	testenv.Until(s.tb, patience, "the conductor is back after "+after, func() bool { return len(s.alive()) == conductors })
	s.sameOwners("after "+after, nodes, nobody)
}

// conductorKilled: meanwhile a node is deployed again. The conductor that lost it
// keeps its old file, and must not answer with it when the ring gives the node
// back.
func (s *site) conductorKilled(nodes []*node) {
	s.tb.Helper()
	n := s.owned(nodes, s.names[0], "wait call-back", "ipxe")
	s.ironic[0].kill()
	s.lost("a conductor is killed", nodes, 0)
	s.inspections(find(nodes, func(n *node) bool { return n.home == s.names[0] && n.state == string(usher.CleanWait) }))
	n.verb("available", map[string]any{"target": "deleted"})
	n.verb("wait call-back", map[string]any{"target": "active"})
	writer := s.owner(n)
	s.served("deployed again elsewhere", []*node{n})
	s.ironic[0].launch()
	s.returned("a kill", nodes)
	stale, fresh := s.config(s.names[0], n), s.config(writer, n)
	if stale == "" || stale == fresh {
		s.tb.Fatalf("no old file on %s, so this proves nothing", s.hosts[0])
	}
	if d := s.usher.askNode(n); d.status != http.StatusOK || d.body != fresh || d.AnsweredBy != writer {
		s.tb.Errorf("old file on the owner: %d %s by %s, served the old one: %t", d.status, d.Cause, d.AnsweredBy, d.body == stale)
	}
	s.explained("an old file on the owner", n)
	n.verb("available", map[string]any{"target": "deleted"})
	s.served("after a kill", nodes)
}

func (s *site) conductorHangs(nodes []*node) {
	s.tb.Helper()
	s.ironic[1].signal(syscall.SIGSTOP)
	s.lost("a conductor hangs", nodes, 1)
	s.takenOver("a conductor hangs", nodes)
	s.ironic[1].signal(syscall.SIGCONT)
	s.returned("a halt", nodes)
	s.served("after a halt", nodes)
	s.takenOver("after a halt", nodes)
}

// takenOver: of nodes that are active Ironic has written the file elsewhere.
func (s *site) takenOver(when string, nodes []*node) {
	s.tb.Helper()
	n := find(nodes, func(n *node) bool { return n.state == "active" })
	testenv.Until(s.tb, patience, n.name+" is taken over, "+when, func() bool {
		var writer string
		err := s.rows.QueryRowContext(s.tb.Context(), "SELECT hostname FROM nodes n JOIN conductors c ON n.conductor_affinity = c.id WHERE n.uuid = ?", n.uuid).
			Scan(&writer)
		if err != nil {
			s.tb.Fatal(err)
		}
		d := s.open.askNode(n)
		return writer == s.owner(n) && d.status == http.StatusOK && d.AnsweredBy == writer && s.is(d.body, writer, n)
	})
}

// ringMoved: nodes that came to wait while their owner was away are answered
// from where their files are once it is back.
func (s *site) ringMoved(nodes []*node) {
	s.tb.Helper()
	s.ironic[2].stop()
	s.lost("a conductor is stopped", nodes, 2)
	moved := []*node{
		{name: "moved-deploy", home: s.names[2], uuid: s.uuidOf("", s.names[2]), boot: "ipxe", deploy: "custom-agent", goal: (*node).deployWait},
		{name: "moved-clean", home: s.names[2], uuid: s.uuidOf("", s.names[2]), boot: "pxe", deploy: "custom-agent", goal: (*node).cleanWait},
	}
	s.enroll(moved)
	s.served("while one is away", moved)
	writers := []string{s.owner(moved[0]), s.owner(moved[1])}
	s.ironic[2].launch()
	s.returned("the ring has moved", append(moved, nodes...))
	for i, n := range moved {
		d := s.usher.askNode(n)
		if d.status != http.StatusOK || d.Owner != s.names[2] || d.AnsweredBy != writers[i] || !s.is(d.body, writers[i], n) {
			s.tb.Errorf("%s: %+v, want the file of %s", n.name, d, writers[i])
		}
	}
	s.explained("after the ring has moved", moved...)
}
