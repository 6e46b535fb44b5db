package conductor

import (
	"context"
	"slices"
	"strings"

	"github.com/usher-boot/usher/internal/bootiface"
)

// Evidence tells what GetBootConfig would answer now. It goes GetBootConfig's
// way without preparing anything: where a machine's request would make the
// conductor prepare the node, it says so, and what is known to be in the way
// (docs/decisions/0075-explaining-changes-nothing.md).
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
	e.PreparedFor = c.files.stamp(node.UUID)
	iface, ok := bootiface.Lookup(node.BootInterface)
	if !ok || !iface.Answers(name) {
		return notAnswered(node, name)
	}
	if err := mayBoot(node); err != nil {
		return err
	}
	if content, ok := c.prepared(node); ok {
		e.Found, e.Size, e.Servers = true, len(content), bootiface.Servers(content)
		return nil
	}
	e.WouldPrepare = true
	return c.inTheWay(ctx, node.UUID, e)
}

// inTheWay is what is known to keep a node's boot file from being prepared:
// that failed last time and is tried at each request, or it cannot be done at
// all.
func (c *Conductor) inTheWay(ctx context.Context, uuid string, e *bootiface.Evidence) error {
	n, err := c.store.Node(ctx, uuid)
	if err == nil && n.ProvisionState.Transient() {
		return atWork(n.UUID, n.ProvisionState)
	}
	if err == nil {
		err = c.check(n)
	}
	if err != nil {
		return unprepared(uuid, err)
	}
	if b, _, err := bootOf(n, c.settings.Load()); err == nil {
		e.Sources = sources(b)
	}
	busy, failed := c.attempts.of(uuid)
	if busy {
		return stillPreparing(uuid)
	}
	return unprepared(uuid, failed)
}

// sources are where a boot's images come from: files by their paths, and of
// servers no more than their names.
func sources(b boot) []string {
	var found []string
	for _, img := range b.images() {
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
