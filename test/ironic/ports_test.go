package ironic

import (
	"fmt"
	"net/http"
	"strings"
)

// portsNotToBootFrom: a port with pxe_enabled = false, made by Ironic's own API
// for a node that waits, gets what a stranger gets; the node's other ports are
// answered as before.
func (s *site) portsNotToBootFrom(nodes []*node) {
	s.tb.Helper()
	n := find(nodes, (*node).waits)
	const mac = "52:54:00:fe:fe:01"
	port := s.call("POST", "/v1/ports", map[string]any{"node_uuid": n.uuid, "address": mac, "pxe_enabled": false}, http.StatusCreated)
	d := s.usher.ask(mac, n.file())
	if d.status != http.StatusNotFound || d.Cause != "pxe_disabled" {
		s.tb.Errorf("a port not to boot from: %+v", d)
	}
	if stranger := s.usher.ask("52:54:00:fe:fe:02", n.file()); stranger.Cause != "unknown_mac" || stranger.body != d.body {
		s.tb.Errorf("a stranger hears %q, a port not to boot from %q", stranger.body, d.body)
	}
	if r := s.explain(mac, n.file()); r.Cause != "pxe_disabled" || !strings.Contains(r.Fix, n.macs[0]) || r.Ports[0].PXEEnabled {
		s.tb.Errorf("explain: %+v", r)
	}
	for _, other := range n.macs {
		if d := s.usher.ask(other, n.file()); d.status != http.StatusOK {
			s.tb.Errorf("a port to boot from: %+v", d)
		}
	}
	all := s.newAPI("true", s.hosts[0]+":0")
	all.env = append(all.env, "OS_NEUTRON__ADD_ALL_PORTS=true")
	all.start()
	if d := all.ask(mac, n.file()); d.status != http.StatusOK {
		s.tb.Errorf("with add_all_ports: %+v", d)
	}
	all.stop()
	s.call("DELETE", fmt.Sprint("/v1/ports/", port["uuid"]), nil, http.StatusNoContent)
}

// inspections: in 'inspect wait', too, a file on a conductor that is gone is
// waited for, unless ironic-inspector may boot the machine. n is a node whose
// conductor is gone.
func (s *site) inspections(n *node) {
	s.tb.Helper()
	set := func(state, inspect string) {
		s.server.Admin(s.tb, s.database, "UPDATE nodes SET provision_state = '"+state+"', inspect_interface = "+inspect+" WHERE uuid = '"+n.uuid+"'")
	}
	for inspect, want := range map[string]string{"'agent'": "503 conductor_lost", "'inspector'": "404 no_file", "NULL": "503 conductor_lost"} {
		set("inspect wait", inspect)
		if d := s.usher.askNode(n); fmt.Sprint(d.status, " ", d.Cause) != want {
			s.tb.Errorf("inspect_interface = %s: %+v, want %s", inspect, d, want)
		}
	}
	set(n.state, "'no-inspect'")
}
