package config

import "testing"

// TestReload: what takes a restart stays as it is in the running process.
func TestReload(t *testing.T) {
	running := mustLoad(t, "[pxe]\npxe_config_subdir = one\nkernel_append_params = one\n")
	next := mustLoad(t, "[pxe]\npxe_config_subdir = two\nkernel_append_params = two\n")
	merged := Reload(running, next)
	if merged.PXE.PXEConfigSubdir != "one" || merged.PXE.KernelAppendParams != "two" {
		t.Errorf("merged: %q, %q", merged.PXE.PXEConfigSubdir, merged.PXE.KernelAppendParams)
	}
	if running.PXE.KernelAppendParams != "one" || next.PXE.PXEConfigSubdir != "two" {
		t.Error("what was merged changed")
	}
	if changes := Diff(running, merged); len(changes) != 1 || changes[0].Name != "kernel_append_params" {
		t.Errorf("in force by the reload: %v", changes)
	}
	if changes := Diff(merged, next); len(changes) != 1 || changes[0].Name != "pxe_config_subdir" || changes[0].Reloadable {
		t.Errorf("still to come by a restart: %v", changes)
	}
}
