package agent

import (
	"context"
	"time"

	"github.com/usher-boot/usher/internal/bootiface"
)

// read reads a node's boot file for a machine, and tells when it was written.
func (a *Agent) read(ctx context.Context, i bootiface.Interface, uuid, name string) (string, time.Time, error) {
	if a.o.BootFileRead == nil {
		return a.o.Disk.ReadWritten(i, uuid, name)
	}
	start := time.Now()
	content, written, err := a.o.Disk.ReadWritten(i, uuid, name)
	a.o.BootFileRead(ctx, start, err)
	return content, written, err
}
