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

func lookup(t *testing.T, name string) Interface {
	t.Helper()
	i, ok := Lookup(name)
	if !ok {
		t.Fatalf("no boot interface %s", name)
	}
	return i
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

// TestLayout holds the files against those of a running Ironic
// (ls -l of its http_root and tftp_root).
func TestLayout(t *testing.T) {
	d := openDisk(t)
	for _, tc := range []struct {
		iface, dir string
		want       map[string]string
	}{
		{"ipxe", d.Path(HTTPRoot), map[string]string{
			exampleUUID:                      "drwxr-xr-x",
			exampleUUID + "/config":          "-rw-r--r--",
			"pxelinux.cfg":                   "drwxr-xr-x",
			"pxelinux.cfg/52-54-00-aa-00-01": "../" + exampleUUID + "/config",
			"grub.cfg-01-52-54-00-aa-00-01":  exampleUUID + "/config",
			"52:54:00:aa:00:01.conf":         exampleUUID + "/config",
		}},
		{"pxe", d.Path(TFTPRoot), map[string]string{
			exampleUUID:                         "drwxr-xr-x",
			exampleUUID + "/config":             "-rw-r--r--",
			"pxelinux.cfg":                      "drwxr-xr-x",
			"pxelinux.cfg/01-52-54-00-aa-00-01": "../" + exampleUUID + "/config",
			"grub.cfg-01-52-54-00-aa-00-01":     exampleUUID + "/config",
			"52:54:00:aa:00:01.conf":            exampleUUID + "/config",
		}},
	} {
		i := lookup(t, tc.iface)
		if err := d.Publish(i, exampleUUID, []byte("#!ipxe\n"), []usher.MAC{exampleMAC}); err != nil {
			t.Fatal(err)
		}
		tc.want[exampleUUID+"/"+linksFile] = "-rw-r--r--" // ours alone
		if diff := cmp.Diff(tc.want, tree(t, tc.dir)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.iface, diff)
		}
		got, err := d.Read(i, exampleUUID, i.Files()[0])
		if err != nil || string(got) != "#!ipxe\n" {
			t.Errorf("%s: read %q, %v", tc.iface, got, err)
		}
	}
}

func TestPermissions(t *testing.T) {
	dir := t.TempDir()
	d, err := OpenDisk(DiskOptions{HTTPRoot: dir, ConfigSubdir: "a/b", FilePermission: 0o640, DirPermission: 0o750})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Publish(lookup(t, "ipxe"), exampleUUID, []byte("x"), []usher.MAC{exampleMAC}); err != nil {
		t.Fatal(err)
	}
	got := tree(t, dir)
	want := map[string]string{exampleUUID: "drwxr-x---", exampleUUID + "/config": "-rw-r-----", "a": "drwxr-x---", "a/b": "drwxr-x---",
		"a/b/52-54-00-aa-00-01": "../../" + exampleUUID + "/config"}
	for name, mode := range want {
		if got[name] != mode {
			t.Errorf("%s is %q, want %q", name, got[name], mode)
		}
	}
	if _, err := d.NodeFolder(lookup(t, "pxe"), exampleUUID); !errors.Is(err, usher.ErrUnsupported) {
		t.Errorf("pxe without a tftp_root: %v", err)
	}
}

func TestPublishAgainAndRemove(t *testing.T) {
	d, i := openDisk(t), lookup(t, "ipxe")
	publish := func(uuid, config string, macs ...usher.MAC) {
		t.Helper()
		if err := d.Publish(i, uuid, []byte(config), macs); err != nil {
			t.Fatal(err)
		}
	}
	a, b, c := usher.MAC{0, 0, 0, 0, 0, 0xa}, usher.MAC{0, 0, 0, 0, 0, 0xb}, usher.MAC{0, 0, 0, 0, 0, 0xc}
	publish(otherUUID, "other", c)
	if err := d.InstallRoot(HTTPRoot, "boot.ipxe", []byte("#!ipxe\n")); err != nil {
		t.Fatal(err)
	}
	// Links of an operator's, and one to something else in a node's folder.
	for link, target := range map[string]string{"mine": "boot.ipxe", "old": "../elsewhere", "agent": exampleUUID + "/log"} {
		if err := os.Symlink(target, filepath.Join(d.Path(HTTPRoot), link)); err != nil {
			t.Fatal(err)
		}
	}
	before := tree(t, d.Path(HTTPRoot))
	publish(exampleUUID, "first", a, b)
	publish(exampleUUID, "second", b, c) // a is gone, c was the other node's
	got := tree(t, d.Path(HTTPRoot))
	for name, want := range map[string]string{
		"pxelinux.cfg/00-00-00-00-00-0a": "", "00:00:00:00:00:0a.conf": "", "grub.cfg-01-00-00-00-00-00-0a": "",
		"pxelinux.cfg/00-00-00-00-00-0b": "../" + exampleUUID + "/config",
		"pxelinux.cfg/00-00-00-00-00-0c": "../" + exampleUUID + "/config",
	} {
		if got[name] != want {
			t.Errorf("%s -> %q, want %q", name, got[name], want)
		}
	}
	publish(otherUUID, "other", c)
	folder, err := d.NodeFolder(i, exampleUUID)
	if err != nil {
		t.Fatal(err)
	}
	if err := folder.WriteFile("deploy_kernel", []byte("k"), 0o644); err != nil {
		t.Fatal(err)
	}
	folder.Close()
	for range 2 { // the second time there is nothing left
		if err := d.Remove(i, exampleUUID); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(before, tree(t, d.Path(HTTPRoot))); diff != "" {
		t.Errorf("after removal (-before +now):\n%s", diff)
	}
	if _, err := d.Read(i, exampleUUID, "boot.ipxe"); !errors.Is(err, usher.ErrNotFound) {
		t.Errorf("read a removed file: %v", err)
	}
}

func TestRead(t *testing.T) {
	d, i := openDisk(t), lookup(t, "ipxe")
	http := d.Path(HTTPRoot)
	file := filepath.Join(http, exampleUUID, "config")
	read := func() (string, error) { return d.Read(i, exampleUUID, "boot.ipxe") }
	put := func(write func() error) {
		t.Helper()
		if err := errors.Join(os.RemoveAll(filepath.Dir(file)), os.Mkdir(filepath.Dir(file), 0o755), write()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := read(); !errors.Is(err, usher.ErrNotFound) {
		t.Errorf("absent: %v", err)
	}
	put(func() error { return os.WriteFile(file, bytes.Repeat([]byte("x"), maxBootFile), 0o600) })
	if got, err := read(); err != nil || len(got) != maxBootFile {
		t.Errorf("largest: %d bytes, %v", len(got), err)
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, write := range map[string]func() error{
		"too large":          func() error { return os.WriteFile(file, bytes.Repeat([]byte("x"), maxBootFile+1), 0o600) },
		"a folder":           func() error { return os.Mkdir(file, 0o755) },
		"a pipe":             func() error { return syscall.Mkfifo(file, 0o600) },
		"a link out of root": func() error { return os.Symlink(secret, file) },
		"a link up and out":  func() error { return os.Symlink("../../../secret", file) },
	} {
		put(write)
		if got, err := read(); err == nil || errors.Is(err, usher.ErrNotFound) {
			t.Errorf("%s: read %d bytes, error %v; want a failure that is not ErrNotFound", name, len(got), err)
		}
	}
	for _, uuid := range []string{"", "..", "../x", exampleUUID + "/..", strings.ToUpper(exampleUUID), "{" + exampleUUID + "}",
		strings.ReplaceAll(exampleUUID, "-", ""), exampleUUID + "\x00"} {
		for what, err := range map[string]error{
			"Read":    second(d.Read(i, uuid, "boot.ipxe")),
			"Publish": d.Publish(i, uuid, nil, nil),
			"Remove":  d.Remove(i, uuid),
		} {
			if !errors.Is(err, usher.ErrInvalid) {
				t.Errorf("%s of UUID %q: %v, want ErrInvalid", what, uuid, err)
			}
		}
	}
	if _, err := d.Read(i, exampleUUID, "grub.cfg"); !errors.Is(err, usher.ErrNotFound) {
		t.Errorf("another firmware's file: %v", err)
	}
	if _, err := d.Read(Interface{}, exampleUUID, "boot.ipxe"); !errors.Is(err, usher.ErrUnsupported) {
		t.Errorf("no boot interface: %v", err)
	}
	if err := os.RemoveAll(http); err != nil {
		t.Fatal(err)
	}
	if _, err := read(); err == nil || errors.Is(err, usher.ErrNotFound) {
		t.Errorf("without its root: %v, want a failure that is not ErrNotFound", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	d, err := OpenDisk(DiskOptions{HTTPRoot: dir, TFTPRoot: filepath.Join(dir, "absent"), ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	i := lookup(t, "ipxe")
	for what, err := range map[string]error{
		"Publish":     d.Publish(i, exampleUUID, []byte("x"), []usher.MAC{exampleMAC}),
		"Remove":      d.Remove(i, exampleUUID),
		"NodeFolder":  second(d.NodeFolder(i, exampleUUID)),
		"InstallRoot": d.InstallRoot(HTTPRoot, "boot.ipxe", nil),
	} {
		if !errors.Is(err, usher.ErrUnsupported) {
			t.Errorf("%s: %v, want ErrUnsupported", what, err)
		}
	}
	if got := tree(t, dir); len(got) != 0 {
		t.Errorf("something was written: %v", got)
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
	d, i := openDisk(t), lookup(t, "ipxe")
	configs := [][]byte{bytes.Repeat([]byte("a"), 200_000), bytes.Repeat([]byte("b"), 100_000)}
	publish := func(n int) {
		if err := d.Publish(i, exampleUUID, configs[n%2], []usher.MAC{exampleMAC}); err != nil {
			t.Error(err)
		}
	}
	publish(0)
	var writing sync.WaitGroup
	stop := make(chan struct{})
	writing.Go(func() {
		for n := 1; ; n++ {
			select {
			case <-stop:
				return
			default:
				publish(n)
			}
		}
	})
	link := filepath.Join(d.Path(HTTPRoot), "pxelinux.cfg", exampleMAC.Hyphenated())
	for range 300 {
		got, err := d.Read(i, exampleUUID, "boot.ipxe")
		if err != nil || got != string(configs[0]) && got != string(configs[1]) {
			t.Errorf("read %d bytes, %v", len(got), err)
		}
		if got, err := os.ReadFile(link); err != nil || !bytes.Equal(got, configs[0]) && !bytes.Equal(got, configs[1]) {
			t.Errorf("by link: read %d bytes, %v", len(got), err)
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
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k,nr_inodes=20"); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Unmount(dir, 0) }()
	d, err := OpenDisk(DiskOptions{HTTPRoot: dir})
	if err != nil {
		t.Fatal(err)
	}
	i := lookup(t, "ipxe")
	if err := d.Publish(i, exampleUUID, []byte("previous"), []usher.MAC{exampleMAC}); err != nil {
		t.Fatal(err)
	}
	before := tree(t, dir)
	var many []usher.MAC // more than there are inodes for
	for n := range byte(10) {
		many = append(many, usher.MAC{5: n})
	}
	for name, err := range map[string]error{
		"no space":  d.Publish(i, exampleUUID, bytes.Repeat([]byte("x"), 300_000), []usher.MAC{exampleMAC}),
		"no inodes": d.Publish(i, exampleUUID, []byte("x"), many),
	} {
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	if got, err := d.Read(i, exampleUUID, "boot.ipxe"); err != nil || string(got) != "previous" {
		t.Errorf("read %q, %v", got, err)
	}
}
