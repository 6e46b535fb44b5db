package conductor

import (
	"context"
	"encoding/json"

	"github.com/usher-boot/usher"
)

// Names of the RPC methods. get_boot_config is the specification's, the
// others bear the names of Ironic's conductor.
const (
	methodGetBootConfig = "get_boot_config"
	methodAction        = "do_provisioning_action"
	methodHeartbeat     = "heartbeat"
	methodDestroy       = "destroy_node"
	methodValidate      = "validate_driver_interfaces"
)

// Parameters of the RPC methods, by their names on the wire.
type (
	bootConfigParams struct {
		NodeID string `json:"node_id"`
		Name   string `json:"name"`
	}
	nodeParams struct {
		NodeID string `json:"node_id"`
	}
	actionParams struct {
		NodeID string                `json:"node_id"`
		Action usher.ProvisionAction `json:"action"`
	}
	heartbeatParams struct {
		NodeID string `json:"node_id"`
		usher.Heartbeat
	}
)

// Method answers one RPC method. params is a JSON object.
type Method = func(ctx context.Context, params json.RawMessage) (any, error)

// Methods are what this conductor answers to other Usher processes.
func (c *Conductor) Methods() map[string]Method {
	return map[string]Method{
		methodGetBootConfig: method(func(ctx context.Context, p bootConfigParams) (any, error) {
			return c.GetBootConfig(ctx, p.NodeID, p.Name)
		}),
		methodAction: method(func(ctx context.Context, p actionParams) (any, error) {
			return nil, c.ProvisionAction(ctx, p.NodeID, p.Action)
		}),
		methodHeartbeat: method(func(ctx context.Context, p heartbeatParams) (any, error) {
			return nil, c.Heartbeat(ctx, p.NodeID, p.Heartbeat)
		}),
		methodDestroy: method(func(ctx context.Context, p nodeParams) (any, error) {
			return nil, c.DestroyNode(ctx, p.NodeID)
		}),
		methodValidate: method(func(ctx context.Context, p nodeParams) (any, error) {
			return c.Validate(ctx, p.NodeID)
		}),
	}
}

// method decodes the parameters of an answer.
func method[P any](answer func(context.Context, P) (any, error)) Method {
	return func(ctx context.Context, raw json.RawMessage) (any, error) {
		var params P
		if err := json.Unmarshal(raw, &params); err != nil {
			return nil, usher.Errorf(usher.ErrInvalid, "bad parameters: %v", err).WithClass("InvalidParameterValue")
		}
		return answer(ctx, params)
	}
}
