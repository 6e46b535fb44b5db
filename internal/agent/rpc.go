package agent

import (
	"context"
	"encoding/json"

	"github.com/usher-boot/usher"
)

// RPC methods of an agent: the specification's, and one of our own.
const (
	MethodGetBootConfig = "get_boot_config"
	MethodStatus        = "usher_status"
)

// Method answers one RPC method. params is a JSON object.
type Method = func(ctx context.Context, params json.RawMessage) (any, error)

// Methods are what the agent answers to other Usher processes.
func (a *Agent) Methods() map[string]Method {
	return map[string]Method{
		MethodGetBootConfig: func(ctx context.Context, raw json.RawMessage) (any, error) {
			var p struct {
				NodeID string `json:"node_id"`
				Name   string `json:"name"`
			}
			if err := json.Unmarshal(raw, &p); err != nil {
				return nil, usher.Errorf(usher.ErrInvalid, "bad parameters: %v", err).WithClass("InvalidParameterValue")
			}
			return a.GetBootConfig(ctx, p.NodeID, p.Name)
		},
		MethodStatus: func(ctx context.Context, _ json.RawMessage) (any, error) { return a.Status(ctx), nil },
	}
}

// Caller calls an RPC method of the conductor at host.
type Caller interface {
	Call(ctx context.Context, host, method string, params map[string]any, result any) error
}

// Agents reaches the agent beside each of Ironic's conductors.
type Agents struct {
	Caller Caller
}

// Status asks the process beside the conductor at host how it is set up.
func (a *Agents) Status(ctx context.Context, host string) (Status, error) {
	var s Status
	err := a.Caller.Call(ctx, host, MethodStatus, nil, &s)
	return s, err
}
