package conductor_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
		if err != nil || !strings.Contains(text, "(http,one:6386)/"+n.UUID+"/deploy_kernel") {
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
			if err != nil || !strings.Contains(text, n.UUID+"/deploy_kernel") {
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
	if text := old.file(n.UUID); !strings.Contains(text, "first") {
		t.Fatalf("the test is pointless: %s", text)
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

// TestTidiedUp: a folder that somebody removed is made again.
func TestTidiedUp(t *testing.T) {
	w := newWorld(t)
	h := w.conductor("one", "")
	n := w.node(usher.Available)
	h.do(n.UUID, "active", usher.DeployWait)
	if err := os.RemoveAll(filepath.Join(h.root, n.UUID)); err != nil {
		t.Fatal(err)
	}
	w.served(h, n.UUID, "deploy_kernel")
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

// TestReload: other settings reach files that were prepared before, and a
// folder that is being prepared meanwhile.
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

// TestFullDisk: a verb that finds no room fails clearly, and the files of
// before stay as they were.
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
	before := h.file(n.UUID)

	ballast, err := os.Create(filepath.Join(root, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(ballast, endless{}); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling the disk: %v", err)
	}
	ballast.Close()
	got := h.do(n.UUID, "rebuild", usher.DeployFailed)
	if !strings.Contains(got.LastError, "full") && !strings.Contains(got.LastError, "no space") {
		t.Errorf("last error %q", got.LastError)
	}
	if after := h.file(n.UUID); after != before {
		t.Errorf("the boot file of before became\n%s", after)
	}
	if err := os.Remove(filepath.Join(root, "ballast")); err != nil {
		t.Fatal(err)
	}
	h.do(n.UUID, "active", usher.DeployWait)

	// The same with a disk that takes no writes at all.
	if err := syscall.Mount("", root, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	before = h.file(n.UUID)
	w.change(n.UUID, func(n *usher.Node) { n.ProvisionState = usher.Active })
	if got := h.do(n.UUID, "rebuild", usher.DeployFailed); !strings.Contains(got.LastError, "read-only") {
		t.Errorf("last error %q", got.LastError)
	}
	if h.file(n.UUID) != before {
		t.Error("a read-only disk changed")
	}
	w.change(n.UUID, func(n *usher.Node) { n.ProvisionState = usher.Active })
	if got := h.do(n.UUID, "deleted", usher.ErrorState); got.LastError == "" {
		t.Error("no last error")
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

var _ conductor.Images = nodeImages{}

// TestImagesOfEarlierBoots: what a node no longer boots leaves its folder, so
// that the image can be swept once no other node has it.
func TestImagesOfEarlierBoots(t *testing.T) {
	w := newWorld(t)
	h := w.conductor("a", "")
	w.rings.set("a")
	n := w.node(usher.Available)
	h.do(n.UUID, "active", usher.DeployWait)
	folder := filepath.Join(h.root, n.UUID)
	want := []string{".links", "config", "deploy_kernel", "deploy_ramdisk"}
	if diff := cmp.Diff(want, names(t, folder)); diff != "" {
		t.Errorf("waiting for the ramdisk (-want +got):\n%s", diff)
	}
	h.beat(n.UUID, usher.Active)
	if diff := cmp.Diff([]string{".links", "config"}, names(t, folder)); diff != "" {
		t.Errorf("deployed to disk (-want +got):\n%s", diff)
	}
}

func names(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range entries {
		found = append(found, e.Name())
	}
	return found
}
