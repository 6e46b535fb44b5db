package bootiface

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/testenv"
)

const otherUUID = "8733b875-30ea-5929-9b3b-8c04ada0b065"

func openDisk(t *testing.T) *Disk {
	t.Helper()
	d, err := OpenDisk(DiskOptions{HTTPRoot: filepath.Join(t.TempDir(), "http"), TFTPRoot: filepath.Join(t.TempDir(), "tftp")})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// tree lists a folder: mode and, for links, the target, by path.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		got[name] = info.Mode().String()
		if info.Mode()&fs.ModeSymlink != 0 {
			got[name], err = os.Readlink(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestPermissions(t *testing.T) {
	dir := t.TempDir()
	d, err := OpenDisk(DiskOptions{HTTPRoot: dir, FilePermission: 0o640, DirPermission: 0o750})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.InstallRoot(HTTPRoot, "a/b/boot.ipxe", []byte("x")); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"a": "drwxr-x---", "a/b": "drwxr-x---", "a/b/boot.ipxe": "-rw-r-----"}
	if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := d.InstallRoot(TFTPRoot, "x", nil); !errors.Is(err, usher.ErrUnsupported) {
		t.Errorf("without a tftp_root: %v", err)
	}
}

// TestRemoveNodeFolders: what an older version wrote for nodes goes, and
// nothing else.
func TestRemoveNodeFolders(t *testing.T) {
	d := openDisk(t)
	write := func(r Root, name, content string) {
		t.Helper()
		path := filepath.Join(d.Path(r), name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	link := func(r Root, target, name string) {
		t.Helper()
		path := filepath.Join(d.Path(r), name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink(target, path)); err != nil {
			t.Fatal(err)
		}
	}
	write(HTTPRoot, "boot.ipxe", "#!ipxe\n")
	write(HTTPRoot, ".images/key", "image")
	write(HTTPRoot, "images/vmlinuz", "an operator's")
	write(HTTPRoot, "pxelinux.cfg/default", "an operator's")
	write(TFTPRoot, "grub/grub.cfg", "root")
	link(HTTPRoot, "boot.ipxe", "mine")
	link(HTTPRoot, "../"+otherUUID+"/log", "pxelinux.cfg/52-54-00-aa-00-03")
	before := map[Root]map[string]string{HTTPRoot: tree(t, d.Path(HTTPRoot)), TFTPRoot: tree(t, d.Path(TFTPRoot))}
	for _, r := range []Root{HTTPRoot, TFTPRoot} {
		write(r, exampleUUID+"/config", "#!ipxe\n")
		write(r, exampleUUID+"/deploy_kernel", "k")
		// One link has gone to another node, one is gone, one is something else's.
		write(r, exampleUUID+"/.links", "52:54:00:aa:00:01.conf\ngrub.cfg-01-52-54-00-aa-00-01\n52:54:00:aa:00:02.conf\ngone\npxelinux.cfg/52-54-00-aa-00-03\n")
		write(r, otherUUID+"/config", "#!ipxe\n")
		write(r, otherUUID+"/.links", "52:54:00:aa:00:02.conf\n")
		link(r, exampleUUID+"/config", "52:54:00:aa:00:01.conf")
		link(r, exampleUUID+"/config", "grub.cfg-01-52-54-00-aa-00-01")
		link(r, otherUUID+"/config", "52:54:00:aa:00:02.conf")
	}
	for _, want := range []int{4, 0} {
		if removed, err := d.RemoveNodeFolders(); err != nil || removed != want {
			t.Errorf("removed %d folders, want %d: %v", removed, want, err)
		}
		for r, before := range before {
			if diff := cmp.Diff(before, tree(t, d.Path(r))); diff != "" {
				t.Errorf("%s (-before +now):\n%s", r, diff)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(d.Path(HTTPRoot), exampleUUID, "config")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a boot file is still there: %v", err)
	}
}

func TestInstallRoot(t *testing.T) {
	d := openDisk(t)
	for _, name := range []string{"grub/grub.cfg", "boot.grub"} {
		if err := d.InstallRoot(TFTPRoot, name, []byte(name)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(d.Path(TFTPRoot), name)); err != nil || string(got) != name {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"", ".", "../x", "/x", "a/../../x"} {
		if err := d.InstallRoot(TFTPRoot, name, nil); !errors.Is(err, usher.ErrInvalid) {
			t.Errorf("%q: %v, want ErrInvalid", name, err)
		}
	}
	in := filepath.Join(d.Path(TFTPRoot), "boot.grub", "x")
	if err := d.InstallRoot(TFTPRoot, "boot.grub/x", nil); err == nil || !strings.Contains(err.Error(), "install "+in+": ") {
		t.Errorf("below a file: %v, want %s to be named", err, in)
	}
}

// TestNeverHalf reads while another writes.
func TestNeverHalf(t *testing.T) {
	d := openDisk(t)
	scripts := [][]byte{bytes.Repeat([]byte("a"), 200_000), bytes.Repeat([]byte("b"), 100_000)}
	install := func(n int) {
		if err := d.InstallRoot(HTTPRoot, "boot.ipxe", scripts[n%2]); err != nil {
			t.Error(err)
		}
	}
	install(0)
	var writing sync.WaitGroup
	stop := make(chan struct{})
	writing.Go(func() {
		for n := 1; ; n++ {
			select {
			case <-stop:
				return
			default:
				install(n)
			}
		}
	})
	for range 300 {
		got, err := os.ReadFile(filepath.Join(d.Path(HTTPRoot), "boot.ipxe"))
		if err != nil || !bytes.Equal(got, scripts[0]) && !bytes.Equal(got, scripts[1]) {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
	}
	close(stop)
	writing.Wait()
}

// TestFullDisk runs itself in a mount namespace of its own, where it may
// mount a file system that is really small.
func TestFullDisk(t *testing.T) {
	if !testenv.InMountNamespace(t) {
		return
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Unmount(dir, 0) }()
	d, err := OpenDisk(DiskOptions{HTTPRoot: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.InstallRoot(HTTPRoot, "boot.ipxe", []byte("previous")); err != nil {
		t.Fatal(err)
	}
	before := tree(t, dir)
	if err := d.InstallRoot(HTTPRoot, "boot.ipxe", bytes.Repeat([]byte("x"), 300_000)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("no space: %v", err)
	}
	if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "boot.ipxe")); err != nil || string(got) != "previous" {
		t.Errorf("read %q, %v", got, err)
	}
}
