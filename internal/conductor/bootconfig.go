package conductor

import (
	"context"
	"errors"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
)

// onDemandWait bounds how long a machine waits for files that are prepared
// because it asked; shorter than the usual [usher]rpc_timeout, so that "not
// yet" comes from here. Fetching an image may take longer and goes on.
const onDemandWait = 2 * time.Second

// GetBootConfig answers the RPC get_boot_config(node_id, name): the named
// boot file of the node, with this conductor's addresses. It takes no lock
// and never waits for one that others hold. ErrNotFound means that the node
// has nothing to boot now, ErrUnsupported that its boot interface does not
// answer this name, ErrUnavailable that the file is not ready yet.
func (c *Conductor) GetBootConfig(ctx context.Context, nodeUUID, name string) (string, error) {
	if c.stopping.Load() {
		return "", errStopping
	}
	node, err := c.store.BootNode(ctx, nodeUUID)
	if err != nil {
		return "", notReady(err)
	}
	iface, ok := bootiface.Lookup(node.BootInterface)
	if !ok || !iface.Answers(name) {
		return "", usher.Errorf(usher.ErrUnsupported, "Boot interface %q of node %s does not answer %q.",
			node.BootInterface, node.UUID, name).WithClass("UnsupportedDriverExtension")
	}
	if !c.folders.holds(node.UUID, node.ProvisionUpdatedAt) {
		if err := c.prepareOnDemand(ctx, node.UUID); err != nil {
			return "", err
		}
	}
	content, err := c.disk.Read(iface, node.UUID, name)
	if errors.Is(err, usher.ErrNotFound) && c.folders.holds(node.UUID, node.ProvisionUpdatedAt) {
		// Somebody tidied up below us.
		c.folders.forget(node.UUID)
		if err := c.prepareOnDemand(ctx, node.UUID); err != nil {
			return "", err
		}
		content, err = c.disk.Read(iface, node.UUID, name)
	}
	return string(content), err
}

// prepareOnDemand prepares a node that this conductor was asked for and has
// not prepared: it took the node over, or has just started. Once, however
// many ask. Whatever goes wrong is "not now" to the machine, never "no".
func (c *Conductor) prepareOnDemand(ctx context.Context, uuid string) error {
	ctx, cancel := context.WithTimeout(ctx, onDemandWait)
	defer cancel()
	done := c.onDemand.DoChan(uuid, func() (any, error) {
		c.work.Add(1)
		defer c.work.Done()
		node, err := c.store.Node(c.workCtx, uuid)
		if err != nil {
			return nil, err
		}
		return nil, c.prepare(c.workCtx, node)
	})
	select {
	case r := <-done:
		if r.Err != nil {
			return notReady(usher.Errorf(usher.ErrUnavailable, "Cannot prepare the boot files of node %s: %v", uuid, r.Err))
		}
		return nil
	case <-ctx.Done():
		return notReady(usher.Errorf(usher.ErrUnavailable, "The boot files of node %s are still being prepared.", uuid))
	}
}

// notReady marks an error as this conductor's own "not now", in contrast to
// one that could not be reached.
func notReady(err error) error {
	if !errors.Is(err, usher.ErrUnavailable) {
		return err
	}
	return usher.Errorf(usher.ErrUnavailable, "%v", err).WithClass("TemporaryFailure")
}
