package conductor

import (
	"context"
	"time"

	"github.com/usher-boot/usher/internal/bootiface"
)

// read reads a node's boot file for a machine.
func (c *Conductor) read(ctx context.Context, i bootiface.Interface, uuid, name string) (string, error) {
	if c.told.BootFileRead == nil {
		return c.disk.Read(i, uuid, name)
	}
	start := time.Now()
	content, err := c.disk.Read(i, uuid, name)
	c.told.BootFileRead(ctx, start, err)
	return content, err
}
