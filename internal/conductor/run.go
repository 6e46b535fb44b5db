package conductor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/usher-boot/usher"
)

// tidyInterval is how often unused images are looked for where no interval
// is configured that fits.
const tidyInterval = time.Minute

// Run keeps what this conductor owns prepared until ctx ends: at the start,
// and whenever the ring or the settings change, it takes up what is its own;
// it goes on with work that was interrupted, and ends waits that took too long.
func (c *Conductor) Run(ctx context.Context) error {
	var (
		done    string // what the last pass was made for
		checked = time.Now()
	)
	for {
		s := c.settings.Load()
		ring, err := c.rings.Fingerprint(ctx)
		now := fmt.Sprint(c.files.current(), " ", ring)
		switch {
		case err != nil:
		case now != done:
			if err = c.takeOver(ctx); err == nil {
				done = now
			}
		default:
			err = c.resume(ctx)
		}
		if time.Since(checked) >= cmp.Or(s.CheckInterval, tidyInterval) {
			checked = time.Now()
			if s.CheckInterval > 0 {
				err = errors.Join(err, c.expire(ctx))
			}
			err = errors.Join(err, c.images.Sweep(ctx, c.inUse))
		}
		if err != nil && ctx.Err() == nil {
			c.logger.Warn("a pass over this conductor's nodes failed and will be repeated", "error", err)
		}
		select {
		case <-time.After(max(s.RingInterval, time.Second)):
		case <-ctx.Done():
			return nil
		}
	}
}

// pageSize bounds how many nodes are in memory at once.
const pageSize = 500

// each visits the nodes that pass the filter, a page at a time.
func (c *Conductor) each(ctx context.Context, f usher.NodeFilter, visit func(*usher.Node) error) error {
	return c.eachPage(ctx, f, func(nodes []*usher.Node) error {
		for _, n := range nodes {
			if err := visit(n); err != nil {
				return err
			}
		}
		return nil
	})
}

// eachPage visits the pages of each.
func (c *Conductor) eachPage(ctx context.Context, f usher.NodeFilter, visit func([]*usher.Node) error) error {
	f.Limit = pageSize
	for {
		nodes, err := c.store.Nodes(ctx, f)
		if err != nil {
			return err
		}
		more := len(nodes) == pageSize
		if more {
			f.Marker = nodes[pageSize-1].UUID
		}
		if err := visit(nodes); err != nil || !more {
			return err
		}
	}
}

// owns says whether the hash ring names this conductor for a node.
func (c *Conductor) owns(ctx context.Context, n *usher.Node) bool {
	hosts, err := c.rings.Owners(ctx, n.ConductorGroup, n.Driver, n.UUID)
	return err == nil && hosts[0] == c.host
}

// isOthers says whether the hash ring names another conductor for a node. One
// that is nobody's just now may be this conductor's in a moment.
func (c *Conductor) isOthers(ctx context.Context, n *usher.Node) bool {
	hosts, err := c.rings.Owners(ctx, n.ConductorGroup, n.Driver, n.UUID)
	return err == nil && hosts[0] != c.host
}

// goOn takes the lock of a node whose task was lost: its conductor is gone,
// or the database was when this one wanted to write down how it ended. A node
// whose lock is in good hands is left there.
func (c *Conductor) goOn(ctx context.Context, n *usher.Node) error {
	task, err := c.lock(ctx, n.UUID, unchanged)
	if errors.Is(err, usher.ErrConflict) || errors.Is(err, usher.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	c.logger.Info("going on with what a conductor left", "node", n.UUID, "name", n.Name,
		"state", string(task.Node.ProvisionState))
	c.background(task)
	return nil
}

// resume goes on with what was interrupted among this conductor's nodes.
func (c *Conductor) resume(ctx context.Context) error {
	goOn := func(n *usher.Node) error {
		if c.tasks.has(n.UUID) {
			return nil
		}
		if n.Reservation != c.host && !c.owns(ctx, n) {
			return nil
		}
		return c.goOn(ctx, n)
	}
	if err := c.each(ctx, usher.NodeFilter{ProvisionStates: transientStates()}, goOn); err != nil {
		return err
	}
	return c.each(ctx, usher.NodeFilter{ReservedBy: c.host}, goOn)
}

// expire ends the waits of this conductor's nodes that took too long.
func (c *Conductor) expire(ctx context.Context) error {
	var errs []error
	for state, limit := range c.settings.Load().Timeouts {
		if limit > 0 {
			errs = append(errs, c.expireIn(ctx, state, time.Now().Add(-limit)))
		}
	}
	return errors.Join(errs...)
}

// expireIn is expire for the nodes that have waited in a state since before a
// time: the database picks them out, since in a storm thousands wait and few
// for too long.
func (c *Conductor) expireIn(ctx context.Context, s usher.State, before time.Time) error {
	working := false
	filter := usher.NodeFilter{ProvisionStates: []usher.State{s}, UpdatedBefore: before, Maintenance: &working}
	return c.each(ctx, filter, func(n *usher.Node) error {
		if !c.owns(ctx, n) {
			return nil
		}
		if err := c.giveUp(ctx, n); err != nil {
			c.logger.Error("cannot end a node's wait", "node", n.UUID, "error", err)
		}
		return nil
	})
}

// giveUp moves a node whose ramdisk never called to its "* failed" state.
func (c *Conductor) giveUp(ctx context.Context, seen *usher.Node) error {
	task, err := c.acquire(ctx, seen.UUID, func(n *usher.Node) error {
		if n.ProvisionState != seen.ProvisionState {
			return errMovedOn
		}
		return failWait(n, "Timeout reached while waiting for callback for node "+n.UUID)
	})
	if errors.Is(err, errMovedOn) {
		return nil
	}
	if err != nil {
		return err
	}
	c.logger.Warn("gave up waiting for a node's ramdisk", "node", seen.UUID, "name", seen.Name,
		"state", string(seen.ProvisionState))
	c.background(task)
	return nil
}

// errMovedOn says that a node has left the state that it was seen in.
var errMovedOn = errors.New("the node has moved on")

func waitingStates() []usher.State {
	return []usher.State{usher.DeployWait, usher.CleanWait, usher.InspectWait, usher.RescueWait, usher.ServiceWait}
}

// transientStates are those that a conductor's work ends.
func transientStates() []usher.State {
	return []usher.State{usher.Verifying, usher.Deploying, usher.Deleting,
		usher.Cleaning, usher.Inspecting, usher.Adopting, usher.Rescuing, usher.Unrescuing, usher.Servicing}
}
