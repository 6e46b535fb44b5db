package management_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2/pagination"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/inventory"
	"github.com/usher-boot/usher/internal/management"
)

const host = "127.0.0.11"

// workshop is a whole API over a real store, with a conductor that only
// records what it is asked and moves nodes along the table of states.
type workshop struct {
	*management.API
	store     *inventory.Store
	conductor *conductor
	url       string
}

// conductor stands in for the owner of every node. The real one is behind
// RPC and tested with the whole program.
type conductor struct {
	store *inventory.Store

	mu      sync.Mutex
	actions []usher.ProvisionAction
	beats   []usher.Heartbeat
	err     error // answers everything with it
}

func (c *conductor) ProvisionAction(ctx context.Context, uuid string, action usher.ProvisionAction) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	c.actions = append(c.actions, action)
	_, err := c.store.UpdateNode(ctx, uuid, "", func(n *usher.Node) error {
		next, ok := n.ProvisionState.Next(action.Event)
		if !ok {
			return usher.Errorf(usher.ErrInvalid, "no").WithClass("InvalidStateRequested")
		}
		if after, ok := next.Next(usher.EventDone); ok {
			next = after // nothing to do, so it is done at once
		}
		if next == usher.Deleting {
			next = usher.Available
		}
		n.ProvisionState = next
		return nil
	})
	return err
}

func (c *conductor) DestroyNode(ctx context.Context, uuid string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	return c.store.DeleteNode(ctx, uuid, "")
}

func (c *conductor) Validate(context.Context, string) (map[string]usher.Validation, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return map[string]usher.Validation{
		"boot": {Result: true}, "deploy": {Reason: "no image_source in instance_info"},
	}, c.err
}

func (c *conductor) Heartbeat(_ context.Context, _ string, beat usher.Heartbeat) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.beats = append(c.beats, beat)
	return c.err
}

func interfaces(hardware string) []usher.HardwareInterface {
	return []usher.HardwareInterface{
		{HardwareType: hardware, Type: "boot", Name: "ipxe", Default: true},
		{HardwareType: hardware, Type: "boot", Name: "pxe"},
		{HardwareType: hardware, Type: "deploy", Name: "direct", Default: true},
		{HardwareType: hardware, Type: "deploy", Name: "ramdisk"},
		{HardwareType: hardware, Type: "deploy", Name: "custom-agent"},
	}
}

func newWorkshop(t testing.TB, change ...func(*management.Options)) *workshop {
	t.Helper()
	store, err := inventory.OpenStore(t.Context(), inventory.Options{
		URL: "sqlite:///" + filepath.Join(t.TempDir(), "usher.db"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = store.RegisterConductor(t.Context(), usher.Conductor{Hostname: host, Interfaces: interfaces("manual-management")})
	if err != nil {
		t.Fatal(err)
	}
	w := &workshop{store: store, conductor: &conductor{store: store}}
	o := management.Options{
		Store: store, Conductor: w.conductor, RestrictLookup: true, RamdiskHeartbeatTimeout: 300 * time.Second,
		Owner: func(context.Context, *usher.Node) (string, error) { return host, nil },
	}
	for _, f := range change {
		f(&o)
	}
	if w.API, err = management.New(o); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w.API)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// set changes a node behind the API's back.
func (w *workshop) set(t testing.TB, uuid string, change func(*usher.Node)) {
	t.Helper()
	n, err := w.store.Node(t.Context(), uuid)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.store.UpdateNode(t.Context(), uuid, n.Reservation, func(n *usher.Node) error {
		change(n)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func nodeUUID(i int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", i) }

// gophercloudPage is what gophercloud's pagers hand out.
type gophercloudPage = pagination.Page

// must takes a result and an error, and ends the test for the error.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
