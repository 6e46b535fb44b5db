package conductor

import (
	"context"

	"github.com/usher-boot/usher"
)

// Validate says, for each interface that clients ask about, whether the node
// could be deployed as it is.
func (c *Conductor) Validate(ctx context.Context, ident string) (map[string]usher.Validation, error) {
	node, err := c.store.Node(ctx, ident)
	if err != nil {
		return nil, err
	}
	deployed := *node
	deployed.ProvisionState = usher.DeployWait
	if node.DeployInterface == ramdiskDeploy {
		deployed.ProvisionState = usher.Active
	}
	rescued := *node
	rescued.ProvisionState = usher.RescueWait
	deploy := c.verdict(&deployed)
	return map[string]usher.Validation{"boot": deploy, "deploy": deploy, "rescue": c.verdict(&rescued)}, nil
}

func (c *Conductor) verdict(n *usher.Node) usher.Validation {
	if err := c.check(n); err != nil {
		return usher.Validation{Reason: err.Error()}
	}
	return usher.Validation{Result: true}
}
