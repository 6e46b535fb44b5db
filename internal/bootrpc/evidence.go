package bootrpc

import (
	"context"
	"encoding/json"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
)

// MethodEvidence is Usher's own RPC method for 'usher explain'.
const MethodEvidence = "usher_explain"

// Witness is a conductor that can say what it would answer, and why.
type Witness interface {
	Evidence(ctx context.Context, nodeUUID, file string) bootiface.Evidence
}

// AnswerEvidence answers MethodEvidence.
func AnswerEvidence(w Witness) func(ctx context.Context, params json.RawMessage) (any, error) {
	return func(ctx context.Context, params json.RawMessage) (any, error) {
		var p struct {
			NodeID string `json:"node_id"`
			Name   string `json:"name"`
		}
		if err := json.Unmarshal(params, &p); err != nil {
			return nil, usher.Errorf(usher.ErrInvalid, "bad parameters: %v", err).WithClass("InvalidParameterValue")
		}
		return w.Evidence(ctx, p.NodeID, p.Name), nil
	}
}

// Evidence asks the conductor at host what it would answer for a node. One that
// cannot tell, an older Usher or an Ironic that has the specification, is asked
// as for a machine. Errors are those of the RPC.
func Evidence(ctx context.Context, c RPC, host string, node usher.BootNode, file string) (bootiface.Evidence, error) {
	params := map[string]any{"node_id": node.UUID, "name": file}
	var e bootiface.Evidence
	err := c.Call(ctx, host, MethodEvidence, params, &e)
	if !unknownMethod(err) {
		return e, err
	}
	e = bootiface.Evidence{Host: host, Plain: true}
	var config string
	if err := c.Call(ctx, host, Method, params, &config); err != nil {
		return e, err
	}
	e.Found, e.Size, e.Servers = true, len(config), bootiface.Servers(config)
	return e, nil
}
