package ironic

import (
	"fmt"
	"strings"

	"github.com/usher-boot/usher"
)

// fleet is nodes in every state that Ironic's API leads to without a machine,
// of every conductor.
func (s *site) fleet() []*node {
	var nodes []*node
	add := func(i int, boot, deploy, state string, goal func(*node)) *node {
		n := &node{host: i, home: s.names[i], uuid: s.uuidOf(s.layout.groups[i], s.names[i]), group: s.layout.groups[i], boot: boot, deploy: deploy,
			name: strings.ReplaceAll(fmt.Sprintf("%s-%s-%d", state, boot, len(nodes)), " ", "-"), goal: goal}
		nodes = append(nodes, n)
		return n
	}
	for i := range s.hosts {
		add(i, "ipxe", "custom-agent", "wait call-back", (*node).deployWait)
		add(i, "pxe", "custom-agent", "wait call-back", (*node).deployWait)
		add(i, "ipxe", "custom-agent", "clean wait", (*node).cleanWait)
	}
	add(0, "ipxe", "ramdisk", "rescue wait", (*node).rescueWait)
	add(1, "ipxe", "ramdisk", "active", (*node).active)
	add(2, "ipxe", "custom-agent", "available", (*node).provide)
	add(0, "ipxe", "custom-agent", "manageable", (*node).manage)
	add(1, "pxe", "custom-agent", "enroll", nil)
	if s.release.current() {
		add(0, "http", "custom-agent", "wait call-back", (*node).deployWait)
		add(1, "http", "custom-agent", "clean wait", (*node).cleanWait)
		add(2, "http-ipxe", "custom-agent", "wait call-back", (*node).deployWait)
		add(1, "http-ipxe", "custom-agent", "service wait", (*node).serviceWait)
		add(2, "ipxe", "custom-agent", "inspect wait", (*node).inspectWait).inspect = "agent"
	}
	return nodes
}

func (n *node) waits() bool { return usher.State(n.state).Waiting() }

func (n *node) manage() { n.verb("manageable", map[string]any{"target": "manage"}) }

func (n *node) provide() {
	n.manage()
	n.verb("available", map[string]any{"target": "provide"})
}

// deployWait leaves it in "wait call-back".
func (n *node) deployWait() {
	n.provide()
	n.verb("wait call-back", map[string]any{"target": "active"})
}

// cleanWait leaves it in its first cleaning, without conductor_affinity.
func (n *node) cleanWait() {
	n.manage()
	n.verb("clean wait", map[string]any{"target": "clean", "clean_steps": erase})
}

var erase = []map[string]any{{"interface": "deploy", "step": "erase_devices_metadata"}}

// active deploys a ramdisk.
func (n *node) active() {
	n.provide()
	n.verb("active", map[string]any{"target": "active"})
}

func (n *node) rescueWait() {
	n.active()
	n.verb("rescue wait", map[string]any{"target": "rescue", "rescue_password": "pw"})
}

// serviceWait adopts it, since a node that is to be deployed waits for a machine,
// and leaves it in service.
func (n *node) serviceWait() {
	n.manage()
	n.verb("active", map[string]any{"target": "adopt"})
	n.verb("service wait", map[string]any{"target": "service", "service_steps": erase})
}

func (n *node) inspectWait() {
	n.manage()
	n.verb("inspect wait", map[string]any{"target": "inspect"})
}
