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
	task, err := c.acquire(ctx, ident, func(n *usher.Node) error { return called(n, h) })
	if err != nil {
		return err
	}
	c.background(task)
	return nil
}

// called moves a waiting node on.
func called(n *usher.Node, h usher.Heartbeat) error {
	if !n.ProvisionState.Waiting() {
		return nil // it was moved on before the lock was ours
	}
	if err := checkToken(n, h.AgentToken); err != nil {
		return err // it waits for another ramdisk by now
	}
	switch {
	case n.Maintenance:
		return giveUpInMaintenance(n)
	case h.AgentStatus == "error":
		return failWait(n, "The ramdisk reported a failure: "+h.AgentStatusMessage)
	case h.AgentStatus == "start":
		return nil
	}
	next, ok := afterWait(n)
	if !ok {
		return invalidState(n, "heartbeat")
	}
	setState(n, next)
	n.DriverInternalInfo = with(n.DriverInternalInfo, keyAgentURL, h.CallbackURL)
	n.DriverInternalInfo[keyAgentHeartbeat] = time.Now().UTC().Format("2006-01-02T15:04:05.000000")
	if h.AgentVersion != "" {
		n.DriverInternalInfo[keyAgentVersion] = h.AgentVersion
	}
	n.DriverInternalInfo = without(n.DriverInternalInfo, keyCleanSteps, keyServiceSteps, keyDeploySteps)
	endIfIdle(n)
	return nil
}

// failWait ends a wait in the "* failed" state of its kind.
func failWait(n *usher.Node, why string) error {
	next, ok := n.ProvisionState.Next(usher.EventFail)
	if !ok {
		return invalidState(n, string(usher.EventFail))
	}
	setState(n, next)
	n.LastError = why
	endIfIdle(n)
	return nil
}

// giveUpInMaintenance ends a wait as Ironic does when a node in maintenance
// calls; an inspection or a service goes on waiting.
func giveUpInMaintenance(n *usher.Node) error {
	work, ok := map[usher.State]string{usher.DeployWait: "Deploy", usher.CleanWait: "Cleaning",
		usher.RescueWait: "Rescue"}[n.ProvisionState]
	if !ok {
		return nil
	}
	return failWait(n, work+" aborted as node is in maintenance mode")
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
