package conductor

import (
	"context"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
)

// ReadyBootConfig is BootConfigOf for a file that lies ready for this very
// row; for all else BootConfigOf must be asked, which may take its time.
func (c *Conductor) ReadyBootConfig(ctx context.Context, node usher.BootNode, name string) (config string, ok bool) {
	iface, known := bootiface.Lookup(node.BootInterface)
	if c.stopping.Load() || !known || !iface.Answers(name) || node.ProvisionState.Transient() ||
		!mayHaveBootFile(node.ProvisionState) || !c.folders.holds(node.UUID, node.ProvisionUpdatedAt) {
		return "", false
	}
	content, err := c.read(ctx, iface, node.UUID, name)
	return content, err == nil
}
