package conductor

import (
	"context"
	"crypto/subtle"
	"time"

	"github.com/usher-boot/usher"
)

// Heartbeat takes what a booted ramdisk tells. In a "* WAIT" state it ends
// the wait: the deployment is done, the cleaning is done, and so on. A wrong
// or missing agent token is ErrInvalid, as in Ironic.
func (c *Conductor) Heartbeat(ctx context.Context, ident string, h usher.Heartbeat) error {
	node, err := c.store.Node(ctx, ident)
	if err != nil {
		return err
	}
	if err := checkToken(node, h.AgentToken); err != nil {
		return err
	}
	if !node.ProvisionState.Waiting() {
		return nil // a ramdisk that was left running: nothing waits for it
	}
	task, err := c.acquire(ctx, ident)
	if err != nil {
		return err
	}
	// What is locked is brought to an end, also when the ramdisk hangs up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stepPatience)
	defer cancel()
	if err := c.called(ctx, task, h); err != nil {
		task.release()
		return err
	}
	c.background(task)
	return nil
}

// called moves a waiting node on.
func (c *Conductor) called(ctx context.Context, task *Task, h usher.Heartbeat) error {
	if !task.Node.ProvisionState.Waiting() {
		return nil // it was moved on before the lock was ours
	}
	if err := checkToken(task.Node, h.AgentToken); err != nil {
		return err // it waits for another ramdisk by now
	}
	switch {
	case task.Node.Maintenance:
		return task.giveUpInMaintenance(ctx)
	case h.AgentStatus == "error":
		return task.move(ctx, usher.EventFail, func(n *usher.Node) {
			n.LastError = "The ramdisk reported a failure: " + h.AgentStatusMessage
		})
	case h.AgentStatus == "start":
		return nil
	}
	next, ok := afterWait(task.Node)
	if !ok {
		return invalidState(task.Node, "heartbeat")
	}
	return task.update(ctx, func(n *usher.Node) {
		setState(n, next)
		n.DriverInternalInfo = with(n.DriverInternalInfo, keyAgentURL, h.CallbackURL)
		n.DriverInternalInfo[keyAgentHeartbeat] = time.Now().UTC().Format("2006-01-02T15:04:05.000000")
		if h.AgentVersion != "" {
			n.DriverInternalInfo[keyAgentVersion] = h.AgentVersion
		}
		n.DriverInternalInfo = without(n.DriverInternalInfo, keyCleanSteps, keyServiceSteps, keyDeploySteps)
	})
}

// giveUpInMaintenance ends a wait as Ironic does when a node in maintenance
// calls; an inspection or a service goes on waiting.
func (t *Task) giveUpInMaintenance(ctx context.Context) error {
	work, ok := map[usher.State]string{usher.DeployWait: "Deploy", usher.CleanWait: "Cleaning",
		usher.RescueWait: "Rescue"}[t.Node.ProvisionState]
	if !ok {
		return nil
	}
	return t.move(ctx, usher.EventFail, func(n *usher.Node) {
		n.LastError = work + " aborted as node is in maintenance mode"
	})
}

// afterWait is where a node goes when its ramdisk has called back.
func afterWait(n *usher.Node) (usher.State, bool) {
	events := []usher.Event{usher.EventResume, usher.EventDone}
	switch {
	case n.ProvisionState == usher.InspectWait: // has no resume in Ironic
		events = events[1:]
	case n.ProvisionState == usher.CleanWait && n.TargetProvisionState == usher.Manageable:
		events[1] = usher.EventManage
	}
	state := n.ProvisionState
	for _, e := range events {
		next, ok := state.Next(e)
		if !ok {
			return "", false
		}
		state = next
	}
	return state, true
}

// checkToken compares the agent token that a lookup gave out. Heartbeats come
// without credentials, so one without the token ends nothing.
func checkToken(n *usher.Node, given string) error {
	want, _ := n.DriverInternalInfo[keyAgentToken].(string)
	if given == "" {
		return usher.Errorf(usher.ErrInvalid,
			"Agent token is required for heartbeat processing.").WithClass("InvalidParameterValue")
	}
	if want == "" || subtle.ConstantTimeCompare([]byte(want), []byte(given)) != 1 {
		return usher.Errorf(usher.ErrInvalid, "Invalid or missing agent token received.").WithClass("InvalidParameterValue")
	}
	return nil
}
