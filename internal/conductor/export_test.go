package conductor

import (
	"context"

	"github.com/usher-boot/usher"
)

// PageSize is how many nodes a pass reads at once.
const PageSize = pageSize

// Each visits the nodes that pass the filter as the passes do.
func (c *Conductor) Each(ctx context.Context, f usher.NodeFilter, visit func(*usher.Node) error) error {
	return c.each(ctx, f, visit)
}

// Holds says that a task of this process is at work on the node.
func (c *Conductor) Holds(uuid string) bool { return c.tasks.has(uuid) }

// Prepared is the boot file that is kept for a node's row; empty where none is.
func (c *Conductor) Prepared(n *usher.Node) string {
	content, _ := c.prepared(bootNode(n))
	return content
}

// InUse finds out what images nodes need.
func (c *Conductor) InUse(ctx context.Context) (Use, error) { return c.inUse(ctx) }

// TakeOver makes one pass over the nodes that the conductor owns.
func (c *Conductor) TakeOver(ctx context.Context) error { return c.takeOver(ctx) }
