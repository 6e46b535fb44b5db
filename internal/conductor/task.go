package conductor

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

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

// acquire takes the exclusive lock of a node and changes its row, in one
// write, after a few attempts where another task has it. Where change fails
// the node is neither locked nor changed.
func (c *Conductor) acquire(ctx context.Context, ident string, change func(*usher.Node) error) (*Task, error) {
	nodeUUID := ident
	if uuid.Validate(ident) != nil {
		node, err := c.store.Node(ctx, ident)
		if err != nil {
			return nil, err
		}
		nodeUUID = node.UUID
	}
	for attempt := 1; ; attempt++ {
		task, err := c.lock(ctx, nodeUUID, change)
		if err == nil || attempt == lockAttempts || !isLocked(err) {
			return task, err
		}
		select {
		case <-c.tasks.ended(nodeUUID):
		case <-time.After(lockPause):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// isLocked says that an error is about a lock that somebody else has.
func isLocked(err error) bool {
	e, ok := errors.AsType[*usher.Error](err)
	return ok && e.Class == classLocked
}

// classLocked is Ironic's exception class for a node that is reserved.
const classLocked = "NodeLocked"

// lock tries once to get the exclusive lock. This process claims the node
// for itself before it touches the row: a reservation that bears its name and
// that no task of it claims is one that an earlier task could not give back.
func (c *Conductor) lock(ctx context.Context, nodeUUID string, change func(*usher.Node) error) (*Task, error) {
	switch {
	case c.stopping.Load():
		return nil, errStopping
	case c.unregistered.Load():
		return nil, errStarting
	}
	if !c.tasks.claim(nodeUUID) {
		return nil, usher.Errorf(usher.ErrConflict, "Node %s is locked by host %s, please retry "+
			"after the current operation is completed.", nodeUUID, c.host).WithClass(classLocked)
	}
	node, err := c.reserve(ctx, nodeUUID, change)
	if err != nil {
		c.tasks.end(nodeUUID)
		return nil, err
	}
	return &Task{c: c, Node: node}, nil
}

// reserve writes the reservation and the change.
func (c *Conductor) reserve(ctx context.Context, nodeUUID string, change func(*usher.Node) error) (*usher.Node, error) {
	// What is begun is brought to an end, also when the client hangs up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stepPatience)
	defer cancel()
	reserved := func(n *usher.Node) error {
		n.Reservation = c.host
		return change(n)
	}
	node, err := c.store.UpdateNode(ctx, nodeUUID, "", reserved)
	if !isLocked(err) {
		return node, err
	}
	if err := c.steal(ctx, nodeUUID, err); err != nil {
		return nil, err
	}
	node, err = c.store.UpdateNode(ctx, nodeUUID, c.host, reserved)
	if err != nil && !isLocked(err) {
		// Of what was stolen somebody must dispose.
		if releaseErr := c.store.ReleaseNode(ctx, nodeUUID, c.host); releaseErr != nil {
			c.logger.Error("cannot release a node; this will be tried again", "node", nodeUUID, "error", releaseErr)
		}
	}
	return node, err
}

// unchanged is a change that is none.
func unchanged(*usher.Node) error { return nil }

// steal takes the lock of a node from a holder that will not give it back: a
// conductor that is no longer active, or a lost task of this one. locked is
// the answer where the holder is alive.
func (c *Conductor) steal(ctx context.Context, nodeUUID string, locked error) error {
	node, err := c.store.Node(ctx, nodeUUID)
	if err != nil {
		return err
	}
	holder := node.Reservation
	switch holder {
	case c.host:
		return nil
	case "": // given back just now
		return locked
	}
	active, err := c.rings.Active(ctx)
	if err != nil {
		return err
	}
	for _, other := range active {
		if other.Hostname == holder {
			return locked
		}
	}
	if err := c.store.StealReservation(ctx, nodeUUID, holder, c.host); err != nil {
		if errors.Is(err, usher.ErrConflict) {
			return locked // somebody was faster
		}
		return err
	}
	c.logger.Warn("took the lock of a node from a conductor that is no longer active",
		"node", nodeUUID, "holder", holder)
	return nil
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

// release gives the lock back, where the task's last write has not done so. It
// has its own deadline, since it must also happen when the work was cancelled.
func (t *Task) release() {
	defer t.c.tasks.end(t.Node.UUID)
	if t.Node.Reservation == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.c.workCtx), stopGrace)
	defer cancel()
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
// what else the event changes. What it leads to is prepared, so where that is a
// state at rest the same write gives the lock back.
func (t *Task) move(ctx context.Context, e usher.Event, change func(*usher.Node)) error {
	next, ok := t.Node.ProvisionState.Next(e)
	if !ok {
		return invalidState(t.Node, string(e))
	}
	return t.update(ctx, func(n *usher.Node) {
		setState(n, next)
		if !next.Transient() {
			n.Reservation = ""
		}
		if change != nil {
			change(n)
		}
	})
}

// endIfIdle gives the lock of a node back, in the write that changes it, where
// its new state leaves nothing to do.
func endIfIdle(n *usher.Node) {
	if !n.ProvisionState.Transient() && !mayHaveBootFile(n.ProvisionState) {
		n.Reservation = ""
	}
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
