package conductor_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/conductor"
)

// What a conductor does is told once: each preparing, each reading.
func TestTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var prepared, failed, reads atomic.Int64
	c := w.conductor("a", "", func(o *conductor.Options) {
		o.Told = conductor.Told{
			BootFileRead: func(_ context.Context, start time.Time, err error) {
				if time.Since(start) < 0 || err != nil {
					t.Errorf("read at %v: %v", start, err)
				}
				reads.Add(1)
			},
			Prepared: func(err error) {
				if err != nil {
					failed.Add(1)
				} else {
					prepared.Add(1)
				}
			},
		}
	})
	want := func(p, f, r int64) {
		t.Helper()
		if prepared.Load() != p || failed.Load() != f || reads.Load() != r {
			t.Errorf("prepared %d, failed %d, read %d; want %d, %d, %d", prepared.Load(), failed.Load(), reads.Load(), p, f, r)
		}
	}
	n := w.node(usher.DeployWait)
	for range 3 {
		if _, err := c.GetBootConfig(t.Context(), n.UUID, "boot.ipxe"); err != nil {
			t.Fatal(err)
		}
	}
	want(1, 0, 3)
	w.change(n.UUID, func(n *usher.Node) {
		n.DriverInfo["deploy_kernel"] = "ftp://nowhere/kernel"
		n.ProvisionUpdatedAt = time.Now().Add(time.Second)
	})
	if _, err := c.GetBootConfig(t.Context(), n.UUID, "boot.ipxe"); err == nil {
		t.Error("prepared from a URL that is none")
	}
	want(1, 1, 3)
	// A node that has nothing to boot is neither.
	w.change(n.UUID, func(n *usher.Node) { n.ProvisionState = usher.Available })
	if _, err := c.GetBootConfig(t.Context(), n.UUID, "boot.ipxe"); err == nil {
		t.Error("served")
	}
	want(1, 1, 3)
}
