package agent

import (
	"context"
	"slices"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/ironicdisk"
)

// ImageFolder says in which folder of this host an image lies that a machine
// asks for. A machine may have what the present boot file of a node names that
// may boot; all else is ErrNotFound. It keeps nothing from one request to the
// next, so that what is no longer named is no longer served.
func (a *Agent) ImageFolder(ctx context.Context, nodeUUID, root, name string) (string, error) {
	if !ironicdisk.IsUUID(nodeUUID) {
		return "", usher.Errorf(usher.ErrNotFound, "%.64q is not a node UUID", nodeUUID)
	}
	node, err := a.o.Nodes.BootNode(ctx, nodeUUID)
	if err != nil {
		return "", notNow(err)
	}
	if !usher.MayBoot(node.ProvisionState, a.o.Restrict()) {
		return "", usher.Errorf(usher.ErrNotFound, "node %s is %q, and [api]restrict_boot_config allows only the states that wait for a ramdisk",
			node.UUID, node.ProvisionState)
	}
	iface, _ := bootiface.Lookup(node.BootInterface)
	wanted := ironicdisk.Image{Root: bootiface.Root(root), Name: name}
	for _, file := range iface.Files() {
		present, err := a.present(ctx, iface, node, file)
		if err != nil {
			return "", err
		}
		if slices.Contains(present.Images, wanted) {
			return a.o.Disk.Path(wanted.Root), nil
		}
	}
	return "", usher.Errorf(usher.ErrNotFound, "the boot file of node %s does not name %.200q", node.UUID, root+"/"+name)
}
