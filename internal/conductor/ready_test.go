package conductor_test

import (
	"testing"
	"time"

	"github.com/usher-boot/usher"
)

// TestReady: at once means prepared for this very row, and then it is what
// get_boot_config says.
func TestReady(t *testing.T) {
	w := newWorld(t)
	h := w.conductor("one", "")
	n := w.waiting("/k")
	row := func() usher.BootNode {
		t.Helper()
		row, err := w.store.BootNode(t.Context(), n.UUID)
		if err != nil {
			t.Fatal(err)
		}
		return row
	}
	if _, ok := h.ReadyBootConfig(t.Context(), row(), "boot.ipxe"); ok {
		t.Error("ready before anything was prepared")
	}
	want, err := h.GetBootConfig(t.Context(), n.UUID, "boot.ipxe")
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := h.ReadyBootConfig(t.Context(), row(), "boot.ipxe"); !ok || got != want {
		t.Errorf("prepared: %v %q", ok, got)
	}
	for name, change := range map[string]func(*usher.BootNode){
		"another stamp":    func(b *usher.BootNode) { b.ProvisionUpdatedAt = b.ProvisionUpdatedAt.Add(-time.Microsecond) },
		"at work":          func(b *usher.BootNode) { b.ProvisionState = usher.Deploying },
		"nothing to boot":  func(b *usher.BootNode) { b.ProvisionState = usher.Available },
		"other interface":  func(b *usher.BootNode) { b.BootInterface = "pxe" },
		"foreign firmware": func(b *usher.BootNode) { b.BootInterface = "ilo-virtual-media" },
		"unknown node":     func(b *usher.BootNode) { b.UUID = "99999999-2222-4333-8444-555555555501" },
	} {
		b := row()
		change(&b)
		if got, ok := h.ReadyBootConfig(t.Context(), b, "boot.ipxe"); ok {
			t.Errorf("%s: %q", name, got)
		}
	}
	h.Reload(settings, h.renderer) // addresses may have changed
	if _, ok := h.ReadyBootConfig(t.Context(), row(), "boot.ipxe"); ok {
		t.Error("ready after a reload")
	}
	if _, err := h.GetBootConfig(t.Context(), n.UUID, "boot.ipxe"); err != nil {
		t.Fatal(err)
	}
	h.stopNow()
	if _, ok := h.ReadyBootConfig(t.Context(), row(), "boot.ipxe"); ok {
		t.Error("ready after the stop")
	}
}
