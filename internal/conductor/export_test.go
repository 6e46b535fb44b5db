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
