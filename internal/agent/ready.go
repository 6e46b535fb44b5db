package agent

import (
	"context"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
)

// ReadyBootConfig is BootConfigOf for a file that nobody is writing just now;
// for all else BootConfigOf must be asked, which may take its time.
func (a *Agent) ReadyBootConfig(ctx context.Context, node usher.BootNode, name string) (config string, ok bool) {
	iface, known := bootiface.Lookup(node.BootInterface)
	if !known || !iface.Answers(name) {
		return "", false
	}
	file, err := a.read(ctx, iface, node.UUID, name)
	if err != nil || file.Problem != nil || !isCalm(&file) || a.current(ctx, node, file.Written) != nil {
		return "", false
	}
	return file.Content, true
}
