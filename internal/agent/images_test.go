package agent

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
)

// grub writes a node's GRUB configuration, of an age.
func (w *world) grub(t *testing.T, root, content string, age time.Duration) {
	t.Helper()
	path := filepath.Join(root, uuid, "config")
	at := time.Now().Add(-age)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644), os.Chtimes(path, at, at)); err != nil {
		t.Fatal(err)
	}
}

func TestImageFolder(t *testing.T) {
	const kernel = uuid + "/deploy_kernel"
	for _, c := range []struct {
		name             string
		change           func(t *testing.T, w *world)
		uuid, root, file string
		want             error
	}{
		{name: "named"},
		{name: "the ramdisk", file: uuid + "/deploy_ramdisk"},
		{name: "not named", file: uuid + "/other", want: usher.ErrNotFound},
		{name: "another root", root: "http_root", want: usher.ErrNotFound},
		{name: "no root", root: "x", want: usher.ErrNotFound},
		{name: "another node's", uuid: strings.Replace(uuid, "8", "9", 1), want: usher.ErrNotFound},
		{name: "no UUID", uuid: "\xff\x00", want: usher.ErrNotFound},
		{name: "not clean", file: "./" + kernel, want: usher.ErrNotFound},
		{name: "active", change: func(_ *testing.T, w *world) { w.node.ProvisionState = usher.Active }, want: usher.ErrNotFound},
		{name: "active, where every state may boot", change: func(_ *testing.T, w *world) {
			w.node.ProvisionState, w.o.Restrict = usher.Active, func() bool { return false }
		}},
		{name: "no longer named", change: func(t *testing.T, w *world) { w.grub(t, w.tftp, "boot\n", time.Hour) }, want: usher.ErrNotFound},
		{name: "named by a file of before", change: func(_ *testing.T, w *world) { w.node.ConductorAffinity = 2 }, want: usher.ErrNotFound},
		{name: "of a boot interface that names none", change: func(t *testing.T, w *world) {
			w.node.BootInterface = "ipxe"
			w.write(t, script, time.Hour)
		}, want: usher.ErrNotFound},
		{name: "of a boot interface that is not ours", change: func(_ *testing.T, w *world) { w.node.BootInterface = "redfish-virtual-media" }, want: usher.ErrNotFound},
		{name: "database down", change: func(_ *testing.T, w *world) { w.nodeErr = errors.Join(usher.ErrUnavailable) }, want: usher.ErrUnavailable},
		{name: "unusable file", change: func(t *testing.T, w *world) { w.grub(t, w.tftp, "default linux\n", time.Hour) }, want: usher.ErrUnavailable},
		{name: "no boot file", change: func(t *testing.T, w *world) {
			if err := os.RemoveAll(filepath.Join(w.tftp, uuid)); err != nil {
				t.Fatal(err)
			}
		}, want: usher.ErrNotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.node.BootInterface = "pxe"
			w.grub(t, w.tftp, "menuentry deploy {\n linux "+kernel+" a=b\n initrd "+uuid+"/deploy_ramdisk\n}\n", time.Hour)
			if c.change != nil {
				c.change(t, w)
			}
			node, root, file := uuid, "tftp_root", kernel
			for given, into := range map[string]*string{c.uuid: &node, c.root: &root, c.file: &file} {
				if given != "" {
					*into = given
				}
			}
			folder, err := w.ImageFolder(t.Context(), node, root, file)
			if c.want == nil && (err != nil || folder != w.tftp) || c.want != nil && (!errors.Is(err, c.want) || folder != "") {
				t.Errorf("%q, %v; want %v", folder, err, c.want)
			}
		})
	}
}

// TestBootFiles: the status tells where boot files lie, and what is wrong with
// them.
func TestBootFiles(t *testing.T) {
	w := newWorld(t)
	status := func() []BootFiles { return w.Status(t.Context()).BootFiles }
	if got := status(); got != nil {
		t.Errorf("none: %+v", got)
	}
	w.node.BootInterface = "http"
	w.grub(t, w.tftp, "linux "+uuid+"/k\n", time.Hour)
	want := []BootFiles{{Interface: "http", Root: "[pxe]tftp_root", Number: 1, Images: 1}}
	if diff := cmp.Diff(want, status()); diff != "" {
		t.Error(diff)
	}
	w.grub(t, w.http, "linux ../../etc/passwd\n", time.Minute)
	got := status()
	if len(got) != 1 || got[0].Root != "[deploy]http_root" || len(got[0].Unusable) != 1 || !strings.Contains(got[0].Unusable[0], "line 1: ") {
		t.Errorf("%+v", got)
	}
	w.node.ProvisionState = usher.Available
	if got := status(); got != nil {
		t.Errorf("of a node that may not boot: %+v", got)
	}
}
