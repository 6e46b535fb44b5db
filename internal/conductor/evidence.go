package conductor

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
)

// Evidence tells what GetBootConfig would answer now, and from which file. It
// goes GetBootConfig's way without preparing anything: where a machine's
// request would make the conductor prepare the node, it says so, and what is
// known to be in the way (docs/decisions/0075-explaining-changes-nothing.md).
func (c *Conductor) Evidence(ctx context.Context, nodeUUID, name string) bootiface.Evidence {
	e := bootiface.Evidence{Host: c.host}
	e.Problem = bootiface.ProblemOf(c.evidence(ctx, nodeUUID, name, &e))
	return e
}

func (c *Conductor) evidence(ctx context.Context, nodeUUID, name string, e *bootiface.Evidence) error {
	if c.stopping.Load() {
		return errStopping
	}
	node, err := c.store.BootNode(ctx, nodeUUID)
	if err != nil {
		return incapable(err)
	}
	e.Stamp = node.ProvisionUpdatedAt
	e.PreparedFor, _, _ = c.folders.told(node.UUID)
	iface, ok := bootiface.Lookup(node.BootInterface)
	if !ok || !iface.Answers(name) {
		return notAnswered(node, name)
	}
	err = c.disk.Look(iface, node.UUID, name, e)
	switch {
	case node.ProvisionState.Transient():
		return atWork(node.UUID, node.ProvisionState)
	case !mayHaveBootFile(node.ProvisionState):
		return nothingToBoot(node)
	case !c.folders.holds(node.UUID, node.ProvisionUpdatedAt), errors.Is(err, usher.ErrNotFound):
		e.WouldPrepare = true
		return c.inTheWay(ctx, node.UUID, e)
	case err != nil:
		return incapable(err)
	}
	return nil
}

// inTheWay is what is known to keep a node's files from being prepared: that
// failed last time and is tried at each request, or it cannot be done at all.
func (c *Conductor) inTheWay(ctx context.Context, uuid string, e *bootiface.Evidence) error {
	n, err := c.store.Node(ctx, uuid)
	if err == nil && n.ProvisionState.Transient() {
		return atWork(n.UUID, n.ProvisionState)
	}
	if err == nil {
		var r rendered
		r, err = c.render(n)
		e.Sources = sources(r.boot)
	}
	_, last, busy := c.folders.told(uuid)
	switch {
	case err != nil:
		return unprepared(uuid, err)
	case busy:
		return stillPreparing(uuid)
	}
	return unprepared(uuid, last.err)
}

// sources are where a boot's images come from: files by their paths, and of
// servers no more than their names.
func sources(b boot) []string {
	var found []string
	for _, img := range []image{b.kernel, b.ramdisk, b.iso} {
		from := bootiface.Servers(img.URL)
		if strings.HasPrefix(img.URL, "file://") {
			from = []string{img.URL}
		}
		for _, source := range from {
			if !slices.Contains(found, source) {
				found = append(found, source)
			}
		}
	}
	return found
}
