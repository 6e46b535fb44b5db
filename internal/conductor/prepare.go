package conductor

import (
	"context"
	"errors"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
)

// Images keeps kernels and ramdisks, each named by the SHA-256 of its content.
type Images interface {
	// Fetch makes sure that the image at url is here, as its source had it at
	// the time since or later, and returns its digest.
	Fetch(ctx context.Context, url, checksum string, since time.Time) (digest string, err error)
	// Has says from memory whether an image is here.
	Has(digest string) bool
	// Sweep removes images that no node uses. It asks inUse where that counts.
	Sweep(ctx context.Context, inUse func(context.Context) (Use, error)) error
}

// check finds out, without fetching anything, whether the boot file for the
// node's state could be rendered at all.
func (c *Conductor) check(n *usher.Node) error {
	b, any, err := bootOf(n, c.settings.Load())
	if err != nil || !any {
		return err
	}
	var images []namedImage
	for _, img := range b.images() {
		images = append(images, namedImage{img.name, strings.Repeat("0", 64)})
	}
	_, err = c.render(n, b, images)
	return err
}

// render writes a node's boot file. It is a function of the row, its images,
// settings and templates.
func (c *Conductor) render(n *usher.Node, b boot, images []namedImage) (string, error) {
	iface, ok := bootiface.Lookup(n.BootInterface)
	if !ok {
		return "", usher.Errorf(usher.ErrUnsupported,
			"Boot interface %q of node %s is not one that Usher prepares files for.",
			n.BootInterface, n.UUID).WithClass("UnsupportedDriverExtension")
	}
	s := c.settings.Load()
	script := bootiface.NodeScript{UUID: n.UUID, Name: n.Name, Kind: b.kind,
		KernelParameters: b.params, TimeoutSeconds: int(s.IPXETimeout / time.Second)}
	kernel, ramdisk := b.kind.ImageNames()
	for _, img := range images {
		// It names this conductor whatever the boot interface: the server that
		// firmware was loaded from may be another
		// (docs/decisions/0020-images-over-http.md).
		url := s.HTTPURL + bootiface.ImagePath(img.digest, img.name)
		switch img.name {
		case kernel:
			script.Kernel = url
		case ramdisk:
			script.Ramdisk = url
		case bootiface.ISOName:
			script.ISO = url
		}
	}
	content, err := c.renderer.Load().Node(iface, script)
	return string(content), err
}

// prepare makes sure that the images of n are here, and renders its boot file.
// n is a row that was read at a time, or what a task is about to make of it.
// Preparing again what is prepared costs nothing.
func (c *Conductor) prepare(ctx context.Context, n *usher.Node, read time.Time) error {
	if _, ok := c.prepared(bootNode(n)); ok {
		return nil
	}
	generation := c.files.current() // before the settings are looked at
	b, any, err := bootOf(n, c.settings.Load())
	if err == nil && !any {
		c.files.forget(n.UUID)
		return nil
	}
	var content string
	var images []namedImage
	if err == nil {
		images, err = c.fetch(ctx, b.images(), c.asOf(n, read))
	}
	if err == nil {
		content, err = c.render(n, b, images)
	}
	if err == nil {
		c.files.put(bootNode(n), content, images, generation)
	}
	if c.told.Prepared != nil && !errors.Is(err, context.Canceled) {
		c.told.Prepared(err)
	}
	return err
}

// prepared gives the boot file of a node's present row, if its images are here.
func (c *Conductor) prepared(n usher.BootNode) (content string, ok bool) {
	content, images, ok := c.files.get(n)
	for _, img := range images {
		ok = ok && c.images.Has(img.digest)
	}
	return content, ok
}

// asOf is from when on an image's source may have been asked for it to be the
// one of n: after n's last change of state, by the clock of whichever conductor
// changed it, or at the latest after n was read.
func (c *Conductor) asOf(n *usher.Node, read time.Time) time.Time {
	changed := n.ProvisionUpdatedAt.Add(c.settings.Load().ClockSkew)
	if changed.Before(read) {
		return changed
	}
	return read
}

// fetch makes sure that images are here.
func (c *Conductor) fetch(ctx context.Context, images []image, since time.Time) ([]namedImage, error) {
	var named []namedImage
	for _, img := range images {
		digest, err := c.images.Fetch(ctx, img.URL, img.Checksum, since)
		if err != nil {
			return nil, blame(img.field, err)
		}
		named = append(named, namedImage{img.name, digest})
	}
	return named, nil
}

// prepareRow prepares a node at rest as its row is now, without a task: a
// machine asks for it, and it is not prepared. Once at a time for each node,
// however many ask. A node that a task is at work on is ErrUnavailable, of
// class classNotReady.
func (c *Conductor) prepareRow(uuid string) <-chan singleflight.Result {
	return c.rows.DoChan(uuid, func() (any, error) {
		if !c.begin() {
			return nil, errStopping
		}
		defer c.work.Done()
		c.attempts.begin(uuid)
		defer c.attempts.end(uuid)
		read := time.Now()
		n, err := c.store.Node(c.rowCtx, uuid)
		switch {
		case err != nil:
			return nil, err
		case n.ProvisionState.Transient():
			return nil, atWork(n.UUID, n.ProvisionState)
		}
		err = c.prepare(c.rowCtx, n, read)
		if c.rowCtx.Err() != nil {
			return nil, errStopping
		}
		c.attempts.note(uuid, err)
		return nil, err
	})
}

func atWork(uuid string, s usher.State) error {
	return usher.Errorf(usher.ErrUnavailable, "Node %s is %q: its boot files are being prepared.",
		uuid, s).WithClass(classNotReady)
}

// bootNode is the part of a row that boot files are kept by.
func bootNode(n *usher.Node) usher.BootNode {
	return usher.BootNode{UUID: n.UUID, Name: n.Name, Driver: n.Driver, BootInterface: n.BootInterface,
		ProvisionState: n.ProvisionState, ConductorGroup: n.ConductorGroup, ConductorAffinity: n.ConductorAffinity,
		ProvisionUpdatedAt: n.ProvisionUpdatedAt}
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
