package conductor_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
)

// evidence asks, and fails where anything changed on the disk.
func (h *host) evidence(uuid, file string) bootiface.Evidence {
	h.w.t.Helper()
	before := h.listing()
	e := h.Evidence(h.w.t.Context(), uuid, file)
	if after := h.listing(); after != before {
		h.w.t.Errorf("asking for evidence changed the disk from\n%s\nto\n%s", before, after)
	}
	return e
}

func (h *host) listing() (all string) {
	h.w.t.Helper()
	err := filepath.Walk(h.root, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			all += fmt.Sprintln(path, info.Size(), info.ModTime())
		}
		return err
	})
	if err != nil {
		h.w.t.Fatal(err)
	}
	return all
}

// same holds the evidence against what a machine is told right after it.
func (h *host) same(what, uuid, file string) bootiface.Evidence {
	h.w.t.Helper()
	e := h.evidence(uuid, file)
	_, err := h.GetBootConfig(h.w.t.Context(), uuid, file)
	got := e.Problem.Err()
	if fmt.Sprint(got) != fmt.Sprint(err) {
		h.w.t.Errorf("%s: the evidence says %v, the answer is %v", what, got, err)
	}
	want, _ := errors.AsType[*usher.Error](err)
	if is, _ := errors.AsType[*usher.Error](got); want != nil && (is == nil || is.Class != want.Class) {
		h.w.t.Errorf("%s: the evidence is %#v, the answer %#v", what, is, want)
	}
	return e
}

func TestEvidence(t *testing.T) {
	w := newWorld(t)
	h := w.conductor("one", "")
	n := w.waiting("/k")

	e := h.same("not prepared", n.UUID, "boot.ipxe")
	if !e.WouldPrepare || e.Found || !e.PreparedFor.IsZero() || e.Problem != nil ||
		len(e.Sources) != 1 || e.Sources[0] != w.images.URL {
		t.Errorf("not prepared: %+v", e)
	}
	e = h.same("prepared", n.UUID, "boot.ipxe")
	if e.WouldPrepare || !e.Found || e.Size == 0 || !e.PreparedFor.Equal(e.Stamp) || e.Host != "one" || len(e.Servers) == 0 ||
		e.Servers[0] != "http://one:6386" {
		t.Errorf("prepared: %+v", e)
	}
	h.Reload(settings, h.renderer)
	if e = h.same("other settings", n.UUID, "boot.ipxe"); !e.WouldPrepare || e.Found {
		t.Errorf("other settings: %+v", e)
	}
	h.same("another file", n.UUID, "grub.cfg")
	h.same("unknown node", "99999999-2222-4333-8444-555555555501", "boot.ipxe")
	for _, state := range []usher.State{usher.Available, usher.Deploying, usher.Active} {
		w.change(n.UUID, func(n *usher.Node) { n.ProvisionState = state })
		h.same(string(state), n.UUID, "boot.ipxe")
	}
	w.change(n.UUID, func(n *usher.Node) { n.BootInterface = "ilo-virtual-media" })
	h.same("foreign boot interface", n.UUID, "boot.ipxe")
	h.stopNow()
	h.same("stopping", n.UUID, "boot.ipxe")
}

// TestEvidenceInTheWay: what keeps a node from being prepared is told before a
// machine has met it where the row shows it, and after it where only trying does.
func TestEvidenceInTheWay(t *testing.T) {
	w := newWorld(t)
	h := w.conductor("one", "")
	n := w.waiting("/missing-kernel")
	w.change(n.UUID, func(n *usher.Node) { delete(n.DriverInfo, "deploy_ramdisk") })
	if e := h.same("nothing to boot", n.UUID, "boot.ipxe"); e.Problem == nil || e.Problem.Class != "TemporaryFailure" {
		t.Errorf("nothing to boot: %+v", e.Problem)
	}
	w.change(n.UUID, func(n *usher.Node) { n.DriverInfo["deploy_ramdisk"] = w.images.URL + "/r" })
	h.Reload(settings, h.renderer)
	if e := h.evidence(n.UUID, "boot.ipxe"); e.Problem != nil || !e.WouldPrepare {
		t.Errorf("nobody has tried the kernel: %+v", e)
	}
	if _, err := h.GetBootConfig(t.Context(), n.UUID, "boot.ipxe"); err == nil {
		t.Fatal("served without a kernel")
	}
	if e := h.same("kernel missing", n.UUID, "boot.ipxe"); e.Problem == nil || !e.WouldPrepare {
		t.Errorf("kernel missing: %+v", e)
	}
	w.change(n.UUID, func(n *usher.Node) { n.DriverInfo["deploy_kernel"] = w.images.URL + "/slow-kernel" })
	asked := make(chan error)
	go func() {
		_, err := h.GetBootConfig(context.WithoutCancel(t.Context()), n.UUID, "boot.ipxe")
		asked <- err
	}()
	<-w.images.asked
	if e := h.evidence(n.UUID, "boot.ipxe"); e.Problem == nil || e.Problem.Class != "NoFreeConductorWorker" {
		t.Errorf("being fetched: %+v", e.Problem)
	}
	close(w.images.slow)
	<-asked
	w.served(h, n.UUID, "deploy_kernel")
	h.same("at last", n.UUID, "boot.ipxe")
}
