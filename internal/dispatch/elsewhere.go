package dispatch

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/usher-boot/usher"
)

// Elsewhere answers, on purpose, where Ironic leaves a gap: the hash ring has
// moved and the node's new owner has no file. Ironic takes over only nodes
// that are active, and those minutes later, so the file is still where it was
// written. It is for nodes whose files Ironic writes; Usher's own conductors
// prepare what they are asked for.
//
// Who wrote it is conductor_affinity's conductor, for a deployment and for an
// active node. For the other states it is who owned the node when it entered
// its state; that is told from the ring of all conductors that the database
// knows and from their last heartbeats.
type Elsewhere struct {
	Members Members
	// HeartbeatTimeout is the age at which a conductor stops being active.
	HeartbeatTimeout time.Duration
	// RequireManagedBoot is [inspector]require_managed_boot, nil where nobody
	// set it. Then Inspections decides.
	RequireManagedBoot *bool
	Inspections        Inspections
}

// Inspections tells how nodes are inspected.
type Inspections interface {
	// InspectInterface is the name of a node's inspect interface.
	InspectInterface(ctx context.Context, nodeUUID string) (string, error)
}

// Members tells conductors, those that are gone included.
type Members interface {
	// Known lists who could ever have owned a node, in the order of the ring
	// of all of them.
	Known(ctx context.Context, group, driver, key string) ([]usher.Conductor, error)
	// Conductor finds one by its id and says whether it is active.
	Conductor(ctx context.Context, id int64) (usher.Conductor, bool, error)
	// ActiveAs lists the active ones that can be the one of this name, first
	// the one that has it: an upgrade of Ironic registers a conductor anew, by
	// its other name, and leaves the old row behind.
	ActiveAs(ctx context.Context, name string) ([]usher.Conductor, error)
}

// askElsewhere goes on where the owner has no file. It leaves the decision as
// it is where nobody else should have one either.
func (d *Dispatcher) askElsewhere(ctx context.Context, dec *Decision) {
	none := dec.Err
	hosts, lost, err := d.o.Elsewhere.holders(ctx, dec.Node, dec.Owner)
	if err != nil {
		dec.end(NotNow, orGone(ctx, CauseDatabase), err)
		return
	}
	for _, host := range hosts {
		if !d.failures.mayAsk(host) {
			dec.AnsweredBy = ""
			dec.end(NotNow, CauseUnreachable, usher.Errorf(usher.ErrUnavailable,
				"conductor %s, which may have the files, could not be reached a moment ago", host))
			return
		}
		if d.askOne(ctx, host, dec); dec.Cause != CauseNoFile {
			return
		}
	}
	dec.AnsweredBy = dec.Owner
	if lost == nil {
		dec.end(No, CauseNoFile, none)
		return
	}
	dec.end(NotNow, CauseLost, usher.Errorf(usher.ErrUnavailable,
		"the boot files of node %s are on conductor %s only, whose last heartbeat was at %s; Ironic takes no waiting node over: "+
			"start that conductor, or abort what the node waits for and begin it again",
		dec.Node.UUID, lost.Hostname, lost.UpdatedAt.UTC().Format(time.RFC3339)))
}

// maxElsewhere bounds how many conductors are asked besides the owner.
const maxElsewhere = 2

// holders are the active conductors that may have the node's files, the likely
// one first, and the conductor that is gone and had them.
func (e *Elsewhere) holders(ctx context.Context, n usher.BootNode, owner string) (hosts []string, lost *usher.Conductor, err error) {
	if n.ConductorAffinity != 0 {
		c, active, err := e.prepared(ctx, n.ConductorAffinity)
		if err != nil {
			return nil, nil, err
		}
		hosts = others(hosts, active, owner) // who deployed the node last: at least a hint
		if c != nil && (n.ProvisionState == usher.DeployWait || n.ProvisionState == usher.Active) {
			if len(active) == 0 {
				lost = c
			}
			return hosts, lost, nil
		}
	}
	if !n.ProvisionState.Waiting() {
		return hosts, nil, nil // Ironic keeps no files for it
	}
	known, err := e.Members.Known(ctx, n.ConductorGroup, n.Driver, n.UUID)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range known {
		if !n.ProvisionUpdatedAt.IsZero() && c.CreatedAt.After(n.ProvisionUpdatedAt) {
			continue // it did not own the node then
		}
		active, err := e.Members.ActiveAs(ctx, c.Hostname)
		switch {
		case err != nil:
			return nil, nil, err
		case len(active) == 0 && e.outlived(c, n):
			managed, err := e.ManagesBoot(ctx, n)
			if err != nil {
				return nil, nil, err
			}
			if managed {
				return hosts, &c, nil
			}
		case len(active) > 0 && (active[0].Hostname == c.Hostname || e.outlived(c, n)):
			hosts = others(hosts, active, owner)
		}
		if len(hosts) == maxElsewhere {
			return hosts, nil, nil
		}
	}
	return hosts, nil, nil
}

// prepared finds the conductor of an id, and who is active as it now; nil where
// its row is gone, and with it what it knew.
func (e *Elsewhere) prepared(ctx context.Context, id int64) (*usher.Conductor, []usher.Conductor, error) {
	c, _, err := e.Members.Conductor(ctx, id)
	if errors.Is(err, usher.ErrNotFound) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	active, err := e.Members.ActiveAs(ctx, c.Hostname)
	return &c, active, err
}

// others adds conductors to those to ask: each once, and not the owner, who has
// none and so did not own the node then.
func others(hosts []string, conductors []usher.Conductor, owner string) []string {
	for _, c := range conductors {
		asked := func(host string) bool { return usher.SameConductor(host, c.Hostname) }
		if !asked(owner) && !slices.ContainsFunc(hosts, asked) && len(hosts) < maxElsewhere {
			hosts = append(hosts, c.Hostname)
		}
	}
	return hosts
}

// outlived says that a conductor that is gone was active when the node came to
// wait.
func (e *Elsewhere) outlived(c usher.Conductor, n usher.BootNode) bool {
	return !n.ProvisionUpdatedAt.IsZero() && !c.UpdatedAt.Add(e.HeartbeatTimeout).Before(n.ProvisionUpdatedAt)
}

// ManagesBoot says whether Ironic boots a waiting node's machine itself, so
// that a boot file exists on some conductor. It does so in every state but
// "inspect wait", in which ironic-inspector may boot the machine instead.
//
// Which of the two it is stands in driver_internal_info, beside secrets, and is
// not read. [inspector]require_managed_boot = true says that Ironic always
// does it. Where the option is not set, Ironic's default depends on the node's
// inspect interface and on nothing else: false for "inspector" in all releases
// that have that interface, true for "agent".
func (e *Elsewhere) ManagesBoot(ctx context.Context, n usher.BootNode) (bool, error) {
	if n.ProvisionState != usher.InspectWait {
		return true, nil
	}
	if e.RequireManagedBoot != nil {
		return *e.RequireManagedBoot, nil
	}
	name, err := e.Inspections.InspectInterface(ctx, n.UUID)
	switch {
	case err == nil:
		return name != "inspector", nil
	case errors.Is(err, usher.ErrNotFound): // deleted meanwhile
		return false, nil
	case errors.Is(err, usher.ErrUnavailable) || ctx.Err() != nil:
		return false, err
	}
	return true, nil // the account may not read it: rather 503 for ever than a wrong 404
}
