package conductor

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usher-boot/usher"
)

// atOnce bounds how many sets of images, and nodes that it goes on with, a pass
// waits for at the same time.
const atOnce = 64

// takeOver brings all nodes that this conductor owns to where they should be:
// those at work are taken up, and those that wait for a ramdisk, or run from
// one, are prepared. A node that runs from its own disk hardly ever asks, and
// is prepared when it does.
func (c *Conductor) takeOver(ctx context.Context) error {
	p := &pass{c: c, ctx: ctx, sets: map[imageSet]*imageFetch{}}
	p.group.SetLimit(atOnce)
	var errs []error
	for _, f := range needImages() {
		errs = append(errs, p.visit(f))
	}
	err := errors.Join(append(errs, p.group.Wait())...)
	p.tellFailures()
	return err
}

// pass is one pass over this conductor's nodes. It fetches each set of images
// once, whatever the number of nodes that boot it. A node whose images are
// here is prepared from the row that its page brought; the others wait, by
// their UUIDs, for their images and are read once more.
type pass struct {
	c     *Conductor
	ctx   context.Context
	sets  map[imageSet]*imageFetch
	group errgroup.Group
}

// imageSet is what a node boots: a kernel and a ramdisk, or an ISO.
type imageSet [2]image

// imageFetch is a set of images on its way.
type imageFetch struct {
	mu      sync.Mutex
	ended   bool
	err     error
	waiting []string // UUIDs of nodes
	failed  int      // nodes that cannot be prepared for err
}

// end ends the wait and gives those who waited.
func (f *imageFetch) end(err error) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended, f.err = true, err
	return f.waiting
}

// visit takes up the owned nodes that pass a filter.
func (p *pass) visit(f usher.NodeFilter) error {
	read := time.Now()
	return p.c.eachPage(p.ctx, f, func(nodes []*usher.Node) error {
		nodes = slices.DeleteFunc(nodes, func(n *usher.Node) bool { return !p.c.owns(p.ctx, n) || p.takeUp(n) || p.waits(n) })
		err := p.prepare(nodes, read)
		read = time.Now() // of the next page
		return err
	})
}

// takeUp goes on with a node that a conductor was at work on.
func (p *pass) takeUp(n *usher.Node) bool {
	if !n.ProvisionState.Transient() {
		return false
	}
	p.group.Go(func() error {
		if err := p.c.goOn(p.ctx, n); err != nil {
			p.failed(n, err)
		}
		return nil
	})
	return true
}

// waits makes a node wait for its images, which it asks for where nobody has
// in this pass. It is false for a node that can be prepared.
func (p *pass) waits(n *usher.Node) bool {
	b, _, err := bootOf(n, p.c.settings.Load())
	images := b.images()
	if err != nil || len(images) == 0 {
		return false // prepare tells what is wrong
	}
	var set imageSet
	copy(set[:], images)
	f := p.sets[set]
	if f == nil {
		f = &imageFetch{waiting: []string{n.UUID}}
		p.sets[set] = f
		p.group.Go(func() error { return p.fetch(f, images) })
		return true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case !f.ended:
		f.waiting = append(f.waiting, n.UUID)
	case f.err != nil:
		p.lacksImages(f, n.UUID)
	default:
		return false
	}
	return true
}

// fetch fetches a set of images and prepares the nodes that waited for it.
func (p *pass) fetch(f *imageFetch, images []image) error {
	_, err := p.c.fetch(p.ctx, images, time.Now())
	waited := f.end(err)
	if err != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, uuid := range waited {
			p.lacksImages(f, uuid)
		}
		return nil
	}
	var errs []error
	for uuids := range slices.Chunk(waited, pageSize) {
		read := time.Now()
		nodes, err := p.c.store.Nodes(p.ctx, usher.NodeFilter{UUIDs: uuids})
		nodes = slices.DeleteFunc(nodes, func(n *usher.Node) bool { return n.ProvisionState.Transient() }) // a task is at work
		errs = append(errs, err, p.prepare(nodes, read))
	}
	return errors.Join(errs...)
}

// lacksImages notes that a node's images cannot be had: it is not tried for
// each node again. The caller holds the fetch's lock.
func (p *pass) lacksImages(f *imageFetch, uuid string) {
	f.failed++
	p.c.attempts.note(uuid, f.err)
	if p.c.told.Prepared != nil && p.ctx.Err() == nil {
		p.c.told.Prepared(f.err)
	}
}

// tellFailures tells of images that cannot be had, and how many nodes lack them.
func (p *pass) tellFailures() {
	for _, f := range p.sets {
		if f.err != nil && p.ctx.Err() == nil {
			p.c.logger.Error("cannot prepare nodes: their images cannot be had", "nodes", f.failed, "first_node", f.waiting[0], "error", f.err)
		}
	}
}

// prepare prepares nodes whose rows were read at a time, and notes that this
// conductor has.
func (p *pass) prepare(nodes []*usher.Node, read time.Time) error {
	var prepared []string
	id := p.c.id.Load()
	for _, n := range nodes {
		err := p.c.prepare(p.ctx, n, read)
		p.c.attempts.note(n.UUID, err)
		switch {
		case err != nil:
			p.failed(n, err)
		case id != 0 && n.ConductorAffinity != id:
			prepared = append(prepared, n.UUID)
		}
	}
	return p.c.store.SetAffinity(p.ctx, prepared, id)
}

// failed tells of a node that could not be taken up; others go on.
func (p *pass) failed(n *usher.Node, err error) {
	if p.ctx.Err() == nil {
		p.c.logger.Error("cannot take up a node", "node", n.UUID, "name", n.Name, "state", string(n.ProvisionState), "error", err)
	}
}
