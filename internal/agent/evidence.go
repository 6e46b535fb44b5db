package agent

import (
	"context"

	"github.com/usher-boot/usher/internal/bootiface"
)

// Evidence tells what GetBootConfig would answer, and from which file.
func (a *Agent) Evidence(ctx context.Context, nodeUUID, name string) bootiface.Evidence {
	e := bootiface.Evidence{Host: a.o.Host}
	node, err := a.o.Nodes.BootNode(ctx, nodeUUID)
	if err != nil {
		e.Problem = bootiface.ProblemOf(notNow(err))
		return e
	}
	e.Stamp = node.ProvisionUpdatedAt
	if iface, ok := bootiface.Lookup(node.BootInterface); ok && iface.Answers(name) {
		_ = a.o.Disk.Look(iface, node.UUID, name, &e) // what is wrong, the answer itself tells
	}
	_, err = a.BootConfigOf(ctx, node, name)
	e.Problem = bootiface.ProblemOf(err)
	return e
}
