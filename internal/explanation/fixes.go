package explanation

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/dispatch"
)

// enrol is the fix for an address of no node: that of the likely typing error,
// of a NIC that was forgotten, or of a new machine.
func (e *explainer) enrol() string {
	mac := e.r.MAC
	anew := e.Site.Program + " node add NAME --mac " + mac + " --kernel URL --ramdisk URL"
	if e.Site.Ironic {
		anew = "openstack baremetal port create --node NODE " + mac
	}
	if len(e.near) == 0 {
		return anew
	}
	first := e.near[0]
	name := called(first.NodeUUID, first.NodeName)
	forgotten := "openstack baremetal port create --node " + first.NodeUUID + " " + mac
	switch first.relation {
	case relationSame:
		return fmt.Sprintf("the port group %s of %s has this address, but none of its ports: %s", first.Portgroup, name, forgotten)
	case relationDigit, relationSwap:
		return fmt.Sprintf("for a mistyped %s, correct it; for another NIC of %s, %s; for a new machine, %s", first.Address, name, forgotten, anew)
	case relationBeside:
		return fmt.Sprintf("for another NIC of %s, %s; for a new machine, %s", name, forgotten, anew)
	}
	return anew
}

// database is the fix where the inventory cannot be read.
func (e *explainer) database() string {
	switch {
	case e.Site.Empty:
		return "run '" + e.Site.Program + " db upgrade', or 'usher serve' for SQLite; beside Ironic, name Ironic's database in [database]connection"
	case e.Site.Barred != nil:
		return "run it as root, or as the account that 'usher serve' runs as"
	case errors.Is(e.dec.Err, usher.ErrUnavailable):
		return "see that the server of [database]connection runs and lets this host in ('" + e.Site.Program +
			" doctor' tells); machines ask again by themselves"
	}
	return "correct [database]connection (engine, account, password, name of the database), or give the account its rights: '" +
		e.Site.Program + " db grants' prints them"
}

// enablePort is the fix for a port that is not one to boot from.
func (e *explainer) enablePort() string {
	var others []string
	port := "PORT"
	for _, p := range e.r.Ports {
		switch {
		case p.Address == e.r.MAC:
			port = p.UUID
		case p.PXEEnabled:
			others = append(others, p.Address)
		}
	}
	enable := fmt.Sprintf("openstack baremetal port set %s --pxe-enabled (while the node is manageable or in maintenance)", port)
	switch {
	case len(others) > 0:
		return "nothing, where the machine is to boot from " + strings.Join(others, " or ") +
			", for which it asks as well; to let it boot from this port: " + enable
	case len(e.r.Ports) > 1:
		return enable + "; no other port of the node is answered either"
	}
	return enable
}

// makeWait is the fix for a state in which nothing is answered.
func (e *explainer) makeWait() string {
	n := e.dec.Node
	const option = "[api]restrict_boot_config = false answers in every state"
	switch {
	case n.ProvisionState.Transient():
		who := "its conductor"
		if e.condition.Reservation != "" {
			who = "conductor " + e.condition.Reservation
		}
		return fmt.Sprintf("wait: %s is at work on the node; where nothing moves, read its log", who)
	case n.ProvisionState == usher.Active && e.condition.DeployInterface == "ramdisk":
		return "a ramdisk deployment boots from the network while active: " + option
	case n.ProvisionState == usher.Active:
		return fmt.Sprintf("nothing, where it is to boot its own disk; to deploy it anew: %s (or %s)", e.todo(usher.EventRebuild), option)
	}
	fix := e.deployment()
	if fix == "" {
		return option
	}
	if e.condition.LastError != "" {
		fix = "mend what last_error says, then " + fix
	}
	return fix + " (or " + option + ")"
}

// deployment is what to type to make a node at rest wait for a ramdisk, empty
// where nothing does. Where there is a way that keeps the disk of an instance,
// it comes first.
func (e *explainer) deployment() string {
	way := toDeployment(e.dec.Node.ProvisionState)
	if len(way) == 0 {
		return ""
	}
	if verb, ok := again(e.dec.Node.ProvisionState); ok {
		return e.todo(verb) + "; to deploy it anew instead: " + e.todo(way...)
	}
	return e.todo(way...)
}

// todo is what to type for verbs in a row, with what they cost.
func (e *explainer) todo(verbs ...usher.Event) string {
	text := strings.Join(e.Site.commands(verbs, nameOf(e.dec.Node)), ", then ")
	if lost := losses(verbs, e.condition.DeployInterface); lost != "" {
		text += ", which " + lost
	}
	return text
}

// noFile is the fix where the conductor was asked and has nothing.
func (e *explainer) noFile() string {
	n := e.dec.Node
	if !n.ProvisionState.Waiting() {
		if fix := e.deployment(); fix != "" && n.ProvisionState != usher.Active {
			return "in this state there is nothing to boot: " + fix
		}
		return "in this state there is nothing to boot"
	}
	if e.unmanaged {
		return "nothing, where ironic-inspector boots the machine: let [pxe]ipxe_fallback_script lead there; " +
			"where Ironic's boot file is to do it, set [inspector]require_managed_boot = true"
	}
	return fmt.Sprintf("read in the log of %s's conductor why it wrote none; then %s, and begin anew", e.asked(), e.todo(e.stop()))
}

// stop is the verb that ends what a waiting node waits for.
func (e *explainer) stop() usher.Event {
	if _, ok := e.dec.Node.ProvisionState.Next(usher.EventAbort); ok {
		return usher.EventAbort
	}
	return usher.EventDelete
}

// startConductor is the fix where no conductor is there for the node.
func (e *explainer) startConductor() string {
	gone := e.r.Node.InactiveConductors
	switch {
	case e.Site.Alone:
		return "start 'usher serve' on this host"
	case e.Site.Ironic && len(gone) > 0:
		return "start ironic-conductor on " + strings.Join(gone, ", ") + "; where it runs, compare the clocks"
	case len(gone) > 0:
		return "start 'usher conductor' on " + strings.Join(gone, ", ") + "; where it runs, compare the clocks"
	}
	fix := fmt.Sprintf("add %s to [DEFAULT]enabled_hardware_types of a conductor", orNone(e.dec.Node.Driver))
	if group := e.dec.Node.ConductorGroup; group != "" {
		fix += " with [conductor]conductor_group = " + group
	}
	return fix + ", or change the node's driver or conductor group"
}

// reach is the fix where a conductor could not be called.
func (e *explainer) reach() string {
	if e.Site.Alone {
		return "start 'usher serve' on this host"
	}
	host, err := e.asked(), e.dec.Err
	process := "'usher conductor'"
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, unresolved := errors.AsType[*net.DNSError](err)
	_, unusable := errors.AsType[*net.AddrError](err)
	override := "[usher]rpc_addresses = " + usher.ConductorHost(host) + ":ADDRESS"
	switch {
	case strings.Contains(e.r.Error, "credentials refused"):
		return "make [json_rpc]username and password here those of a user that " + host + " knows"
	case certificate:
		return "make [json_rpc]cafile here the authority that signed the certificate of " + host
	case unresolved || unusable:
		return "its name does not lead to an address: set " + override + " here (commas between several), or make the name resolvable"
	case errors.Is(err, syscall.ECONNREFUSED):
		at := ""
		if last := e.seen.calls; len(last) > 0 && last[len(last)-1].Address != "" {
			at = " at " + last[len(last)-1].Address
		}
		return "start " + process + " on " + host + ": nothing listens" + at + " (" + e.Site.RPC + " here)"
	}
	return "see that " + process + " runs on " + host + ", that this host may connect to it (" + e.Site.RPC +
		"), and that its name is its address, else set " + override
}

// getReady is the fix where a conductor is at work, or cannot do its work.
func (e *explainer) getReady() string {
	state := e.dec.Node.ProvisionState
	for _, passing := range []string{"being prepared", "being written", "are changing", "is at work"} {
		if strings.Contains(e.r.Error, passing) && !strings.Contains(e.r.Error, "empty, incomplete") {
			where := "look at the log of " + e.asked()
			if last := e.seen.calls; len(last) > 0 && last[len(last)-1].Evidence != nil && len(last[len(last)-1].Evidence.Sources) > 0 {
				where = "see that " + e.asked() + " can fetch from " + strings.Join(last[len(last)-1].Evidence.Sources, ", ")
			}
			return "wait; machines ask again by themselves. Where it stays so, " + where
		}
	}
	if state.Waiting() && !e.Site.Ironic {
		return "mend what it says; machines ask again by themselves, and each request tries again"
	}
	return "mend what it says, on that host; machines ask again by themselves"
}

// onDisk tells what lies on this host for a conductor of it that is not there
// to be asked.
func (e *explainer) onDisk(host string) string {
	if e.Disk == nil {
		return ""
	}
	found, ok := e.Disk(host, e.dec.Node, e.r.File)
	if !ok {
		return ""
	}
	e.r.Disk = &found
	switch {
	case found.Found:
		return fmt.Sprintf("on this host's disk: %s, %s, written %s ago", found.Path, size(found.Size), ago(e.r.CheckedAt.Sub(found.Written)))
	case found.Path != "":
		return "on this host's disk: nothing at " + found.Path
	}
	return ""
}

// Exit is whether the machine would get its file, get none, or is to ask again.
func (r *Report) Exit() error {
	switch {
	case r.Cause == dispatch.CauseBadMAC:
		return usher.ErrInvalid
	case r.Outcome == dispatch.Served:
		return nil
	case r.Outcome == dispatch.No:
		return usher.ErrNotFound
	}
	return usher.ErrUnavailable
}
