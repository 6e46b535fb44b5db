package conductor_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/conductor"
	"github.com/usher-boot/usher/internal/testenv"
)

// waiting makes a node that another conductor has brought to DeployWait.
func (w *world) waiting(kernel string) *usher.Node {
	return w.node(usher.DeployWait, func(n *usher.Node) { n.DriverInfo["deploy_kernel"] = w.images.URL + kernel })
}

// TestUnsupported: names and nodes that there is nothing for.
func TestUnsupported(t *testing.T) {
	w := newWorld(t)
	h := w.conductor("one", "")
	n := w.waiting("/k")
	if _, err := h.GetBootConfig(t.Context(), n.UUID, "grub.cfg"); !errors.Is(err, usher.ErrUnsupported) {
		t.Errorf("grub.cfg of an ipxe node: %v", err)
	}
	if _, err := h.GetBootConfig(t.Context(), "99999999-2222-4333-8444-555555555501", "boot.ipxe"); !errors.Is(err, usher.ErrNotFound) {
		t.Errorf("unknown node: %v", err)
	}
	w.change(n.UUID, func(n *usher.Node) { n.BootInterface = "ilo-virtual-media" })
	if _, err := h.GetBootConfig(t.Context(), n.UUID, "boot.ipxe"); !errors.Is(err, usher.ErrUnsupported) {
		t.Errorf("foreign boot interface: %v", err)
	}
	for _, b := range []string{"pxe", "http"} {
		w.change(n.UUID, func(n *usher.Node) { n.BootInterface = b })
		text, err := h.GetBootConfig(t.Context(), n.UUID, "grub.cfg")
		if err != nil || !strings.Contains(text, "(http,one:6386)/images/"+digest("/k")+"/deploy_kernel") {
			t.Errorf("%s: %v\n%s", b, err, text)
		}
		h.Reload(settings, h.renderer) // forget
	}
}

// TestOnDemandOnce: however many machines ask for a node that is not
// prepared, it is prepared once, and all get its file.
func TestOnDemandOnce(t *testing.T) {
	w := newWorld(t)
	h := w.conductor("one", "")
	n := w.waiting("/slow-kernel")
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			text, err := h.GetBootConfig(t.Context(), n.UUID, "boot.ipxe")
			if err != nil || !strings.Contains(text, "/images/"+digest("/slow-kernel")+"/deploy_kernel") {
				t.Errorf("%v %q", err, text)
			}
		})
	}
	<-w.images.asked
	close(w.images.slow)
	group.Wait()
	if got := w.images.count("/slow-kernel"); got != 1 {
		t.Errorf("the kernel was fetched %d times", got)
	}
}

// TestSlowImage: a machine is told "not ready" within the bound while the
// fetch goes on, and is served once it has ended.
func TestSlowImage(t *testing.T) {
	w := newWorld(t)
	h := w.conductor("one", "")
	n, other := w.waiting("/slow-kernel"), w.node(usher.DeployWait, func(n *usher.Node) {
		n.UUID, n.Name = strings.Replace(n.UUID, "501", "502", 1), "n2"
	})
	start := time.Now()
	_, err := h.GetBootConfig(t.Context(), n.UUID, "boot.ipxe")
	wantClass(t, err, usher.ErrUnavailable, "NoFreeConductorWorker")
	if took := time.Since(start); took > 2900*time.Millisecond {
		t.Errorf("not ready only after %v", took)
	}
	if _, err := h.GetBootConfig(t.Context(), other.UUID, "boot.ipxe"); err != nil {
		t.Errorf("another node waits too: %v", err)
	}
	close(w.images.slow)
	w.served(h, n.UUID, "deploy_kernel")
	if got := w.images.count("/slow-kernel"); got != 1 {
		t.Errorf("the kernel was fetched %d times", got)
	}
}

// served asks until the node's file has the word; only "not ready" may come
// before that.
func (w *world) served(h *host, uuid, word string) {
	w.t.Helper()
	for {
		text, err := h.GetBootConfig(w.t.Context(), uuid, "boot.ipxe")
		switch {
		case err == nil && strings.Contains(text, word):
			return
		case !errors.Is(err, usher.ErrUnavailable):
			w.t.Fatalf("want %q: %v\n%s", word, err, text)
		}
	}
}

// TestVerbBeforeOnDemand: what is prepared because a machine asked gives way
// to a verb, which would else wait for minutes with the node's lock.
func TestVerbBeforeOnDemand(t *testing.T) {
	w := newWorld(t)
	h := w.conductor("one", "")
	n := w.waiting("/slow-kernel")
	asked := make(chan error)
	go func() {
		_, err := h.GetBootConfig(context.WithoutCancel(t.Context()), n.UUID, "boot.ipxe")
		asked <- err
	}()
	<-w.images.asked
	h.do(n.UUID, "deleted", usher.Available)
	if err := <-asked; !errors.Is(err, usher.ErrUnavailable) && !errors.Is(err, usher.ErrNotFound) {
		t.Errorf("the machine was told %v", err)
	}
	if h.file(n.UUID) != "" {
		t.Error("a deleted node has a boot file")
	}
}

// TestStale: a file of an earlier deployment is never served after a later
// one, also by a conductor that prepared the node long ago and whose clock
// is ahead.
func TestStale(t *testing.T) {
	w := newWorld(t)
	old, now := w.conductor("one", ""), w.conductor("two", "")
	n := w.node(usher.Available)
	params := func(s string) {
		w.change(n.UUID, func(n *usher.Node) { n.InstanceInfo = map[string]any{"kernel_append_params": s} })
	}
	params("first")
	old.do(n.UUID, "active", usher.DeployWait)
	w.served(old, n.UUID, "first")

	params("second")
	now.do(n.UUID, "deleted", usher.Available)
	params("second")
	now.do(n.UUID, "active", usher.DeployWait)
	w.served(now, n.UUID, "second")
	if e := old.Evidence(t.Context(), n.UUID, "boot.ipxe"); e.PreparedFor.IsZero() || e.PreparedFor.Equal(e.Stamp) {
		t.Fatalf("the test is pointless: %+v", e)
	}
	text, err := old.GetBootConfig(t.Context(), n.UUID, "boot.ipxe")
	if err != nil || strings.Contains(text, "first") || !strings.Contains(text, "second") || !strings.Contains(text, "http://one:") {
		t.Errorf("%v: served\n%s", err, text)
	}

	// A row with an earlier stamp than the file's is another deployment too.
	params("third")
	w.change(n.UUID, func(n *usher.Node) { n.ProvisionUpdatedAt = n.ProvisionUpdatedAt.Add(-time.Hour) })
	w.served(old, n.UUID, "third")
}

// TestTidiedUp: an image that somebody removed is fetched again, and until then
// no boot file names it.
func TestTidiedUp(t *testing.T) {
	w := newWorld(t)
	h := w.conductor("one", "")
	n := w.node(usher.Available, func(n *usher.Node) { n.DriverInfo["deploy_kernel"] = w.images.URL + "/slow-kernel" })
	close(w.images.slow)
	h.do(n.UUID, "active", usher.DeployWait)
	w.served(h, n.UUID, digest("/slow-kernel"))
	<-w.images.asked
	w.images.slow = make(chan struct{})
	if err := os.RemoveAll(filepath.Join(h.root, "images", digest("/slow-kernel"))); err != nil {
		t.Fatal(err)
	}
	if _, err := h.images.Open(digest("/slow-kernel")); !errors.Is(err, usher.ErrUnavailable) {
		t.Errorf("a machine that fetches it: %v", err)
	}
	<-w.images.asked
	row, err := w.store.BootNode(t.Context(), n.UUID)
	if err != nil {
		t.Fatal(err)
	}
	if text, ok := h.ReadyBootConfig(t.Context(), row, "boot.ipxe"); ok {
		t.Errorf("served while its kernel is not here:\n%s", text)
	}
	close(w.images.slow)
	w.served(h, n.UUID, digest("/slow-kernel"))
	file, err := h.images.Open(digest("/slow-kernel"))
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
}

// TestMissingImage: an image that is not there fails the deployment and names
// the field; a machine that asks is told "not now", never "no".
func TestMissingImage(t *testing.T) {
	w := newWorld(t)
	h := w.conductor("one", "")
	n := w.node(usher.Available, func(n *usher.Node) { n.DriverInfo["deploy_ramdisk"] = w.images.URL + "/missing" })
	got := h.do(n.UUID, "active", usher.DeployFailed)
	if !strings.Contains(got.LastError, "driver_info/deploy_ramdisk") || !strings.Contains(got.LastError, "404") {
		t.Errorf("last error %q", got.LastError)
	}
	w.change(n.UUID, func(n *usher.Node) { n.ProvisionState = usher.DeployWait })
	_, err := h.GetBootConfig(t.Context(), n.UUID, "boot.ipxe")
	wantClass(t, err, usher.ErrUnavailable, "TemporaryFailure")
}

// TestTraversal: names from the database don't leave the root, whatever they are.
func TestTraversal(t *testing.T) {
	w := newWorld(t)
	h := w.conductor("one", "")
	outside := filepath.Join(filepath.Dir(h.root), "outside")
	if err := os.MkdirAll(outside, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(outside, "config"), []byte("#!ipxe secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	for i, uuid := range []string{"../outside", "..", ".", "pxelinux.cfg", "../../etc"} {
		n := &usher.Node{UUID: uuid, Driver: "manual-management", ProvisionState: usher.DeployWait, BootInterface: "ipxe",
			DeployInterface: "direct", DriverInfo: map[string]any{"deploy_kernel": w.images.URL + "/k", "deploy_ramdisk": w.images.URL + "/r"}}
		if err := w.store.CreateNode(t.Context(), n); err != nil {
			t.Logf("%d: the inventory refuses %q: %v", i, uuid, err)
			continue
		}
		if text, err := h.GetBootConfig(t.Context(), uuid, "boot.ipxe"); err == nil || text != "" {
			t.Errorf("%q: served %q", uuid, text)
		}
		if err := h.DestroyNode(t.Context(), uuid); err == nil {
			t.Errorf("%q: destroyed", uuid)
		}
	}
	if _, err := os.Stat(filepath.Join(outside, "config")); err != nil {
		t.Error(err)
	}
	n := w.node(usher.Available, func(n *usher.Node) { n.DriverInfo["deploy_kernel"] = "file:///etc/../etc/passwd" })
	if got := h.do(n.UUID, "active", usher.DeployFailed); !strings.Contains(got.LastError, "driver_info/deploy_kernel") {
		t.Errorf("last error %q", got.LastError)
	}
}

// TestReload: other settings reach nodes that were prepared before, and one
// that is being prepared meanwhile.
func TestReload(t *testing.T) {
	w := newWorld(t)
	h := w.conductor("one", "")
	n := w.node(usher.Available)
	h.do(n.UUID, "active", usher.DeployWait)
	w.served(h, n.UUID, "nofb configured")
	other := settings
	other.KernelAppendParams = "reloaded"
	h.Reload(other, h.renderer)
	w.served(h, n.UUID, "text reloaded")

	slow := w.node(usher.Available, func(n *usher.Node) {
		n.UUID, n.Name = strings.Replace(n.UUID, "501", "502", 1), "n2"
		n.DriverInfo["deploy_kernel"] = w.images.URL + "/slow-kernel"
	})
	if err := h.ProvisionAction(t.Context(), slow.UUID, action("active")); err != nil {
		t.Fatal(err)
	}
	<-w.images.asked
	other.KernelAppendParams = "again"
	h.Reload(other, h.renderer)
	close(w.images.slow)
	w.settled(slow.UUID, usher.DeployWait)
	text, err := h.GetBootConfig(t.Context(), slow.UUID, "boot.ipxe")
	if err != nil || !strings.Contains(text, "text again") {
		t.Errorf("%v: prepared during a reload:\n%s", err, text)
	}
}

// TestFullDisk: a full disk stops what needs another image, with a clear
// error, and nothing else.
func TestFullDisk(t *testing.T) {
	if !testenv.InMountNamespace(t) {
		return
	}
	root := t.TempDir()
	if err := syscall.Mount("tmpfs", root, "tmpfs", 0, "size=1m"); err != nil {
		t.Fatal(err)
	}
	defer syscall.Unmount(root, syscall.MNT_DETACH)
	w := newWorld(t)
	h := w.conductor("one", root)
	defer h.stopNow()
	n := w.node(usher.Active)
	h.do(n.UUID, "rescue", usher.RescueWait)
	h.beat(n.UUID, usher.Rescue)
	h.do(n.UUID, "unrescue", usher.Active)

	ballast, err := os.Create(filepath.Join(root, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(ballast, endless{}); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling the disk: %v", err)
	}
	ballast.Close()
	h.do(n.UUID, "rescue", usher.RescueWait) // its images are here
	w.served(h, n.UUID, "rescue_kernel")
	h.beat(n.UUID, usher.Rescue)
	h.do(n.UUID, "unrescue", usher.Active)
	got := h.do(n.UUID, "rebuild", usher.DeployFailed)
	if !strings.Contains(got.LastError, "full") && !strings.Contains(got.LastError, "no space") {
		t.Errorf("last error %q", got.LastError)
	}
	if err := os.Remove(filepath.Join(root, "ballast")); err != nil {
		t.Fatal(err)
	}
	h.do(n.UUID, "active", usher.DeployWait)
	before := h.file(n.UUID)

	// The same with a disk that takes no writes at all.
	if err := syscall.Mount("", root, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if h.file(n.UUID) != before {
		t.Error("a read-only disk changes what a node gets")
	}
	w.change(n.UUID, func(n *usher.Node) {
		n.ProvisionState, n.DriverInfo["deploy_kernel"] = usher.Active, w.images.URL+"/another"
	})
	if got := h.do(n.UUID, "rebuild", usher.DeployFailed); !strings.Contains(got.LastError, "read-only") {
		t.Errorf("last error %q", got.LastError)
	}
	w.change(n.UUID, func(n *usher.Node) {
		n.ProvisionState, n.DriverInfo["deploy_kernel"] = usher.Active, w.images.URL+"/k"
	})
	h.do(n.UUID, "rebuild", usher.DeployWait)
	h.do(n.UUID, "deleted", usher.Available)
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

var _ conductor.Images = nodeImages{}

// TestInUse: the images that a node boots, will boot when its conductor's work
// is done, or was given, are in use; those of earlier boots are not.
func TestInUse(t *testing.T) {
	w := newWorld(t)
	h, other := w.conductor("one", ""), w.conductor("two", "")
	n := w.node(usher.Available)
	want := func(what string, h *host, sources []string, digests ...string) {
		t.Helper()
		use, err := h.InUse(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for s := range use.Sources {
			got = append(got, strings.TrimPrefix(s.URL, w.images.URL))
		}
		slices.Sort(got)
		slices.Sort(digests)
		found := slices.Sorted(maps.Keys(use.Digests))
		if !slices.Equal(got, sources) || !slices.Equal(found, digests) {
			t.Errorf("%s: in use are %v %v, want %v %v", what, got, found, sources, digests)
		}
	}
	want("available", h, nil)
	for state, sources := range map[usher.State][]string{usher.Deploying: {"/k", "/r"}, usher.Rescuing: {"/rk", "/rr"},
		usher.Verifying: nil, usher.Active: nil, usher.RescueWait: {"/rk", "/rr"}, usher.DeployFailed: nil} {
		w.change(n.UUID, func(n *usher.Node) { n.ProvisionState = state })
		want(string(state), h, sources)
		want(string(state)+", another's", other, nil)
	}
	w.change(n.UUID, func(n *usher.Node) { n.ProvisionState = usher.Available })
	h.do(n.UUID, "active", usher.DeployWait)
	want("waiting", h, []string{"/k", "/r"}, digest("/k"), digest("/r"))
	want("another's", other, nil)
	w.change(n.UUID, func(n *usher.Node) { n.DriverInfo["deploy_kernel"] = w.images.URL + "/k2" })
	want("changed since", h, []string{"/k2", "/r"}, digest("/k"), digest("/r"))
	w.served(other, n.UUID, digest("/k2")) // while the owner does not answer
	want("prepared for another", other, []string{"/k2", "/r"}, digest("/k2"), digest("/r"))
	w.rings.set() // of which there is none: whose it will be is not known
	want("nobody's", h, []string{"/k2", "/r"}, digest("/k"), digest("/r"))
	w.change(n.UUID, func(n *usher.Node) { n.ProvisionUpdatedAt = n.ProvisionUpdatedAt.Add(time.Second) })
	want("nobody's, and prepared by nobody", h, []string{"/k2", "/r"})
	w.rings.set("one")
	h.beat(n.UUID, usher.Active)
	want("deployed to disk", h, nil)
	want("deployed to disk, another's", other, nil)
	w.change(n.UUID, func(n *usher.Node) {
		n.DeployInterface, n.InstanceInfo = "ramdisk", map[string]any{"kernel": w.images.URL + "/ik", "ramdisk": w.images.URL + "/ir"}
	})
	want("runs from a ramdisk", h, []string{"/ik", "/ir"})
}

// TestPatched: a node that waits gets what it was prepared for, whatever its
// row is made to say meanwhile; its next change of state brings the new. A
// boot interface that is not the one that was prepared for counts at once.
func TestPatched(t *testing.T) {
	w := newWorld(t)
	h := w.conductor("one", "")
	n := w.node(usher.Available)
	h.do(n.UUID, "active", usher.DeployWait)
	w.change(n.UUID, func(n *usher.Node) { n.DriverInfo["kernel_append_params"] = "patched" })
	if text, err := h.GetBootConfig(t.Context(), n.UUID, "boot.ipxe"); err != nil || strings.Contains(text, "patched") {
		t.Errorf("%v: patched while it waits:\n%s", err, text)
	}
	w.change(n.UUID, func(n *usher.Node) { n.BootInterface = "http" })
	text, err := h.GetBootConfig(t.Context(), n.UUID, "grub.cfg")
	if err != nil || !strings.Contains(text, "patched") || strings.Contains(text, "#!ipxe") {
		t.Errorf("%v: another boot interface:\n%s", err, text)
	}
	w.change(n.UUID, func(n *usher.Node) { n.BootInterface = "ipxe" })
	h.do(n.UUID, "deleted", usher.Available)
	w.change(n.UUID, func(n *usher.Node) { n.DriverInfo["kernel_append_params"] = "again" })
	h.do(n.UUID, "active", usher.DeployWait)
	w.served(h, n.UUID, "again")
}

// TestNodeImage: a machine that holds a boot file of an older version finds its
// node's images under the names that are in it.
func TestNodeImage(t *testing.T) {
	w := newWorld(t)
	h := w.conductor("one", "")
	n := w.waiting("/k")
	got, err := h.NodeImage(t.Context(), n.UUID, "deploy_kernel")
	if err != nil || got != digest("/k") {
		t.Errorf("%q, %v", got, err)
	}
	for name, uuid := range map[string]string{"rescue_kernel": n.UUID, "config": n.UUID, "deploy_ramdisk": "99999999-2222-4333-8444-555555555501"} {
		if got, err := h.NodeImage(t.Context(), uuid, name); !errors.Is(err, usher.ErrNotFound) {
			t.Errorf("%s of %s: %q, %v", name, uuid, got, err)
		}
	}
	w.change(n.UUID, func(n *usher.Node) { n.ProvisionState = usher.Deploying })
	if _, err := h.NodeImage(t.Context(), n.UUID, "deploy_kernel"); !errors.Is(err, usher.ErrUnavailable) {
		t.Errorf("while a task is at work: %v", err)
	}
	w.change(n.UUID, func(n *usher.Node) { n.ProvisionState = usher.Available })
	if _, err := h.NodeImage(t.Context(), n.UUID, "deploy_kernel"); !errors.Is(err, usher.ErrNotFound) {
		t.Errorf("available: %v", err)
	}
	h.stopNow()
	if _, err := h.NodeImage(t.Context(), n.UUID, "deploy_kernel"); !errors.Is(err, usher.ErrUnavailable) {
		t.Errorf("stopping: %v", err)
	}
}
