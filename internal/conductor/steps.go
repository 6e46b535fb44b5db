package conductor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/usher-boot/usher"
)

// background carries the task's node out of its transient state and then
// releases the lock.
func (c *Conductor) background(task *Task) {
	if !c.begin() {
		c.end(task, errStopping)
		return
	}
	go func() {
		defer c.work.Done()
		c.end(task, c.finish(c.workCtx, task))
	}()
}

// end ends a task's work. One that Stop cut off in a transient state keeps
// its lock and its state: see Stop.
func (c *Conductor) end(task *Task, err error) {
	stopped := errors.Is(err, errStopping) || context.Cause(c.workCtx) == errStopping
	switch {
	case err == nil:
	case !stopped && outage(err) && task.Node.ProvisionState.Transient():
		// Nothing is known against the node. It keeps its lock, and Run goes
		// on with it.
		c.logger.Warn("a node's work broke off, since the database does not answer; it will be taken up again",
			"node", task.Node.UUID, "name", task.Node.Name, "state", string(task.Node.ProvisionState), "error", err)
		c.tasks.end(task.Node.UUID)
		return
	case !stopped:
		c.fail(task, err)
	case task.Node.ProvisionState.Transient():
		return
	}
	task.release()
}

// outage says that the inventory could not be reached; what images or disks
// lack comes as an *usher.Error or as no usher.ErrUnavailable.
func outage(err error) bool {
	_, told := errors.AsType[*usher.Error](err)
	return errors.Is(err, usher.ErrUnavailable) && !told
}

// finish carries a node through its transient states. What it does depends
// on the node's row alone, so that another start, or another conductor, can
// take up what this one left.
func (c *Conductor) finish(ctx context.Context, task *Task) error {
	for task.Node.ProvisionState.Transient() {
		if err := c.step(ctx, task); err != nil {
			return err
		}
	}
	// A state at rest may come with another boot file, or with none.
	err := c.prepare(ctx, task.Node, time.Now())
	if task.Node.Reservation == "" { // what is prepared is nobody's task any more
		c.attempts.note(task.Node.UUID, err)
		return nil
	}
	return err
}

// step does the work of one transient state and moves on to the next.
func (c *Conductor) step(ctx context.Context, task *Task) error {
	node := task.Node
	manual := node.TargetProvisionState == usher.Manageable
	switch node.ProvisionState {
	case usher.Verifying:
		return task.move(ctx, usher.EventDone, forgetRamdisk)
	case usher.Adopting, usher.Unrescuing:
		return c.prepareAndMove(ctx, task, usher.EventDone)
	case usher.Deploying:
		if node.DeployInterface == ramdiskDeploy {
			return c.prepareAndMove(ctx, task, usher.EventDone)
		}
		return c.prepareAndMove(ctx, task, usher.EventWait)
	case usher.Cleaning:
		if !manual && !c.settings.Load().AutomatedClean {
			return task.move(ctx, usher.EventDone, forgetRamdisk)
		}
		return c.prepareAndMove(ctx, task, usher.EventWait)
	case usher.Inspecting, usher.Rescuing, usher.Servicing:
		return c.prepareAndMove(ctx, task, usher.EventWait)
	case usher.Deleting:
		c.files.forget(node.UUID)
		return task.move(ctx, usher.EventClean, func(n *usher.Node) {
			forgetRamdisk(n)
			n.InstanceInfo, n.InstanceUUID, n.ConductorAffinity = nil, "", 0
		})
	}
	return fmt.Errorf("node %s: nothing is known to do in state %q", node.UUID, node.ProvisionState)
}

// prepareAndMove prepares the state that e leads to and then moves there: the
// gate opens only when the images are here.
func (c *Conductor) prepareAndMove(ctx context.Context, task *Task, e usher.Event) error {
	ahead := *task.Node
	next, ok := ahead.ProvisionState.Next(e)
	if !ok {
		return invalidState(task.Node, string(e))
	}
	setState(&ahead, next)
	if err := c.prepare(ctx, &ahead, time.Now()); err != nil {
		return err
	}
	err := task.move(ctx, e, func(n *usher.Node) {
		forgetRamdisk(n)
		n.ProvisionUpdatedAt = ahead.ProvisionUpdatedAt // what was prepared
		n.ConductorAffinity = c.id.Load()
	})
	if err == nil {
		c.logger.Info("boot files are ready", "node", task.Node.UUID, "name", task.Node.Name,
			"state", string(task.Node.ProvisionState))
	}
	return err
}

// forgetRamdisk drops what belongs to one boot of a ramdisk; the next one
// gets a token of its own.
func forgetRamdisk(n *usher.Node) {
	n.DriverInternalInfo = without(n.DriverInternalInfo,
		keyAgentURL, keyAgentVersion, keyAgentHeartbeat, keyAgentToken)
}

// fail ends a task's work in the "* failed" state of its transient state. A
// node whose failure can't be noted keeps its state and lock; Run takes it up
// again.
func (c *Conductor) fail(task *Task, cause error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.workCtx), stopGrace)
	defer cancel()
	node := task.Node
	c.logger.Error("a node's work failed", "node", node.UUID, "name", node.Name,
		"state", string(node.ProvisionState), "error", cause)
	err := task.update(ctx, func(n *usher.Node) {
		n.LastError = cause.Error()
		// A state at rest stays: only say what is wrong.
		if next, ok := n.ProvisionState.Next(usher.EventFail); ok && n.ProvisionState.Transient() {
			setState(n, next)
		}
		n.Reservation = ""
	})
	if err != nil && !errors.Is(err, usher.ErrNotFound) {
		c.logger.Error("cannot note a node's failure; its work will be tried again", "node", node.UUID, "error", err)
	}
}
