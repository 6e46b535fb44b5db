package conductor

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/usher-boot/usher"
)

// Task is a conductor's exclusive hold on one node: it owns the node's
// reservation until release. The shared lock, as in Ironic, is none at all:
// who only reads (GetBootConfig) waits for nobody and writes nothing.
type Task struct {
	c    *Conductor
	Node *usher.Node // as last read or written
}

// Ironic's [conductor]node_locked_retry_attempts and _interval.
const (
	lockAttempts = 3
	lockPause    = time.Second
)

// acquire returns a task with the exclusive lock. A lock held by a conductor
// that is no longer active is taken from it.
func (c *Conductor) acquire(ctx context.Context, ident string) (*Task, error) {
	if c.stopping.Load() {
		return nil, errStopping
	}
	for attempt := 1; ; attempt++ {
		node, err := c.store.ReserveNode(ctx, ident, c.host)
		if err == nil {
			return c.hold(node), nil
		}
		if !errors.Is(err, usher.ErrConflict) {
			return nil, err
		}
		if task, stealErr := c.steal(ctx, ident); stealErr != nil || task != nil {
			return task, stealErr
		}
		if attempt == lockAttempts {
			return nil, err
		}
		select {
		case <-time.After(lockPause):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// steal takes the node's lock from a holder that is not an active conductor.
// It returns nil, nil where the holder is alive.
func (c *Conductor) steal(ctx context.Context, ident string) (*Task, error) {
	node, err := c.store.Node(ctx, ident)
	if err != nil {
		return nil, err
	}
	holder := node.Reservation
	if holder == "" || holder == c.host {
		return nil, nil
	}
	active, err := c.rings.Active(ctx)
	if err != nil {
		return nil, err
	}
	for _, other := range active {
		if other.Hostname == holder {
			return nil, nil
		}
	}
	if err := c.store.StealReservation(ctx, node.UUID, holder, c.host); err != nil {
		if errors.Is(err, usher.ErrConflict) {
			return nil, nil // somebody was faster
		}
		return nil, err
	}
	c.logger.Warn("took the lock of a node from a conductor that is no longer active",
		"node", node.UUID, "holder", holder)
	node, err = c.store.Node(ctx, node.UUID)
	if err != nil {
		return nil, err
	}
	return c.hold(node), nil
}

// hold makes the task of a node whose reservation is this conductor's.
func (c *Conductor) hold(n *usher.Node) *Task {
	c.tasks.add(n.UUID)
	return &Task{c: c, Node: n}
}

// tasks are the nodes that this process holds, to tell its own locks from
// those of an earlier life of the same host. Its zero value is ready.
type tasks struct{ held sync.Map }

func (t *tasks) add(uuid string)        { t.held.Store(uuid, true) }
func (t *tasks) remove(uuid string)     { t.held.Delete(uuid) }
func (t *tasks) holds(uuid string) bool { _, ok := t.held.Load(uuid); return ok }

// release gives the lock back. It has its own deadline, since it must also
// happen when the work was cancelled.
func (t *Task) release() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.c.workCtx), stopGrace)
	defer cancel()
	defer t.c.tasks.remove(t.Node.UUID)
	if err := t.c.store.ReleaseNode(ctx, t.Node.UUID, t.c.host); err != nil && !errors.Is(err, usher.ErrNotFound) {
		t.c.logger.Error("cannot release a node", "node", t.Node.UUID, "error", err)
	}
}

// update changes the node's row under the lock.
func (t *Task) update(ctx context.Context, change func(*usher.Node)) error {
	node, err := t.c.store.UpdateNode(ctx, t.Node.UUID, t.c.host, func(n *usher.Node) error {
		change(n)
		return nil
	})
	if err == nil {
		t.Node = node
	}
	return err
}

// move takes the node through one event of the state machine and changes
// what else the event changes.
func (t *Task) move(ctx context.Context, e usher.Event, change func(*usher.Node)) error {
	next, ok := t.Node.ProvisionState.Next(e)
	if !ok {
		return invalidState(t.Node, string(e))
	}
	return t.update(ctx, func(n *usher.Node) {
		setState(n, next)
		if change != nil {
			change(n)
		}
	})
}

// setState stamps the change, which also tells boot files of before from
// those of after.
func setState(n *usher.Node, s usher.State) {
	n.ProvisionState = s
	n.ProvisionUpdatedAt = stamp(n.ProvisionUpdatedAt)
	if !s.Transient() && !s.Waiting() && !failed(s) {
		n.TargetProvisionState = ""
	}
}

// stamp is now in the precision that every database keeps, and always later
// than before.
func stamp(before time.Time) time.Time {
	now := time.Now().UTC().Truncate(time.Microsecond)
	if !now.After(before) {
		now = before.Add(time.Microsecond)
	}
	return now
}

// failed says that the state is reached by a failure and keeps its target.
func failed(s usher.State) bool {
	switch s {
	case usher.DeployFailed, usher.CleanFailed, usher.InspectFailed, usher.AdoptFailed,
		usher.RescueFailed, usher.UnrescueFailed, usher.ServiceFailed, usher.ErrorState:
		return true
	}
	return false
}

// invalidState is Ironic's answer to a verb that the state does not allow.
func invalidState(n *usher.Node, verb string) error {
	return usher.Errorf(usher.ErrInvalid,
		"The requested action %q can not be performed on node %q while it is in state %q.",
		verb, n.UUID, n.ProvisionState).WithClass("InvalidStateRequested")
}
