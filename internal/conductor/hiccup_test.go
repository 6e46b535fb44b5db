package conductor_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/conductor"
)

// hiccup is a store of which a few writes fail, as those of a server that has
// no connection left.
type hiccup struct {
	conductor.Store
	left atomic.Int32
}

func (h *hiccup) UpdateNode(ctx context.Context, uuid, holder string, change func(*usher.Node) error) (*usher.Node, error) {
	if h.left.Add(-1) >= 0 {
		return nil, fmt.Errorf("update node: %w: too many connections", usher.ErrUnavailable)
	}
	return h.Store.UpdateNode(ctx, uuid, holder, change)
}

// TestDatabaseHiccup: what the database could not take at one moment is
// nothing that is wrong with the node.
func TestDatabaseHiccup(t *testing.T) {
	w := newWorld(t)
	db := &hiccup{Store: w.store}
	h := w.conductor("one", "", func(o *conductor.Options) { o.Store = db })
	h.run()
	n := h.slowNode()
	db.left.Store(1)
	close(w.images.slow)
	n = w.await(n.UUID, "it goes on", func(n *usher.Node) bool { return n.ProvisionState != usher.Deploying })
	if n.ProvisionState != usher.DeployWait || n.LastError != "" {
		t.Errorf("one write that failed left it %q: %s", n.ProvisionState, n.LastError)
	}
	w.served(h, n.UUID, "deploy_kernel")
}

// TestStarting: until it is registered a conductor answers for boot files and
// leaves locks alone, and says so in a way that lets another one do the work.
func TestStarting(t *testing.T) {
	w := newWorld(t)
	h := w.conductor("one", "")
	h.Starting()
	n := w.node(usher.DeployWait)
	err := h.ProvisionAction(t.Context(), n.UUID, usher.ProvisionAction{Event: usher.EventDelete, Verb: "deleted"})
	wantClass(t, err, usher.ErrUnavailable, "ServiceUnavailable")
	w.served(h, n.UUID, "deploy_kernel")
	h.Registered(1)
	if err := h.ProvisionAction(t.Context(), n.UUID, usher.ProvisionAction{Event: usher.EventDelete, Verb: "deleted"}); err != nil {
		t.Error(err)
	}
}
