package conductor

import (
	"context"
	"time"

	"github.com/usher-boot/usher"
)

// ProvisionAction starts what a verb asks for. It returns once the node is
// in the state that the verb leads to and locked; the rest goes on in the
// background and ends in the next state or in a "* failed" one with the
// reason in last_error. A verb that the state does not allow is ErrInvalid, a
// node at work is ErrConflict; neither changes anything.
func (c *Conductor) ProvisionAction(ctx context.Context, ident string, a usher.ProvisionAction) error {
	task, err := c.acquire(ctx, ident, func(n *usher.Node) error { return c.start(n, a) })
	if err != nil {
		return err
	}
	c.background(task)
	return nil
}

// stepPatience bounds one step of a locked node that a client waits for.
const stepPatience = 30 * time.Second

// start checks the verb and moves the node into the verb's first state.
func (c *Conductor) start(n *usher.Node, a usher.ProvisionAction) error {
	next, ok := n.ProvisionState.Next(a.Event)
	if !ok {
		return invalidState(n, a.Verb)
	}
	if n.Maintenance && !allowedInMaintenance(a.Event) {
		return usher.Errorf(usher.ErrInvalid,
			"The %s operation can't be performed on node %s because it's in maintenance mode.",
			a.Verb, n.UUID).WithClass("NodeInMaintenance")
	}
	// Find out now, while the client listens, that the boot file can't be
	// rendered.
	if wanted, ok := waitOf(next); ok && !c.skipsWait(a.Event) {
		preview := *n
		preview.ProvisionState = wanted
		applyAction(&preview, a)
		if next == usher.Deploying && preview.DeployInterface == ramdiskDeploy {
			preview.ProvisionState = usher.Active
		}
		if err := c.check(&preview); err != nil {
			return err
		}
	}
	setState(n, next)
	n.LastError = ""
	n.TargetProvisionState = targetOf(next, a.Event)
	if !next.Transient() {
		n.TargetProvisionState = ""
	}
	applyAction(n, a)
	endIfIdle(n)
	return nil
}

// allowedInMaintenance are the verbs that prepare nothing.
func allowedInMaintenance(e usher.Event) bool {
	switch e {
	case usher.EventDeploy, usher.EventRebuild, usher.EventRescue, usher.EventUnrescue,
		usher.EventClean, usher.EventProvide, usher.EventService:
		return false
	}
	return true
}

// waitOf is the "* WAIT" state that a transient state leads to.
func waitOf(s usher.State) (usher.State, bool) { return s.Next(usher.EventWait) }

// skipsWait says that the verb passes through its transient state without
// booting a ramdisk.
func (c *Conductor) skipsWait(e usher.Event) bool {
	automatic := e == usher.EventProvide || e == usher.EventDelete
	return automatic && !c.settings.Load().AutomatedClean
}

// targetOf is the stable state that the node is now on its way to.
func targetOf(s usher.State, e usher.Event) usher.State {
	switch s {
	case usher.Verifying, usher.Inspecting:
		return usher.Manageable
	case usher.Deploying, usher.Adopting, usher.Unrescuing, usher.Servicing:
		return usher.Active
	case usher.Rescuing:
		return usher.Rescue
	case usher.Deleting:
		return usher.Available
	case usher.Cleaning:
		if e == usher.EventClean { // asked for by hand: back to where it was
			return usher.Manageable
		}
		return usher.Available
	}
	return ""
}

// Keys of instance_info and driver_internal_info, as Ironic has them.
const (
	keyRescuePassword = "rescue_password"
	keyConfigDrive    = "configdrive"
	keyCleanSteps     = "clean_steps"
	keyServiceSteps   = "service_steps"
	keyDeploySteps    = "user_deploy_steps"
	keyAgentURL       = "agent_url"
	keyAgentVersion   = "agent_version"
	keyAgentHeartbeat = "agent_last_heartbeat"
	keyAgentToken     = "agent_secret_token"
)

// applyAction stores what the verb brought along.
func applyAction(n *usher.Node, a usher.ProvisionAction) {
	if a.RescuePassword != "" {
		n.InstanceInfo = with(n.InstanceInfo, keyRescuePassword, a.RescuePassword)
	}
	if a.ConfigDrive != nil {
		n.InstanceInfo = with(n.InstanceInfo, keyConfigDrive, a.ConfigDrive)
	}
	for key, steps := range map[string]any{keyCleanSteps: a.CleanSteps, keyServiceSteps: a.ServiceSteps,
		keyDeploySteps: a.DeploySteps} {
		if steps != nil {
			n.DriverInternalInfo = with(n.DriverInternalInfo, key, steps)
		}
	}
}

// with returns m with one more entry, leaving m itself alone.
func with(m map[string]any, key string, value any) map[string]any {
	out := make(map[string]any, len(m)+1)
	for k, v := range m {
		out[k] = v
	}
	out[key] = value
	return out
}

// without returns m less some entries, leaving m itself alone.
func without(m map[string]any, keys ...string) map[string]any {
	out := with(m, "", nil)
	for _, k := range append(keys, "") {
		delete(out, k)
	}
	return out
}

// DestroyNode removes a node's row and ports.
func (c *Conductor) DestroyNode(ctx context.Context, ident string) error {
	task, err := c.acquire(ctx, ident, (*usher.Node).Deletable)
	if err != nil {
		return err
	}
	defer task.release() // which finds no row once the node is gone
	if err := c.store.DeleteNode(ctx, task.Node.UUID, c.host); err != nil {
		return err
	}
	c.files.forget(task.Node.UUID)
	return nil
}
