package ironicdisk

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
)

const nodeUUID = "3ec5b6a0-2f3a-4c7e-9f59-0f4f1d2b7a11"

// newDisk is a disk whose roots lie beside each other, as those of the goldens.
func newDisk(t testing.TB) *Disk {
	t.Helper()
	dir := t.TempDir()
	o := Options{HTTPRoot: filepath.Join(dir, "http"), TFTPRoot: filepath.Join(dir, "tftp")}
	for _, root := range []string{o.HTTPRoot, o.TFTPRoot} {
		if err := os.Mkdir(root, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	d, err := New(o, URLs{HTTP: "http://192.0.2.1:8080", Files: "http://192.0.2.1:6389"})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// write puts a file where Ironic would, of an age.
func write(t testing.TB, d *Disk, r bootiface.Root, content string, age time.Duration) string {
	t.Helper()
	path := d.pathOf(r, nodeUUID)
	at := time.Now().Add(-age)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644), os.Chtimes(path, at, at)); err != nil {
		t.Fatal(err)
	}
	return path
}

func lookup(t testing.TB, name string) bootiface.Interface {
	t.Helper()
	i, ok := bootiface.Lookup(name)
	if !ok {
		t.Fatalf("no boot interface %q", name)
	}
	return i
}

// TestRoots: "http" has its file below either root, and the younger one counts;
// every other interface has one root.
func TestRoots(t *testing.T) {
	const there, other = "set a=1\n", "set a=2\n"
	http, tftp := bootiface.HTTPRoot, bootiface.TFTPRoot
	for _, c := range []struct {
		name, iface string
		ages        map[bootiface.Root]time.Duration
		want        bootiface.Root // empty: none
	}{
		{"http as Ironic 29 writes it", "http", map[bootiface.Root]time.Duration{tftp: time.Hour}, tftp},
		{"http as it was meant", "http", map[bootiface.Root]time.Duration{http: time.Hour}, http},
		{"http in both, the first younger", "http", map[bootiface.Root]time.Duration{tftp: time.Minute, http: time.Hour}, tftp},
		{"http in both, the second younger", "http", map[bootiface.Root]time.Duration{tftp: time.Hour, http: time.Minute}, http},
		{"http nowhere", "http", nil, ""},
		{"pxe", "pxe", map[bootiface.Root]time.Duration{tftp: time.Hour, http: time.Minute}, tftp},
		{"pxe below the other root", "pxe", map[bootiface.Root]time.Duration{http: time.Minute}, ""},
		{"http-ipxe", "http-ipxe", map[bootiface.Root]time.Duration{tftp: time.Minute}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDisk(t)
			for root, age := range c.ages {
				content := other
				if root == c.want {
					content = there
				}
				write(t, d, root, content, age)
			}
			i := lookup(t, c.iface)
			f, err := d.Read(i, nodeUUID, i.Files()[0])
			if c.want == "" {
				if !errors.Is(err, usher.ErrNotFound) {
					t.Errorf("%+v, %v", f, err)
				}
				return
			}
			if err != nil || f.Root != c.want || f.Content != there || f.Path != d.pathOf(c.want, nodeUUID) {
				t.Errorf("%+v, %v", f, err)
			}
		})
	}
}

// TestOutages: what cannot be read is not "no file".
func TestOutages(t *testing.T) {
	for _, c := range []struct {
		name, iface string
		change      func(t *testing.T, d *Disk)
		served      bool
	}{
		{"the root is missing", "ipxe", func(t *testing.T, d *Disk) { remove(t, d.o.HTTPRoot) }, false},
		{"one of two roots is missing", "http", func(t *testing.T, d *Disk) { remove(t, d.o.HTTPRoot) }, false},
		{"the other one of two roots is missing", "http", func(t *testing.T, d *Disk) { remove(t, d.o.TFTPRoot) }, false},
		{"a root is missing, and the file is below the other", "http", func(t *testing.T, d *Disk) {
			remove(t, d.o.HTTPRoot)
			write(t, d, bootiface.TFTPRoot, "boot\n", time.Hour)
		}, true},
		{"the younger one may be where nobody can look", "http", func(t *testing.T, d *Disk) {
			write(t, d, bootiface.TFTPRoot, "boot\n", time.Hour)
			loop(t, filepath.Join(d.o.HTTPRoot, nodeUUID))
		}, false},
		{"a loop of links", "ipxe", func(t *testing.T, d *Disk) { loop(t, filepath.Join(d.o.HTTPRoot, nodeUUID)) }, false},
		{"a pipe", "ipxe", func(t *testing.T, d *Disk) {
			path := d.pathOf(bootiface.HTTPRoot, nodeUUID)
			if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o755), syscall.Mkfifo(path, 0o644)); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"too large", "ipxe", func(t *testing.T, d *Disk) {
			write(t, d, bootiface.HTTPRoot, "#!ipxe\n"+strings.Repeat("# x\n", maxBootFile/4), time.Hour)
		}, false},
		{"a link out of the root", "ipxe", func(t *testing.T, d *Disk) {
			out := filepath.Join(t.TempDir(), "config")
			path := d.pathOf(bootiface.HTTPRoot, nodeUUID)
			if err := errors.Join(os.WriteFile(out, []byte("#!ipxe\nboot\n"), 0o644), os.Mkdir(filepath.Dir(path), 0o755), os.Symlink(out, path)); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"the root is a link", "ipxe", func(t *testing.T, d *Disk) {
			write(t, d, bootiface.HTTPRoot, "#!ipxe\nboot\n", time.Hour)
			if err := errors.Join(os.Rename(d.o.HTTPRoot, d.o.HTTPRoot+"2"), os.Symlink("http2", d.o.HTTPRoot)); err != nil {
				t.Fatal(err)
			}
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, i := newDisk(t), lookup(t, c.iface)
			c.change(t, d)
			f, err := d.Read(i, nodeUUID, i.Files()[0])
			if c.served && (err != nil || f.Problem != nil || f.Content == "") {
				t.Errorf("%+v, %v", f, err)
			}
			if !c.served && (err == nil || errors.Is(err, usher.ErrNotFound)) {
				t.Errorf("%+v, %v; want an outage", f, err)
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func loop(t *testing.T, path string) {
	t.Helper()
	if err := os.Symlink(filepath.Base(path), path); err != nil {
		t.Fatal(err)
	}
}

func TestReadRefuses(t *testing.T) {
	d, i := newDisk(t), lookup(t, "ipxe")
	write(t, d, bootiface.HTTPRoot, "#!ipxe\nboot\n", time.Hour)
	for _, bad := range []string{"", "x", "..", nodeUUID + "\n", nodeUUID + "/", nodeUUID + "\x00", strings.ToUpper(nodeUUID), "{" + nodeUUID + "}", "../" + nodeUUID} {
		if f, err := d.Read(i, bad, "boot.ipxe"); !errors.Is(err, usher.ErrInvalid) || f.Content != "" {
			t.Errorf("%q: %+v, %v", bad, f, err)
		}
	}
	for _, name := range []string{"grub.cfg", "config", "", "boot.ipxe\x00"} {
		if f, err := d.Read(i, nodeUUID, name); !errors.Is(err, usher.ErrUnsupported) || f.Content != "" {
			t.Errorf("%q: %+v, %v", name, f, err)
		}
	}
	for _, subdir := range []string{"/x", "../x", ".", "a//b"} {
		if _, err := New(Options{ConfigSubdir: subdir}, URLs{}); !errors.Is(err, usher.ErrInvalid) {
			t.Errorf("%q: %v", subdir, err)
		}
	}
}

func TestNodes(t *testing.T) {
	d := newDisk(t)
	write(t, d, bootiface.HTTPRoot, "x", 0)
	write(t, d, bootiface.TFTPRoot, "x", 0)
	for _, name := range []string{"pxelinux.cfg", strings.Replace(nodeUUID, "3", "4", 1)} {
		if err := os.Mkdir(filepath.Join(d.o.TFTPRoot, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := d.Nodes(); err != nil || len(got) != 2 || got[0] != nodeUUID {
		t.Errorf("%q, %v", got, err)
	}
}

// TestChanging: what is written to while it is read is told, and is not kept.
func TestChanging(t *testing.T) {
	d := newDisk(t)
	path := write(t, d, bootiface.HTTPRoot, "#!ipxe\nkernel ../k\n", time.Hour)
	id := identityAt(path)
	read := func(before, after identity) File {
		f := File{Root: bootiface.HTTPRoot, Path: path}
		d.finish(&f, d.state.Load(), fileKey{bootiface.HTTPRoot, nodeUUID, "boot.ipxe"}, reading{"#!ipxe\nkernel ../k\n", before, after})
		return f
	}
	other := id
	other.size++
	for name, f := range map[string]File{"before": read(other, id), "after": read(other, other)} {
		if !f.Changing {
			t.Errorf("written %s: %+v", name, f)
		}
	}
	if d.state.Load().cache.files[0].files != nil {
		t.Error("it was kept")
	}
	if f := read(id, id); f.Changing || f.Problem != nil {
		t.Errorf("%+v", f)
	}
}
