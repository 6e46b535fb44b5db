package conductor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usher-boot/usher"
)

// preparers bounds how many nodes are prepared at the same time.
const preparers = 4

// tidyInterval is how often unused images are looked for where no interval
// is configured that fits.
const tidyInterval = time.Minute

// Run keeps what this conductor owns prepared until ctx ends: at the start,
// and whenever the ring or the settings change, it takes up what is its own
// and lets go of what is not; it goes on with work that was interrupted, and
// ends waits that took too long.
func (c *Conductor) Run(ctx context.Context) error {
	var (
		done    string // what the last pass was made for
		checked = time.Now()
		leaving map[string]bool
	)
	for {
		s := c.settings.Load()
		ring, err := c.rings.Fingerprint(ctx)
		now := fmt.Sprint(c.folders.current(), " ", ring)
		switch {
		case err != nil:
		case now != done || len(leaving) > 0:
			if leaving, err = c.takeOver(ctx, leaving); err == nil {
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
			err = errors.Join(err, c.images.Sweep(ctx))
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

// takeOver makes this conductor's disk hold exactly the nodes that it owns.
// Folders of nodes that went to another conductor are kept for one more pass,
// for machines that are booting from them right now: they are in left, and
// those to go in the next pass are returned.
func (c *Conductor) takeOver(ctx context.Context, left map[string]bool) (map[string]bool, error) {
	owned := map[string]bool{}
	var group errgroup.Group
	group.SetLimit(preparers)
	err := c.each(ctx, usher.NodeFilter{ProvisionStates: statesAtWork()}, func(n *usher.Node) error {
		hosts, err := c.rings.Owners(ctx, n.ConductorGroup, n.Driver, n.UUID)
		if err != nil { // nobody's just now: not to be let go of
			owned[n.UUID] = true
			return nil
		}
		if hosts[0] != c.host {
			return nil
		}
		owned[n.UUID] = true
		group.Go(func() error {
			if err := c.takeUp(ctx, n); err != nil && ctx.Err() == nil {
				c.logger.Error("cannot take up a node", "node", n.UUID, "name", n.Name,
					"state", string(n.ProvisionState), "error", err)
			}
			return nil
		})
		return nil
	})
	_ = group.Wait() // each node's failure was logged; others go on
	if err != nil {
		return left, err
	}

	onDisk, err := c.disk.Nodes()
	if err != nil {
		return left, err
	}
	next := map[string]bool{}
	for _, uuid := range onDisk {
		switch {
		case owned[uuid]:
		case !left[uuid]:
			next[uuid] = true
		default:
			if err := c.letGo(ctx, uuid); err != nil {
				return next, err
			}
		}
	}
	return next, nil
}

// letGo removes the folder of a node that is another conductor's. One that
// has become this conductor's since is made right instead, and one that is
// nobody's just now is left as it is.
func (c *Conductor) letGo(ctx context.Context, uuid string) error {
	n, err := c.store.Node(ctx, uuid)
	switch {
	case errors.Is(err, usher.ErrNotFound):
		return c.folders.remove(c, uuid)
	case err != nil:
		return err
	}
	hosts, err := c.rings.Owners(ctx, n.ConductorGroup, n.Driver, uuid)
	switch {
	case err != nil:
		return nil
	case hosts[0] == c.host:
		return c.refresh(ctx, uuid)
	}
	return c.folders.remove(c, uuid)
}

// pageSize bounds how many nodes are in memory at once.
const pageSize = 500

// each visits the nodes that pass the filter, a page at a time.
func (c *Conductor) each(ctx context.Context, f usher.NodeFilter, visit func(*usher.Node) error) error {
	f.Limit = pageSize
	for {
		nodes, err := c.store.Nodes(ctx, f)
		if err != nil {
			return err
		}
		for _, n := range nodes {
			if err := visit(n); err != nil {
				return err
			}
		}
		if len(nodes) < pageSize {
			return nil
		}
		f.Marker = nodes[len(nodes)-1].UUID
	}
}

// takeUp brings one node that is this conductor's to where it should be. One
// that runs from its own disk is left alone: it hardly ever asks, and is
// prepared when it does.
func (c *Conductor) takeUp(ctx context.Context, n *usher.Node) error {
	if n.ProvisionState.Transient() {
		return c.goOn(ctx, n)
	}
	if n.ProvisionState == usher.Active && n.DeployInterface != ramdiskDeploy {
		return nil
	}
	if err := c.refresh(ctx, n.UUID); err != nil {
		return err
	}
	return c.setAffinity(ctx, n)
}

// refresh prepares a node at rest; one that a task works on is the task's.
func (c *Conductor) refresh(ctx context.Context, uuid string) error {
	select {
	case r := <-c.prepareRow(uuid):
		if e, ok := errors.AsType[*usher.Error](r.Err); ok && e.Class == classNotReady {
			return nil
		}
		return r.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// goOn takes the lock of a node whose task was lost: its conductor is gone,
// or the database was when this one wanted to write down how it ended. A node
// whose lock is in good hands is left there.
func (c *Conductor) goOn(ctx context.Context, n *usher.Node) error {
	task, err := c.lock(ctx, n.UUID)
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
		if n.Reservation != c.host {
			hosts, err := c.rings.Owners(ctx, n.ConductorGroup, n.Driver, n.UUID)
			if err != nil || hosts[0] != c.host {
				return nil
			}
		}
		return c.goOn(ctx, n)
	}
	if err := c.each(ctx, usher.NodeFilter{ProvisionStates: transientStates()}, goOn); err != nil {
		return err
	}
	return c.each(ctx, usher.NodeFilter{ReservedBy: c.host}, goOn)
}

// setAffinity notes who prepared the node: a hint for others, so a node that
// is locked just now is left as it is.
func (c *Conductor) setAffinity(ctx context.Context, n *usher.Node) error {
	id := c.id.Load()
	if id == 0 || n.ConductorAffinity == id {
		return nil
	}
	_, err := c.store.UpdateNode(ctx, n.UUID, "", func(n *usher.Node) error {
		n.ConductorAffinity = id
		return nil
	})
	if errors.Is(err, usher.ErrConflict) || errors.Is(err, usher.ErrNotFound) {
		return nil
	}
	return err
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
		hosts, err := c.rings.Owners(ctx, n.ConductorGroup, n.Driver, n.UUID)
		if err != nil || hosts[0] != c.host {
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
	task, err := c.acquire(ctx, seen.UUID)
	if err != nil {
		return err
	}
	if task.Node.ProvisionState != seen.ProvisionState {
		task.release()
		return nil
	}
	err = task.move(ctx, usher.EventFail, func(n *usher.Node) {
		n.LastError = "Timeout reached while waiting for callback for node " + n.UUID
	})
	if err != nil {
		task.release()
		return err
	}
	c.logger.Warn("gave up waiting for a node's ramdisk", "node", seen.UUID, "name", seen.Name,
		"state", string(seen.ProvisionState))
	c.background(task)
	return nil
}

func waitingStates() []usher.State {
	return []usher.State{usher.DeployWait, usher.CleanWait, usher.InspectWait, usher.RescueWait, usher.ServiceWait}
}

// statesAtWork are those in which a conductor has something to keep for a
// node or to do.
func statesAtWork() []usher.State {
	return slices.Concat(waitingStates(), transientStates(), []usher.State{usher.Active})
}

// transientStates are those that a conductor's work ends.
func transientStates() []usher.State {
	return []usher.State{usher.Verifying, usher.Deploying, usher.Deleting,
		usher.Cleaning, usher.Inspecting, usher.Adopting, usher.Rescuing, usher.Unrescuing, usher.Servicing}
}
