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

// acquire returns a task with the exclusive lock, after a few attempts where
// another task has it.
func (c *Conductor) acquire(ctx context.Context, ident string) (*Task, error) {
	node, err := c.store.Node(ctx, ident)
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		task, err := c.lock(ctx, node.UUID)
		if err == nil || attempt == lockAttempts || !errors.Is(err, usher.ErrConflict) {
			return task, err
		}
		select {
		case <-c.tasks.ended(node.UUID):
		case <-time.After(lockPause):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// lock tries once to get the exclusive lock. This process claims the node
// for itself before it touches the row: a reservation that bears its name and
// that no task of it claims is one that an earlier task could not give back.
func (c *Conductor) lock(ctx context.Context, uuid string) (*Task, error) {
	switch {
	case c.stopping.Load():
		return nil, errStopping
	case c.unregistered.Load():
		return nil, errStarting
	}
	if !c.tasks.claim(uuid) {
		return nil, usher.Errorf(usher.ErrConflict, "Node %s is locked by host %s, please retry "+
			"after the current operation is completed.", uuid, c.host).WithClass("NodeLocked")
	}
	node, err := c.store.ReserveNode(ctx, uuid, c.host)
	if errors.Is(err, usher.ErrConflict) {
		node, err = c.steal(ctx, uuid, err)
	}
	if err != nil {
		c.tasks.end(uuid)
		return nil, err
	}
	return &Task{c: c, Node: node}, nil
}

// steal takes the lock of a node from a holder that will not give it back: a
// conductor that is no longer active, or a lost task of this one. locked is
// the answer where the holder is alive.
func (c *Conductor) steal(ctx context.Context, uuid string, locked error) (*usher.Node, error) {
	node, err := c.store.Node(ctx, uuid)
	if err != nil {
		return nil, err
	}
	holder := node.Reservation
	switch holder {
	case c.host:
		return node, nil
	case "": // given back just now
		return nil, locked
	}
	active, err := c.rings.Active(ctx)
	if err != nil {
		return nil, err
	}
	for _, other := range active {
		if other.Hostname == holder {
			return nil, locked
		}
	}
	if err := c.store.StealReservation(ctx, uuid, holder, c.host); err != nil {
		if errors.Is(err, usher.ErrConflict) {
			return nil, locked // somebody was faster
		}
		return nil, err
	}
	c.logger.Warn("took the lock of a node from a conductor that is no longer active",
		"node", uuid, "holder", holder)
	return c.store.Node(ctx, uuid)
}

// tasks are the nodes that this process works on under their lock. Its zero
// value is ready.
type tasks struct {
	mu      sync.Mutex
	claimed map[string]chan struct{} // closed by end
}

// claim takes a node for one task of this process, unless another has it.
func (t *tasks) claim(uuid string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.claimed[uuid] != nil {
		return false
	}
	if t.claimed == nil {
		t.claimed = map[string]chan struct{}{}
	}
	t.claimed[uuid] = make(chan struct{})
	return true
}

func (t *tasks) end(uuid string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.claimed[uuid])
	delete(t.claimed, uuid)
}

// ended is closed when this process's task on the node ends; nil, which
// blocks for ever, where it has none.
func (t *tasks) ended(uuid string) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.claimed[uuid]
}

func (t *tasks) has(uuid string) bool { return t.ended(uuid) != nil }

// release gives the lock back. It has its own deadline, since it must also
// happen when the work was cancelled.
func (t *Task) release() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.c.workCtx), stopGrace)
	defer cancel()
	defer t.c.tasks.end(t.Node.UUID)
	if err := t.c.store.ReleaseNode(ctx, t.Node.UUID, t.c.host); err != nil && !errors.Is(err, usher.ErrNotFound) {
		t.c.logger.Error("cannot release a node; this will be tried again", "node", t.Node.UUID, "error", err)
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
