package conductor

import (
	"context"

	"github.com/usher-boot/usher"
)

// NodeImage gives the digest of the image that a node boots under a name, as
// its row is now. It is for machines that hold a boot file of an older version
// of Usher, which named images by their node. ErrNotFound means that the node
// boots none of this name now, ErrUnavailable that it cannot be told yet.
func (c *Conductor) NodeImage(ctx context.Context, nodeUUID, name string) (digest string, err error) {
	for range bootConfigTries {
		if c.stopping.Load() {
			return "", errStopping
		}
		node, err := c.store.BootNode(ctx, nodeUUID)
		if err != nil {
			return "", incapable(err)
		}
		if err := mayBoot(node); err != nil {
			return "", err
		}
		if _, images, ok := c.files.get(node); ok {
			for _, img := range images {
				if img.name == name {
					return img.digest, nil
				}
			}
			return "", usher.Errorf(usher.ErrNotFound, "Node %s boots no %.64q.", nodeUUID, name)
		}
		if err := c.prepareOnDemand(ctx, nodeUUID); err != nil {
			return "", err
		}
	}
	return "", notReady("The boot files of node %s are changing.", nodeUUID)
}
