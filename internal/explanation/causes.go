package explanation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/dispatch"
)

// advice is what to say of a cause: what it means here, and how to mend it. A
// nil fix is for causes that need none.
type advice struct {
	says, fix func(*explainer) string
}

// rows has one row for each cause. It never changes; TestEveryCause holds it
// against dispatch's list.
var rows = map[dispatch.Cause]advice{
	dispatch.CauseServed: {(*explainer).served, (*explainer).arrives},

	dispatch.CauseBadMAC: {
		says: func(e *explainer) string { return "that is no MAC address" },
		fix:  func(e *explainer) string { return "write six octets, such as 52:54:00:12:34:56" },
	},
	dispatch.CauseUnknownFile: {
		says: func(e *explainer) string { return fmt.Sprintf("no boot interface answers a file %q", e.r.File) },
		fix: func(e *explainer) string {
			return "ask for boot.ipxe (iPXE) or grub.cfg (GRUB), as the root scripts do"
		},
	},
	dispatch.CauseUnknownMAC: {
		says: func(e *explainer) string { return "no node has a port with " + e.r.MAC },
		fix:  (*explainer).enrol,
	},
	dispatch.CausePXEDisabled: {
		says: func(e *explainer) string {
			return fmt.Sprintf("the port %s of node %s has pxe_enabled = false, so it is not answered", e.r.MAC, nameOf(e.dec.Node))
		},
		fix: (*explainer).enablePort,
	},
	dispatch.CauseWrongState: {
		says: func(e *explainer) string {
			return fmt.Sprintf("node %s is %q and waits for no ramdisk", nameOf(e.dec.Node), e.dec.Node.ProvisionState)
		},
		fix: (*explainer).makeWait,
	},
	dispatch.CauseUnsupported: {(*explainer).unsupported, (*explainer).otherFile},
	dispatch.CauseNoFile: {
		says: func(e *explainer) string {
			return fmt.Sprintf("conductor %s has no boot file for node %s: %s", e.dec.AnsweredBy, nameOf(e.dec.Node), sentence(e.r.Error))
		},
		fix: (*explainer).noFile,
	},
	dispatch.CauseNotAllowed: {
		says: func(e *explainer) string {
			return e.Site.Limits.From + " is in no network of [usher]boot_allowed_networks"
		},
		fix: func(e *explainer) string {
			return "add its network to [usher]boot_allowed_networks, and reload (SIGHUP)"
		},
	},
	dispatch.CauseRateLimited: {
		says: func(e *explainer) string { return "the source asked more often than its limits allow" },
		fix: func(e *explainer) string {
			return "raise [usher]boot_rate_limit, boot_rate_burst or boot_connections_per_source where many machines share one address"
		},
	},

	dispatch.CauseDatabase: {
		says: func(e *explainer) string {
			switch {
			case e.Site.Empty:
				return sentence(e.r.Error)
			case e.Site.Barred != nil:
				return "what machines get cannot be told, since this account may not use the database"
			case errors.Is(e.dec.Err, usher.ErrUnavailable):
				return "the database gives no answer"
			}
			return "the database cannot be used: " + sentence(e.r.Error)
		},
		fix: (*explainer).database,
	},
	dispatch.CauseNoConductor: {
		says: func(e *explainer) string { return "no active conductor serves " + e.kind() },
		fix:  (*explainer).startConductor,
	},
	dispatch.CauseUnreachable: {
		says: func(e *explainer) string {
			return noun("conductor", len(e.silent())) + " " + strings.Join(e.silent(), " and ") + " cannot be reached"
		},
		fix: (*explainer).reach,
	},
	dispatch.CauseTimeout: {
		says: func(e *explainer) string {
			text := fmt.Sprintf("conductor %s did not answer within [usher]rpc_timeout = %g s", e.late(), e.Dispatch.RPCTimeout.Seconds())
			if others := e.silentBut(e.late()); len(others) > 0 {
				text += ", and " + strings.Join(others, " and ") + " cannot be reached"
			}
			return text
		},
		fix: func(e *explainer) string {
			return "look at " + e.late() + " and its log: the process hangs, its disk or database is slow, or a firewall drops the way to it (" + e.Site.RPC + ")"
		},
	},
	dispatch.CauseStopping: {
		says: func(e *explainer) string {
			return fmt.Sprintf("conductor %s cannot do it just now: %s", e.asked(), sentence(e.r.Error))
		},
		fix: func(e *explainer) string {
			if strings.Contains(e.r.Error, "is stopping") || strings.Contains(e.r.Error, "is starting") {
				return "wait until it is up again; machines ask again by themselves"
			}
			return "mend what it says, on that host; machines ask again by themselves"
		},
	},
	dispatch.CauseNotReady: {
		says: func(e *explainer) string {
			return fmt.Sprintf("conductor %s is not ready: %s", e.asked(), sentence(e.r.Error))
		},
		fix: (*explainer).getReady,
	},
	dispatch.CauseConductor: {
		says: func(e *explainer) string {
			return "conductor " + e.asked() + " answers with an error of its own: " + sentence(e.r.Error)
		},
		fix: func(e *explainer) string {
			return "read the log of the process at " + e.Site.RPC + " on that host; it must be Usher's, not Ironic's"
		},
	},
	dispatch.CauseBadFile: {
		says: func(e *explainer) string {
			return "conductor " + e.asked() + " has a file that it cannot give to the machine: " + sentence(e.r.Error)
		},
		fix: func(*explainer) string {
			return "correct the template that Ironic writes it from ([pxe]ipxe_config_template or pxe_config_template, or the node's own), " +
				"or the option that the error names, and begin anew what the node waits for"
		},
	},
	dispatch.CauseOverloaded: {
		says: func(e *explainer) string { return "too many other machines were asking" },
		fix: func(e *explainer) string {
			return "nothing: machines ask again by themselves; where it lasts, look for what is slow in usher_boot_step_seconds, or run more APIs"
		},
	},
	dispatch.CauseLost: {
		says: func(e *explainer) string {
			what, _, _ := strings.Cut(e.r.Error, "; ") // after it comes what to do
			return sentence(what)
		},
		fix: func(e *explainer) string {
			fix := "start that conductor again; where it is gone for good, " + e.todo(e.stop()) + ", and begin anew"
			if e.dec.Node.ProvisionState == usher.InspectWait {
				fix += "; where ironic-inspector boots the machine, set [inspector]require_managed_boot = false"
			}
			return fix
		},
	},
	dispatch.CauseGone: {says: func(e *explainer) string { return "interrupted before there was an answer" }},
}

// sentence is an error without the full stop at its end.
func sentence(s string) string { return strings.TrimSuffix(strings.TrimSpace(s), ".") }

// asked is the conductor that the cause is about.
func (e *explainer) asked() string { return cmp.Or(e.dec.AnsweredBy, e.dec.Owner) }

// silent are the conductors that gave no answer.
func (e *explainer) silent() []string {
	var hosts []string
	for _, c := range e.seen.calls {
		if c.Evidence == nil {
			hosts = append(hosts, c.Host)
		}
	}
	if len(hosts) == 0 {
		hosts = []string{e.asked()}
	}
	return hosts
}

// late is the last conductor that let the time for its answer pass.
func (e *explainer) late() string {
	for _, c := range slices.Backward(e.seen.calls) {
		if errors.Is(c.err, context.DeadlineExceeded) {
			return c.Host
		}
	}
	return e.asked()
}

// silentBut are the others that gave no answer.
func (e *explainer) silentBut(host string) []string {
	return slices.DeleteFunc(e.silent(), func(other string) bool { return other == host })
}

func noun(one string, n int) string {
	if n == 1 {
		return one
	}
	return one + "s"
}

// served says who gets what from whom.
func (e *explainer) served() string {
	text := fmt.Sprintf("%s gets %s of node %s from %s", e.r.MAC, e.r.File, nameOf(e.dec.Node), e.dec.AnsweredBy)
	if len(e.seen.calls) == 0 {
		return text
	}
	switch ev := e.seen.calls[len(e.seen.calls)-1].Evidence; {
	case ev == nil:
	case ev.WouldPrepare:
		text += ", which prepares it at the first request"
	case ev.Found:
		text += ", " + size(ev.Size)
	}
	if e.dec.AnsweredBy != e.dec.Owner {
		text += fmt.Sprintf(", in place of the owner %s", e.dec.Owner)
	}
	return text
}

// arrives is for a machine that still gets nothing: its request does not come.
func (e *explainer) arrives() string {
	switch {
	case len(e.seen.calls) > 0 && e.seen.calls[0].Evidence == nil:
		return "look at " + strings.Join(e.silent(), " and ") + ", which gives no answer"
	case e.Site.DoorErr != nil:
		program := "usher api"
		if e.Site.Alone {
			program = "usher serve"
		}
		return "start '" + program + "' here, unless machines ask on another host"
	case e.last != nil && len(e.last) == 0:
		return "if it still gets nothing, its request does not arrive here: look at DHCP, TFTP and cabling ('" +
			e.Site.Program + " doctor --dnsmasq FILE')"
	}
	return ""
}

// unsupported says which file the node's boot interface answers.
func (e *explainer) unsupported() string {
	n := e.dec.Node
	if i, ok := bootiface.Lookup(n.BootInterface); ok {
		return fmt.Sprintf("boot interface %s of node %s answers %s, not %s", i.Name(), nameOf(n), strings.Join(i.Files(), ", "), e.r.File)
	}
	return fmt.Sprintf("boot interface %q of node %s has no boot file", n.BootInterface, nameOf(n))
}

func (e *explainer) otherFile() string {
	name := nameOf(e.dec.Node)
	var fit []string
	for _, other := range bootiface.Names() {
		if i, _ := bootiface.Lookup(other); i.Answers(e.r.File) {
			fit = append(fit, other)
		}
	}
	fix := fmt.Sprintf("set one that answers %s (%s): openstack baremetal node set %s --boot-interface %s",
		e.r.File, strings.Join(fit, ", "), name, fit[0])
	if i, ok := bootiface.Lookup(e.dec.Node.BootInterface); ok {
		loader := "GRUB"
		if i.Answers("boot.ipxe") {
			loader = "iPXE"
		}
		return fmt.Sprintf("let the machine's firmware load %s, which asks for %s; or %s", loader, i.Files()[0], fix)
	}
	return fix
}
