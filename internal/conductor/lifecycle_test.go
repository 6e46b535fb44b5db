package conductor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/conductor"
)

// run starts the conductor's loop and stops it with the test.
func (h *host) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = h.Run(ctx) }()
	h.w.t.Cleanup(func() { cancel(); <-done })
}

// slowNode is one whose kernel is not there before the image server's slow is
// closed, with its deployment begun on h.
func (h *host) slowNode() *usher.Node {
	h.w.t.Helper()
	n := h.w.node(usher.Available, func(n *usher.Node) { n.DriverInfo["deploy_kernel"] = h.w.images.URL + "/slow-kernel" })
	if err := h.ProvisionAction(h.w.t.Context(), n.UUID, action("active")); err != nil {
		h.w.t.Fatal(err)
	}
	<-h.w.images.asked
	return n
}

// TestStopKeepsWork: a fetch that Stop cuts off leaves the node locked and in
// its state, and the next start of the same host finishes it.
func TestStopKeepsWork(t *testing.T) {
	w := newWorld(t)
	first := w.conductor("one", "")
	n := first.slowNode()
	first.stopNow()
	if got := w.get(n.UUID); got.ProvisionState != usher.Deploying || got.Reservation != "one" || got.LastError != "" {
		t.Fatalf("after Stop: %q, reserved by %q, last error %q", got.ProvisionState, got.Reservation, got.LastError)
	}
	for name, err := range map[string]error{
		"verb":        first.ProvisionAction(t.Context(), n.UUID, action("active")),
		"boot config": func() error { _, err := first.GetBootConfig(t.Context(), n.UUID, "boot.ipxe"); return err }(),
	} {
		wantClass(t, err, usher.ErrUnavailable, "ServiceUnavailable")
		_ = name
	}
	close(w.images.slow)
	second := w.conductor("one", first.root)
	if err := second.FreeLocks(t.Context()); err != nil {
		t.Fatal(err)
	}
	second.run()
	w.settled(n.UUID, usher.DeployWait)
	w.served(second, n.UUID, "deploy_kernel")
}

// TestInherit: another conductor finishes the work once the first is gone,
// and not before.
func TestInherit(t *testing.T) {
	w := newWorld(t)
	w.rings.set("one", "two")
	first, second := w.conductor("one", ""), w.conductor("two", "")
	n := first.slowNode()
	first.stopNow()
	w.rings.mu.Lock()
	w.rings.owner[n.UUID] = "two" // though one is still active, as after its start
	w.rings.mu.Unlock()
	close(w.images.slow)
	second.run()
	other := w.node(usher.DeployWait, func(n *usher.Node) { n.UUID, n.Name = strings.Replace(n.UUID, "501", "502", 1), "n2" })
	w.served(second, other.UUID, "deploy_kernel")
	if got := w.get(n.UUID); got.Reservation != "one" {
		t.Fatalf("the lock of an active conductor was taken by %q", got.Reservation)
	}
	w.rings.set("two")
	got := w.settled(n.UUID, usher.DeployWait)
	w.served(second, n.UUID, "http://two:6386")
	if got.LastError != "" {
		t.Errorf("last error %q", got.LastError)
	}
}

// TestTakeOver: what became a conductor's own is prepared.
func TestTakeOver(t *testing.T) {
	w := newWorld(t)
	w.rings.set("two")
	one := w.conductor("one", "", func(o *conductor.Options) { o.Settings.RingInterval = time.Second })
	n := w.waiting("/k")
	one.run()
	other := w.node(usher.DeployWait, func(n *usher.Node) { n.UUID, n.Name = strings.Replace(n.UUID, "501", "502", 1), "n2" })
	w.rings.set("one")
	for _, uuid := range []string{n.UUID, other.UUID} {
		w.await(uuid, "its affinity", func(n *usher.Node) bool { return n.ConductorAffinity != 0 })
		if one.file(uuid) == "" {
			t.Errorf("%s is not prepared", uuid)
		}
	}
	if got := w.images.count("/k") + w.images.count("/r"); got > 4 { // and whether they have changed
		t.Errorf("the images were asked for %d times", got)
	}
}

// TestTakeOverMany: each image is fetched once, whatever the number of nodes; a
// node whose image cannot be had keeps no other from being prepared, and a task
// is left alone.
func TestTakeOverMany(t *testing.T) {
	w := newWorld(t)
	h := w.conductor("one", "")
	const many = 2*conductor.PageSize + 100
	var nodes []*usher.Node
	for i := range many {
		n := &usher.Node{UUID: fmt.Sprintf("11111111-2222-4333-8444-%012d", i), Driver: "manual-management", ProvisionState: usher.DeployWait,
			BootInterface: "ipxe", DeployInterface: "direct", ProvisionUpdatedAt: time.Now().UTC().Add(-time.Hour).Truncate(time.Microsecond),
			DriverInfo: map[string]any{"deploy_kernel": w.images.URL + "/k", "deploy_ramdisk": w.images.URL + "/r"}}
		switch {
		case i%100 == 7:
			n.DriverInfo["deploy_kernel"] = w.images.URL + "/missing"
		case i%100 == 8:
			n.DriverInfo["deploy_kernel"] = 8
		case i%100 == 9:
			n.DeployInterface, n.ProvisionState, n.InstanceInfo = "ramdisk", usher.Active, map[string]any{"boot_iso": w.images.URL + "/iso"}
		case i%100 == 10:
			n.ProvisionState = usher.Active // runs from its own disk
		}
		if err := w.store.CreateNode(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, n)
	}
	if err := h.TakeOver(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, n := range nodes {
		want := "deploy_kernel"
		switch i % 100 {
		case 7, 8, 10:
			want = ""
		case 9:
			want = digest("/iso") + "/boot_iso"
		}
		got := w.get(n.UUID)
		if text := h.Prepared(got); (text == "") != (want == "") || !strings.Contains(text, want) || want != "" && !strings.Contains(text, n.UUID) {
			t.Fatalf("node %d: prepared\n%s\nwant %q", i, text, want)
		}
		if noted := got.ConductorAffinity != 0; noted != (want != "") {
			t.Fatalf("node %d: affinity %d", i, got.ConductorAffinity)
		}
	}
	for path, most := range map[string]int{"/k": 4, "/r": 4, "/iso": 2, "/missing": 1} { // once, and once a page whether it has changed
		if got := w.images.count(path); got == 0 || got > most {
			t.Errorf("%s was asked for %d times", path, got)
		}
	}
	e := h.Evidence(t.Context(), nodes[7].UUID, "boot.ipxe")
	if e.Problem == nil || !strings.Contains(e.Problem.Message, "driver_info/deploy_kernel") {
		t.Errorf("of a node whose image is missing the evidence says %+v", e.Problem)
	}
	// A second pass changes nothing and asks for nothing.
	before := w.images.count("/k")
	if err := h.TakeOver(t.Context()); err != nil || w.images.count("/k") > before+1 {
		t.Errorf("again: %v, asked %d times more", err, w.images.count("/k")-before)
	}
}

// TestExpire: a wait that takes too long fails, with Ironic's words.
func TestExpire(t *testing.T) {
	w := newWorld(t)
	h := w.conductor("one", "", func(o *conductor.Options) {
		o.Settings.CheckInterval = time.Millisecond
		o.Settings.Timeouts = map[usher.State]time.Duration{usher.DeployWait: time.Hour}
	})
	n := w.waiting("/k")
	w.change(n.UUID, func(n *usher.Node) { n.ProvisionUpdatedAt = time.Now().UTC().Add(-2 * time.Hour) })
	fresh := w.node(usher.DeployWait, func(n *usher.Node) { n.UUID, n.Name = strings.Replace(n.UUID, "501", "502", 1), "n2" })
	h.run()
	w.await(n.UUID, "the end of its wait", func(n *usher.Node) bool { return n.ProvisionState == usher.DeployFailed })
	if got := w.settled(n.UUID, usher.DeployFailed); got.LastError != "Timeout reached while waiting for callback for node "+n.UUID {
		t.Errorf("last error %q", got.LastError)
	}
	if h.file(n.UUID) != "" {
		t.Error("a failed node has a boot file")
	}
	w.settled(fresh.UUID, usher.DeployWait)
}

// outage is a store whose writes fail while it is down.
type outage struct {
	conductor.Store
	down atomic.Bool
}

var errDown = usher.Errorf(usher.ErrUnavailable, "the database is down")

func (o *outage) UpdateNode(ctx context.Context, uuid, holder string, change func(*usher.Node) error) (*usher.Node, error) {
	if o.down.Load() {
		return nil, errDown
	}
	return o.Store.UpdateNode(ctx, uuid, holder, change)
}

func (o *outage) ReleaseNode(ctx context.Context, uuid, holder string) error {
	if o.down.Load() {
		return errDown
	}
	return o.Store.ReleaseNode(ctx, uuid, holder)
}

// TestDatabaseOutage: work that could not be written down, not even its
// failure, is done again by the same process once the database is back.
func TestDatabaseOutage(t *testing.T) {
	w := newWorld(t)
	db := &outage{Store: w.store}
	h := w.conductor("one", "", func(o *conductor.Options) { o.Store = db })
	h.run()
	n := h.slowNode()
	db.down.Store(true)
	close(w.images.slow)
	for h.Holds(n.UUID) { // until its task has given up
		select {
		case <-t.Context().Done():
			t.Fatal("the task never ended")
		case <-time.After(time.Millisecond):
		}
	}
	if got := w.get(n.UUID); got.ProvisionState != usher.Deploying || got.Reservation != "one" {
		t.Fatalf("the test is pointless: %q, reserved by %q", got.ProvisionState, got.Reservation)
	}
	_, err := h.GetBootConfig(t.Context(), n.UUID, "boot.ipxe")
	wantClass(t, err, usher.ErrUnavailable, "TemporaryFailure")
	db.down.Store(false)
	if got := w.settled(n.UUID, usher.DeployWait); got.LastError != "" {
		t.Errorf("last error %q", got.LastError)
	}
	w.served(h, n.UUID, "deploy_kernel")
}

// TestClientHangsUp: a client that goes away between the lock and the answer
// leaves no half-begun work behind.
func TestClientHangsUp(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	db := &hangup{Store: w.store, cancel: cancel}
	h := w.conductor("one", "", func(o *conductor.Options) { o.Store = db })
	n := w.node(usher.Available)
	if err := h.ProvisionAction(ctx, n.UUID, action("active")); err != nil {
		t.Fatal(err)
	}
	w.settled(n.UUID, usher.DeployWait)
}

// hangup cancels the client's context as soon as the lock is taken.
type hangup struct {
	conductor.Store
	cancel context.CancelFunc
}

func (s *hangup) UpdateNode(ctx context.Context, uuid, holder string, change func(*usher.Node) error) (*usher.Node, error) {
	defer s.cancel()
	return s.Store.UpdateNode(ctx, uuid, holder, change)
}

// TestRaces: verbs, heartbeats, requests, reloads and take-over passes on the
// same nodes, all at once. Whatever is served is the asked node's, and in the
// end every node is at rest and free.
func TestRaces(t *testing.T) {
	w := newWorld(t)
	h := w.conductor("one", "")
	h.run()
	var nodes []*usher.Node
	for _, id := range []string{"501", "502", "503"} {
		nodes = append(nodes, w.node(usher.Available, func(n *usher.Node) {
			n.UUID, n.Name = strings.Replace(n.UUID, "501", id, 1), "n"+id
			n.DriverInternalInfo = map[string]any{"agent_secret_token": "t"}
		}))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	var group sync.WaitGroup
	each := func(f func(n *usher.Node, turn int)) {
		for _, n := range nodes {
			group.Go(func() {
				for turn := 0; ctx.Err() == nil; turn++ {
					f(n, turn)
				}
			})
		}
	}
	each(func(n *usher.Node, turn int) {
		verb := []string{"active", "deleted", "rebuild", "rescue", "abort"}[turn%5]
		short, done := context.WithTimeout(ctx, 20*time.Millisecond)
		defer done()
		err := h.ProvisionAction(short, n.UUID, action(verb))
		if err != nil && !errors.Is(err, usher.ErrInvalid) && !errors.Is(err, usher.ErrConflict) && short.Err() == nil {
			t.Errorf("%s: %v", verb, err)
		}
	})
	each(func(n *usher.Node, _ int) {
		_, _ = w.store.UpdateNode(ctx, n.UUID, "", func(n *usher.Node) error {
			n.DriverInternalInfo = map[string]any{"agent_secret_token": "t"}
			return nil
		})
		short, done := context.WithTimeout(ctx, 20*time.Millisecond)
		defer done()
		_ = h.Heartbeat(short, n.UUID, usher.Heartbeat{CallbackURL: "http://x", AgentToken: "t"})
	})
	each(func(n *usher.Node, _ int) {
		text, err := h.GetBootConfig(ctx, n.UUID, "boot.ipxe")
		switch {
		case err == nil && !strings.Contains(text, "# Node "+n.UUID):
			t.Errorf("node %s was served\n%s", n.UUID, text)
		case err != nil && !errors.Is(err, usher.ErrNotFound) && !errors.Is(err, usher.ErrUnavailable) && ctx.Err() == nil:
			t.Error(err)
		}
	})
	group.Go(func() {
		for ctx.Err() == nil {
			w.rings.set("one")
			h.Reload(settings, h.renderer)
			select {
			case <-ctx.Done():
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	group.Wait()
	for _, n := range nodes {
		got := w.await(n.UUID, "rest", func(n *usher.Node) bool { return n.Reservation == "" && !n.ProvisionState.Transient() })
		text, err := h.GetBootConfig(t.Context(), n.UUID, "boot.ipxe")
		boots := got.ProvisionState.Waiting() || got.ProvisionState == usher.Active
		if boots != (err == nil) {
			t.Errorf("node in %q: %v", got.ProvisionState, err)
		}
		if got.ProvisionState == usher.DeployWait && !strings.Contains(text, "deploy_kernel") {
			t.Errorf("in %q served\n%s", got.ProvisionState, text)
		}
	}
}
