package explanation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/dispatch"
)

// limits tells what the machines' door holds sources to, where anything is set.
func (e *explainer) limits() {
	l := e.Site.Limits
	var set []string
	if l.Rate > 0 {
		set = append(set, fmt.Sprintf("%d requests/s of one source, %d at once", l.Rate, l.Burst))
	}
	if l.Connections > 0 {
		set = append(set, fmt.Sprintf("%d connections of one source", l.Connections))
	}
	if len(l.Networks) > 0 {
		set = append(set, "only from "+strings.Join(l.Networks, ", "))
	}
	text := strings.Join(set, "; ")
	switch {
	case l.From != "" && !l.Allowed:
		e.step("limits", Failed, 0, l.From+" is not let in: "+text)
	case l.From != "" && text == "":
		e.step("limits", OK, 0, l.From+" is let in: no limits are set")
	case l.From != "":
		e.step("limits", OK, 0, l.From+" is let in: "+text)
	case text != "":
		e.step("limits", Note, 0, text)
	}
}

func (e *explainer) mac(err error) {
	if err != nil {
		e.step("mac", Failed, 0, err.Error())
		return
	}
	mac := e.dec.MAC
	e.r.MAC = mac.String()
	text, mark := e.r.MAC, OK
	if !strings.EqualFold(e.r.Asked, e.r.MAC) {
		text += ", written " + e.r.Asked
	}
	if mac[0]&1 == 1 {
		text, mark = text+"; a multicast address, which no NIC has", Warning
	}
	e.step("mac", mark, 0, text)
}

func (e *explainer) file() {
	name := e.r.File
	i, ok := bootiface.Lookup(e.seen.node.BootInterface)
	switch {
	case !bootiface.KnownFile(name):
		e.step("file", Failed, 0, fmt.Sprintf("no boot interface answers %q", name))
	case e.seen.node.UUID == "": // told with the node
	case !ok && e.seen.node.BootInterface == "":
		e.step("file", Failed, 0, name+"; the node has no boot interface")
	case !ok:
		e.step("file", Failed, 0, fmt.Sprintf("%s; boot interface %q answers no boot file", name, e.seen.node.BootInterface))
	case !i.Answers(name):
		e.step("file", Failed, 0, fmt.Sprintf("%s; boot interface %s answers %s", name, i.Name(), strings.Join(i.Files(), ", ")))
	default:
		e.step("file", OK, 0, name+", as boot interface "+i.Name()+" answers")
	}
}

// node tells which node has the address, or which ones have one like it.
func (e *explainer) node(ctx context.Context, mac usher.MAC) {
	if !e.seen.looked {
		return // the decision was made without it
	}
	n, err := e.seen.node, e.seen.nodeErr
	switch {
	case err == nil:
		text := n.UUID
		if n.Name != "" {
			text = n.Name + ", " + n.UUID
		}
		e.step("node", OK, e.seen.took, text)
		e.r.Node = &Node{UUID: n.UUID, Name: n.Name, State: string(n.ProvisionState), Since: n.ProvisionUpdatedAt, BootInterface: n.BootInterface,
			Driver: n.Driver, ConductorGroup: n.ConductorGroup, MayBoot: usher.MayBoot(n.ProvisionState, e.Dispatch.Restrict),
			ActiveConductors: []string{}, InactiveConductors: []string{}}
		return
	case !errors.Is(err, usher.ErrNotFound):
		e.step("node", Failed, e.Opening+e.seen.took, err.Error())
		return
	}
	e.step("node", Failed, e.seen.took, "no port of any node has "+mac.String())
	if e.Addresses == nil {
		return
	}
	start := time.Now()
	e.near, err = nearest(ctx, e.Addresses, mac)
	took := time.Since(start)
	if err != nil {
		e.step("nearest", Note, took, "not known: "+err.Error())
		return
	}
	if len(e.near) == 0 {
		e.step("nearest", Note, took, fmt.Sprintf("no known address is like it, nor of the same vendor (%s)", mac.String()[:8]))
		return
	}
	var lines []string
	for _, k := range e.near {
		e.r.Nearest = append(e.r.Nearest, NearAddress{Address: k.Address.String(), Portgroup: k.Portgroup, Node: k.NodeUUID, Name: k.NodeName,
			State: string(k.State), Relation: k.relation, Distance: k.distance})
		lines = append(lines, k.line())
	}
	e.step("nearest", Note, took, lines[0], lines[1:]...)
}

// line is "52:54:00:12:34:57 of n1 (available): one digit differs; the next one".
func (k near) line() string {
	of := called(k.NodeUUID, k.NodeName)
	if k.Portgroup != "" {
		of = "port group " + k.Portgroup + " of " + of
	}
	var like []string
	switch k.relation {
	case relationSame:
		like = append(like, "the same address")
	case relationDigit:
		like = append(like, "one digit differs")
	case relationSwap:
		like = append(like, "two digits are swapped")
	case relationVendor:
		like = append(like, "of the same vendor")
	}
	switch d := k.distance; {
	case d == 1:
		like = append(like, "the next one")
	case d == -1:
		like = append(like, "the one before")
	case d > 0 && d <= besideFar:
		like = append(like, fmt.Sprintf("%d further", d))
	case d < 0 && -d <= besideFar:
		like = append(like, fmt.Sprintf("%d before", -d))
	}
	return fmt.Sprintf("%s of %s (%s): %s", k.Address, of, k.State, strings.Join(like, ", "))
}

// maxPorts bounds how many ports of a node are told.
const maxPorts = 16

func (e *explainer) port(ctx context.Context, mac usher.MAC) {
	start := time.Now()
	ports, err := e.Inventory.PortsOf(ctx, e.dec.Node.UUID, maxPorts)
	took := time.Since(start)
	if err != nil {
		e.step("port", e.portMark(Note), took, e.portText()+"; more is not known: "+err.Error()+"; 'usher db grants' prints the rights that it needs")
		return
	}
	var others []string
	for _, p := range ports {
		mine := Port{UUID: p.PortUUID, Address: p.Address.String(), PXEEnabled: p.PXEEnabled}
		if p.Address == mac {
			e.r.Ports = append([]Port{mine}, e.r.Ports...)
			continue
		}
		e.r.Ports = append(e.r.Ports, mine)
		if p.PXEEnabled || e.Dispatch.AllPorts {
			others = append(others, mine.Address)
		}
	}
	text := e.portText()
	if len(e.r.Ports) == 0 || e.r.Ports[0].Address != mac.String() {
		e.step("port", e.portMark(Note), took, text+"; one of more than "+fmt.Sprint(maxPorts)+" of the node")
		return
	}
	text = e.r.Ports[0].UUID + ", " + text
	if len(others) > 0 {
		text += "; also answered: " + strings.Join(others, ", ")
	}
	e.step("port", e.portMark(OK), took, text)
}

// portText says whether the port is one to boot from.
func (e *explainer) portText() string {
	switch {
	case !e.dec.Node.PXEDisabled:
		return "pxe_enabled = true"
	case e.Dispatch.AllPorts:
		return "pxe_enabled = false, and [neutron]add_all_ports = true has it answered all the same"
	}
	return "pxe_enabled = false: it is not answered"
}

// portMark is the mark of the port's step, good unless the port is the cause.
func (e *explainer) portMark(good Mark) Mark {
	if e.dec.Cause == dispatch.CausePXEDisabled {
		return Failed
	}
	return good
}

// state tells whether the node may boot, and what would change that.
func (e *explainer) state(ctx context.Context) {
	n := e.dec.Node
	start := time.Now()
	condition, err := e.Inventory.NodeCondition(ctx, n.UUID)
	took := time.Since(start)
	var more []string
	if err == nil {
		e.condition = condition
		e.r.Node.DeployInterface, e.r.Node.Maintenance = condition.DeployInterface, condition.Maintenance
		e.r.Node.Reservation, e.r.Node.LastError = condition.Reservation, condition.LastError
		if condition.LastError != "" {
			more = append(more, "last_error: "+condition.LastError)
		}
		if condition.Reservation != "" {
			more = append(more, "locked by "+condition.Reservation+e.holder(ctx, condition.Reservation))
		}
		if condition.Maintenance {
			more = append(more, "in maintenance, which alone keeps no machine from booting")
		}
	}
	way, single := toDeployment(n.ProvisionState), booting(n.ProvisionState)
	if !n.ProvisionState.Waiting() && !n.ProvisionState.Transient() {
		e.r.Node.VerbsToDeployment, e.r.Node.VerbsThatBoot = words(way), words(single)
	}
	text := fmt.Sprintf("%q", n.ProvisionState)
	if !n.ProvisionUpdatedAt.IsZero() {
		text += " for " + ago(e.r.CheckedAt.Sub(n.ProvisionUpdatedAt))
	}
	switch {
	case n.ProvisionState.Waiting():
		text += ": waits for its ramdisk, so it may boot"
	case e.r.Node.MayBoot:
		text += ": may boot, since [api]restrict_boot_config = false lets it in every state"
	default:
		text += ": waits for no ramdisk, and [api]restrict_boot_config = true answers only nodes that do"
		if len(single) > 0 {
			more = append(more, "verbs that make it wait for one: "+strings.Join(described(single, condition.DeployInterface), ", "))
		} else if len(way) > 0 && !n.ProvisionState.Transient() {
			more = append(more, "verbs on the way to waiting for one: "+strings.Join(described(way, condition.DeployInterface), ", then "))
		}
	}
	mark := OK
	if e.dec.Cause == dispatch.CauseWrongState {
		mark = Failed
	}
	e.step("state", mark, took, text, more...)
}

// holder is what an operator should know of the one who holds a node's lock.
//
// Ironic locks nodes in the name of its bare [DEFAULT]host and, at its start,
// frees the locks of the name that it is registered by. Since 2025.1 these may
// be two names, and then a lock outlives the conductor that was killed with it
// (nodes.reservation; seen in 29.0.5 and 39.0.0).
func (e *explainer) holder(ctx context.Context, host string) string {
	if !e.Site.Ironic {
		return ""
	}
	all, err := e.Inventory.Conductors(ctx)
	if err != nil {
		return "" // a later step says so
	}
	text, now := ", which is no conductor's name", time.Now()
	for _, c := range all {
		switch {
		case !usher.SameConductor(c.Hostname, host):
		case c.Active(now, e.HeartbeatTimeout) && c.Hostname == host:
			return ""
		case c.Active(now, e.HeartbeatTimeout):
			return ", registered as " + c.Hostname + ": a lock that it held when it was killed Ironic does not free"
		default:
			text = ", which " + strings.TrimPrefix(e.gone(c, now), c.Hostname+" ")
		}
	}
	return text
}

// ago is a time span for people.
func ago(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%.1f h", d.Hours())
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
