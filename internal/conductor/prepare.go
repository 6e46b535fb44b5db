package conductor

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
)

// Images puts kernels and ramdisks into nodes' folders.
type Images interface {
	// Link makes the image at url appear under name in the node's folder,
	// fetching it if it is not here yet.
	Link(ctx context.Context, uuid, name, url, checksum string) error
	// Sweep removes images that no node uses.
	Sweep(ctx context.Context) error
}

// check finds out, without touching the disk, whether the boot files for the
// node's state could be written at all.
func (c *Conductor) check(n *usher.Node) error {
	_, err := c.render(n)
	return err
}

// rendered is a node's boot file before it is on disk.
type rendered struct {
	iface  bootiface.Interface
	boot   boot
	script []byte // nil where the folder must be empty
}

func (c *Conductor) render(n *usher.Node) (rendered, error) {
	s := c.settings.Load()
	b, any, err := bootOf(n, s)
	if err != nil || !any {
		return rendered{}, err
	}
	iface, ok := bootiface.Lookup(n.BootInterface)
	if !ok {
		return rendered{}, usher.Errorf(usher.ErrUnsupported,
			"Boot interface %q of node %s is not one that Usher prepares files for.",
			n.BootInterface, n.UUID).WithClass("UnsupportedDriverExtension")
	}
	script := bootiface.NodeScript{UUID: n.UUID, Name: n.Name, Kind: b.kind,
		KernelParameters: b.params, TimeoutSeconds: int(s.IPXETimeout / time.Second)}
	kernel, ramdisk := b.kind.ImageNames()
	script.Kernel = c.imageURL(n.UUID, kernel, b.kernel)
	script.Ramdisk = c.imageURL(n.UUID, ramdisk, b.ramdisk)
	script.ISO = c.imageURL(n.UUID, isoName, b.iso)
	text, err := c.renderer.Load().Node(iface, script)
	return rendered{iface, b, text}, err
}

// imageURL is where a machine finds an image of its node; empty for none. It
// names this conductor whatever the boot interface: the server that firmware
// was loaded from may be another (docs/decisions/0020-images-over-http.md).
func (c *Conductor) imageURL(uuid, name string, img image) string {
	if img.URL == "" {
		return ""
	}
	return c.settings.Load().HTTPURL + "/" + uuid + "/" + name
}

// prepare makes the node's folder hold what n asks for, or removes it. It is
// for tasks: n is the row under their lock, or what they are about to make of
// it. Preparing again what is prepared costs nothing. A failure leaves the
// boot file of before in place.
func (c *Conductor) prepare(ctx context.Context, n *usher.Node) error {
	defer c.folders.lock(n.UUID)()
	return c.prepareLocked(ctx, n)
}

// prepareRow makes the folder of a node at rest hold what its row asks for
// now, without a task: the node was taken over, or a machine asks for it.
// Once at a time for each node, however many ask, and giving way to tasks.
// A node that a task is at work on is ErrUnavailable, of class classNotReady.
func (c *Conductor) prepareRow(uuid string) <-chan singleflight.Result {
	return c.rows.DoChan(uuid, func() (any, error) {
		if !c.begin() {
			return nil, errStopping
		}
		defer c.work.Done()
		ctx, unlock := c.folders.lockYielding(c.rowCtx, uuid)
		defer unlock()
		n, err := c.store.Node(ctx, uuid)
		if err != nil {
			return nil, err
		}
		if n.ProvisionState.Transient() {
			return nil, atWork(n.UUID, n.ProvisionState)
		}
		err = c.prepareLocked(ctx, n)
		switch {
		case err == nil:
			return nil, nil
		case ctx.Err() == nil:
			c.folders.fail(uuid, err)
			return nil, err
		case c.stopping.Load():
			return nil, errStopping
		}
		return nil, notReady("A task is at work on node %s.", uuid) // which this gave way to
	})
}

func atWork(uuid string, s usher.State) error {
	return usher.Errorf(usher.ErrUnavailable, "Node %s is %q: its boot files are being prepared.",
		uuid, s).WithClass(classNotReady)
}

// prepareLocked is prepare for one who holds the folder's lock.
func (c *Conductor) prepareLocked(ctx context.Context, n *usher.Node) error {
	if c.folders.holds(n.UUID, n.ProvisionUpdatedAt) {
		return nil
	}
	generation := c.folders.current() // before the settings are looked at
	r, err := c.render(n)
	if err == nil && r.script == nil {
		return c.folders.removeLocked(c, n.UUID)
	}
	if err == nil {
		err = c.publish(ctx, n, r)
	}
	if c.told.Prepared != nil && !errors.Is(err, context.Canceled) {
		c.told.Prepared(err)
	}
	if err == nil {
		c.folders.note(n.UUID, n.ProvisionUpdatedAt, generation)
	}
	return err
}

// publish puts images and boot file into the node's folder.
func (c *Conductor) publish(ctx context.Context, n *usher.Node, r rendered) error {
	ports, err := c.store.Ports(ctx, usher.PortFilter{NodeUUID: n.UUID})
	if err != nil {
		return err
	}
	macs := make([]usher.MAC, len(ports))
	for i, p := range ports {
		macs[i] = p.Address
	}
	kernel, ramdisk := r.boot.kind.ImageNames()
	var linked []string
	for _, img := range []struct {
		name string
		image
	}{{kernel, r.boot.kernel}, {ramdisk, r.boot.ramdisk}, {isoName, r.boot.iso}} {
		if img.URL == "" {
			continue
		}
		linked = append(linked, img.name)
		if err := c.images.Link(ctx, n.UUID, img.name, img.URL, img.Checksum); err != nil {
			return blame(img.field, err)
		}
	}
	if err := c.disk.Publish(r.iface, n.UUID, r.script, macs); err != nil {
		return err
	}
	// Images of earlier boots, or they would never be swept.
	return c.disk.KeepImages(n.UUID, linked...)
}

// blame names the field that an image came from, keeping the error's kind.
func blame(field string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err // nobody's fault
	}
	if e, ok := errors.AsType[*usher.Error](err); ok {
		return usher.Errorf(e.Kind, "%s: %s", field, e.Message).WithClass(e.Class)
	}
	return usher.Errorf(usher.ErrUnavailable, "%s: %v", field, err)
}
