package conductor

import (
	"context"
	"errors"

	"github.com/usher-boot/usher"
)

// Caller calls an RPC method of the conductor at host.
type Caller interface {
	Call(ctx context.Context, host, method string, params map[string]any, result any) error
}

// Peers reaches conductors by host name: the one in this process by a
// function call, all others by RPC.
type Peers struct {
	Local  *Conductor // nil in a process that has none
	Caller Caller
	Nodes  BootNodes
	Rings  Owners
}

// BootNodes reads what routing needs to know of a node.
type BootNodes interface {
	BootNode(ctx context.Context, uuid string) (usher.BootNode, error)
}

// Owners tells the conductors of a node in the order of its hash ring.
type Owners interface {
	Owners(ctx context.Context, group, driver, key string) ([]string, error)
}

// ProvisionAction asks the node's owner to start what a verb asks for.
func (p *Peers) ProvisionAction(ctx context.Context, nodeUUID string, a usher.ProvisionAction) error {
	return p.toOwner(ctx, nodeUUID,
		func(c *Conductor) error { return c.ProvisionAction(ctx, nodeUUID, a) },
		methodAction, map[string]any{"node_id": nodeUUID, "action": a}, nil)
}

// Heartbeat passes a ramdisk's call on to the node's owner.
func (p *Peers) Heartbeat(ctx context.Context, nodeUUID string, h usher.Heartbeat) error {
	return p.toOwner(ctx, nodeUUID,
		func(c *Conductor) error { return c.Heartbeat(ctx, nodeUUID, h) },
		methodHeartbeat, map[string]any{"node_id": nodeUUID, "callback_url": h.CallbackURL,
			"agent_version": h.AgentVersion, "agent_token": h.AgentToken, "agent_verify_ca": h.AgentVerifyCA,
			"agent_status": h.AgentStatus, "agent_status_message": h.AgentStatusMessage}, nil)
}

// DestroyNode asks the node's owner to remove it.
func (p *Peers) DestroyNode(ctx context.Context, nodeUUID string) error {
	return p.toOwner(ctx, nodeUUID,
		func(c *Conductor) error { return c.DestroyNode(ctx, nodeUUID) },
		methodDestroy, map[string]any{"node_id": nodeUUID}, nil)
}

// Validate asks the node's owner whether the node could be booted.
func (p *Peers) Validate(ctx context.Context, nodeUUID string) (map[string]usher.Validation, error) {
	var result map[string]usher.Validation
	err := p.toOwner(ctx, nodeUUID,
		func(c *Conductor) (err error) { result, err = c.Validate(ctx, nodeUUID); return err },
		methodValidate, map[string]any{"node_id": nodeUUID}, &result)
	return result, err
}

// Owner is the host name of the conductor that the hash ring names for a node.
func (p *Peers) Owner(ctx context.Context, n *usher.Node) (string, error) {
	hosts, err := p.Rings.Owners(ctx, n.ConductorGroup, n.Driver, n.UUID)
	if err != nil {
		return "", err
	}
	return hosts[0], nil
}

// maxTries bounds how many conductors one call may be offered.
const maxTries = 3

// toOwner calls the conductor that the hash ring names for the node. One that
// certainly did not take the call, since it could not be reached or is
// starting or stopping, hands over to the next on the ring: any conductor can
// work on any node under the node's lock, and the owner's files are made
// right when it is asked for them.
func (p *Peers) toOwner(ctx context.Context, nodeUUID string, local func(*Conductor) error,
	method string, params map[string]any, result any) error {
	n, err := p.Nodes.BootNode(ctx, nodeUUID)
	if err != nil {
		return err
	}
	hosts, err := p.Rings.Owners(ctx, n.ConductorGroup, n.Driver, n.UUID)
	if err != nil {
		return err
	}
	for _, host := range hosts[:min(len(hosts), maxTries)] {
		if p.isLocal(host) {
			err = local(p.Local)
		} else {
			err = p.Caller.Call(ctx, host, method, params, result)
		}
		if !notTaken(err) || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// unreached is an error of a Caller that knows whether the call got through.
type unreached interface {
	error
	// Unreached says that the conductor certainly has not seen the call.
	Unreached() bool
}

// notTaken says that the conductor has done nothing about the call, and that
// another one may.
func notTaken(err error) bool {
	if e, ok := errors.AsType[unreached](err); ok {
		return e.Unreached()
	}
	e, ok := errors.AsType[*usher.Error](err)
	return ok && e.Class == errStopping.Class
}

func (p *Peers) isLocal(host string) bool { return p.Local != nil && p.Local.host == host }
