package explanation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/dispatch"
)

// path tells the way to the conductor and its answer, as far as the decision
// went.
func (e *explainer) path(ctx context.Context) {
	switch e.dec.Cause {
	case dispatch.CausePXEDisabled:
		e.step("then", Note, 0, "the port decides: hash ring and conductors are not asked")
		return
	case dispatch.CauseWrongState:
		e.step("then", Note, 0, "the state decides: hash ring and conductors are not asked")
		return
	}
	e.group(ctx)
	if e.seen.ringErr != nil || len(e.seen.hosts) == 0 {
		if e.dec.Cause != dispatch.CauseNoConductor && e.seen.ringErr != nil {
			e.step("ring", Failed, e.seen.ring, e.seen.ringErr.Error())
		}
		return
	}
	e.r.Ring, e.r.AnsweredBy = e.seen.hosts, e.dec.AnsweredBy
	text := "owner " + e.seen.hosts[0]
	if next := e.seen.hosts[1:]; len(next) > 0 {
		text += ", then " + strings.Join(next[:min(len(next), 3)], ", ")
		if len(next) > 3 {
			text += fmt.Sprintf(" and %d more", len(next)-3)
		}
	}
	if len(e.seen.hosts) > 1 && !e.Dispatch.Failover {
		text += "; only the owner has the files"
	}
	e.step("ring", OK, e.seen.ring, text)
	if host := e.r.Node.ConductorAffinity; host != "" && host != e.seen.hosts[0] {
		e.step("affinity", Note, 0, host+" prepared the node last (conductor_affinity)"+e.away(host))
	}
	for i, c := range e.seen.calls {
		e.r.Calls = append(e.r.Calls, *c)
		e.call(c, i)
	}
	if elsewhere := e.Dispatch.Elsewhere; elsewhere != nil {
		managed, err := elsewhere.ManagesBoot(ctx, e.dec.Node)
		e.unmanaged = err == nil && !managed
	}
}

// group tells the conductors of the node's group and hardware type.
func (e *explainer) group(ctx context.Context) {
	start := time.Now()
	all, err := e.Inventory.Conductors(ctx)
	took := time.Since(start)
	if err != nil {
		e.step("group", Note, took, "conductors are not known: "+err.Error())
		return
	}
	e.conductors = all
	n, now := e.dec.Node, time.Now()
	var silent []string
	for _, c := range all {
		if n.ConductorAffinity != 0 && c.ID == n.ConductorAffinity {
			e.r.Node.ConductorAffinity = c.Hostname
		}
		serves := strings.EqualFold(c.Group, n.ConductorGroup) && slices.Contains(c.HardwareTypes(), n.Driver)
		switch {
		case serves && c.Active(now, e.HeartbeatTimeout):
			e.r.Node.ActiveConductors = append(e.r.Node.ActiveConductors, c.Hostname)
		case e.presentName(c, now) != "": // it runs, by another name
		case strings.EqualFold(c.Group, n.ConductorGroup) && (serves || len(c.Interfaces) == 0):
			// A conductor that stopped in good order has taken its types back.
			e.r.Node.InactiveConductors = append(e.r.Node.InactiveConductors, c.Hostname)
			silent = append(silent, e.gone(c, now))
		}
	}
	active := e.r.Node.ActiveConductors
	text := fmt.Sprintf("%s: %d active", e.kind(), len(active))
	mark := OK
	if len(active) == 0 {
		mark = Failed
		text = e.kind() + ": no active conductor serves it"
		if len(silent) == 0 {
			for _, c := range all {
				silent = append(silent, e.other(c, now))
			}
		}
		if len(all) == 0 {
			silent = []string{"no conductor has ever registered"}
		}
	}
	e.step("group", mark, took, text, silent[:min(len(silent), 8)]...)
}

// kind is what a conductor must have to serve the node.
func (e *explainer) kind() string {
	n := e.dec.Node
	if n.ConductorGroup == "" {
		return fmt.Sprintf("hardware type %s without a conductor group", orNone(n.Driver))
	}
	return fmt.Sprintf("hardware type %s of conductor group %s", orNone(n.Driver), n.ConductorGroup)
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

// away is why a conductor is not active, or by which name it is; empty where it
// is by this one.
func (e *explainer) away(host string) string {
	now := time.Now()
	for _, c := range e.conductors {
		if c.Hostname != host || c.Active(now, e.HeartbeatTimeout) {
			continue
		}
		if name := e.presentName(c, now); name != "" {
			return ", and is called " + name + " now"
		}
		return ", and " + strings.TrimPrefix(e.gone(c, now), host+" ")
	}
	return ""
}

// presentName is the name by which a conductor that is not active by this one
// is; empty where it is by none. In an inventory of our own there is one name.
func (e *explainer) presentName(c usher.Conductor, now time.Time) string {
	if !e.Site.Ironic {
		return ""
	}
	return c.PresentName(e.conductors, now, e.HeartbeatTimeout)
}

// gone says since when a conductor is not active.
func (e *explainer) gone(c usher.Conductor, now time.Time) string {
	if !c.Online {
		return fmt.Sprintf("%s stopped %s ago", c.Hostname, ago(now.Sub(c.UpdatedAt)))
	}
	return fmt.Sprintf("%s is silent for %s", c.Hostname, ago(now.Sub(c.UpdatedAt)))
}

// other says what a conductor serves instead.
func (e *explainer) other(c usher.Conductor, now time.Time) string {
	text := c.Hostname + " serves " + strings.Join(c.HardwareTypes(), ", ")
	if len(c.Interfaces) == 0 {
		text = c.Hostname + " serves no hardware type"
	}
	if c.Group != "" {
		text += " of group " + c.Group
	}
	if !c.Active(now, e.HeartbeatTimeout) {
		text += "; " + strings.TrimPrefix(e.gone(c, now), c.Hostname+" ")
	}
	return text
}

// call tells where a conductor was asked and what it said.
func (e *explainer) call(c *Call, i int) {
	name := "answer"
	if i > 0 {
		name = "next"
	}
	took := time.Duration(c.Took * float64(time.Second))
	at := c.Host
	switch {
	case e.Site.Alone:
		at += ", in the process on this host"
	case c.Address != "" && c.Address != c.Host:
		at += " at " + c.Address
	}
	ev := c.Evidence
	if ev == nil {
		why := c.Error
		for _, told := range []string{" on conductor " + c.Host + ": ", "dial tcp " + c.Address + ": "} {
			if _, short, ok := strings.Cut(why, told); ok {
				why = short
			}
		}
		why = ", gives no answer: " + why
		if errors.Is(c.err, context.DeadlineExceeded) {
			why = fmt.Sprintf(", gives no answer within [usher]rpc_timeout = %g s", e.Dispatch.RPCTimeout.Seconds())
		}
		e.step("rpc", Failed, took, at+why)
		if disk := e.onDisk(c.Host); disk != "" {
			e.step("disk", Note, 0, disk)
		}
		return
	}
	e.step("rpc", OK, took, at)
	var more []string
	if ev.Path != "" && ev.Found {
		more = append(more, ev.Path)
	}
	if ev.Found {
		more = append(more, e.whatIsThere(ev))
	}
	if len(ev.Sources) > 0 {
		more = append(more, "its kernel and ramdisk come from "+strings.Join(ev.Sources, ", "))
	}
	switch {
	case c.err != nil:
		if !ev.Found && ev.Path != "" {
			more = append(more, "nothing at "+ev.Path)
		}
		e.step(name, Failed, 0, c.Error, more...)
	case ev.WouldPrepare:
		text := "not prepared yet: the first request makes " + c.Host + " do it"
		if !ev.PreparedFor.IsZero() && !ev.PreparedFor.Equal(ev.Stamp) {
			text = "prepared for an earlier state of the node: the first request makes " + c.Host + " do it again"
		}
		e.step(name, Note, 0, text, more...)
	case ev.Plain:
		e.step(name, OK, 0, more[0], "it knows no usher_explain and was asked as a machine asks")
	default:
		e.step(name, OK, 0, more[0], more[1:]...)
	}
}

// whatIsThere is the file that a conductor has.
func (e *explainer) whatIsThere(ev *bootiface.Evidence) string {
	text := size(ev.Size)
	if !ev.Written.IsZero() {
		text += ", written " + ago(e.r.CheckedAt.Sub(ev.Written)) + " ago"
	}
	if !ev.WouldPrepare && !ev.PreparedFor.IsZero() && ev.PreparedFor.Equal(ev.Stamp) {
		text += ", prepared for this state of the node"
	}
	if len(ev.Servers) > 0 {
		text += ", names " + strings.Join(ev.Servers, " ")
	}
	return text
}

func size(n int) string { return fmt.Sprintf("%d bytes", n) }
