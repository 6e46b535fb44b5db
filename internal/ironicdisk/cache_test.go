package ironicdisk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
)

// TestCache: what is kept of a file is served for as long as it is that file,
// and not an instant longer.
func TestCache(t *testing.T) {
	const first, second = "#!ipxe\nchain /a\n", "#!ipxe\nchain /b\n" // of the same size
	const gotFirst, gotSecond = "#!ipxe\nchain http://192.0.2.1:8080/a\n", "#!ipxe\nchain http://192.0.2.1:8080/b\n"
	write := func(path, content string) error { return os.WriteFile(path, []byte(content), 0o600) }
	for name, c := range map[string]struct {
		change func(d *Disk, path string) error
		want   string // empty: an error
		err    error
	}{
		"unchanged": {func(*Disk, string) error { return nil }, gotFirst, nil},
		"replaced": {func(_ *Disk, path string) error {
			return errors.Join(write(path+".new", second), os.Rename(path+".new", path))
		}, gotSecond, nil},
		"written in place, with its old date": {func(_ *Disk, path string) error {
			info, err := os.Stat(path)
			return errors.Join(err, write(path, second), os.Chtimes(path, info.ModTime(), info.ModTime()))
		}, gotSecond, nil},
		"removed": {func(_ *Disk, path string) error { return os.Remove(path) }, "", usher.ErrNotFound},
		"a link to elsewhere": {func(_ *Disk, path string) error {
			out := filepath.Join(t.TempDir(), "out")
			return errors.Join(write(out, first), os.Remove(path), os.Symlink(out, path))
		}, "", nil},
		"another server": {func(d *Disk, _ string) error { d.SetURLs(URLs{HTTP: "http://h"}); return nil }, "#!ipxe\nchain http://h/a\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			d, i := newDisk(t), lookup(t, "ipxe")
			path := d.pathOf(bootiface.HTTPRoot, nodeUUID)
			if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o755), write(path, first)); err != nil {
				t.Fatal(err)
			}
			cache := &d.state.Load().cache
			if _, err := d.Read(i, nodeUUID, "boot.ipxe"); err != nil || cache.files[0].files != nil {
				t.Errorf("a file was kept that may still be changing: %v", err)
			}
			cache.keep(fileKey{bootiface.HTTPRoot, nodeUUID, "boot.ipxe"}, cached{file: identityAt(path), text: gotFirst})
			if err := c.change(d, path); err != nil {
				t.Fatal(err)
			}
			f, err := d.Read(i, nodeUUID, "boot.ipxe")
			if f.Content != c.want || (err == nil) != (c.want != "") || c.err != nil && !errors.Is(err, c.err) {
				t.Errorf("%+v, %v", f, err)
			}
		})
	}
}

// TestCacheKeeps: an old file is kept, with all that is known of it.
func TestCacheKeeps(t *testing.T) {
	d := newDisk(t)
	f := File{Content: "linux (http,h)/" + nodeUUID + "/k\n", Images: []Image{{bootiface.TFTPRoot, nodeUUID + "/k"}}}
	path := write(t, d, bootiface.TFTPRoot, "linux x", 0)
	id := identityAt(path)
	key := fileKey{bootiface.TFTPRoot, nodeUUID, "grub.cfg"}
	cache := &d.state.Load().cache
	cache.add(key, id, &f)
	if _, ok := cache.lookup(key, path); ok {
		t.Fatal("a file was kept that may still be changing")
	}
	id.mtime.Sec -= 10
	id.ctime.Sec -= 10
	cache.add(key, id, &f)
	kept, ok := cache.files[0].files[key]
	if got := kept.content(nodeUUID); !ok || got != f.Content || len(kept.images) != 1 || strings.Contains(kept.text, nodeUUID) {
		t.Errorf("%+v", kept)
	}
	if cache.add(fileKey{uuid: "other"}, id, &File{Content: "a\x00b"}); len(cache.files[0].files) != 1 {
		t.Error("a text was kept that holds the mark")
	}
}

// TestCacheIsBounded: there are as many files as fit, the latest ones.
func TestCacheIsBounded(t *testing.T) {
	var c cache
	const most = mostCached / entryBytes
	for n := range 5 * most {
		c.keep(fileKey{uuid: strconv.Itoa(n)}, cached{text: "the same for all"})
	}
	if kept := len(c.files[0].files) + len(c.files[1].files); kept < most || kept > 2*most || len(c.files[0].texts) != 1 {
		t.Errorf("%d files and %d texts", kept, len(c.files[0].texts))
	}
	if _, ok := c.files[0].files[fileKey{uuid: strconv.Itoa(5*most - 1)}]; !ok {
		t.Error("the last one is not there")
	}
	for n := range 100 {
		c.keep(fileKey{uuid: strconv.Itoa(n)}, cached{text: fmt.Sprint(n, strings.Repeat("x", 1<<20))})
	}
	if len(c.files[0].files)+len(c.files[1].files) > 6 {
		t.Error("large texts are not bounded")
	}
}

func BenchmarkRead(b *testing.B) {
	d, i := newDisk(b), lookup(b, "pxe")
	write(b, d, bootiface.TFTPRoot, golden(b, "29", "pxe.config"), time.Hour)
	// The inode's own time cannot be set, so that no fresh file is kept.
	for _, kept := range []bool{false, true} {
		b.Run(fmt.Sprintf("kept=%t", kept), func(b *testing.B) {
			if kept {
				path := d.pathOf(bootiface.TFTPRoot, nodeUUID)
				f, err := d.Read(i, nodeUUID, "grub.cfg")
				if err != nil {
					b.Fatal(err)
				}
				d.state.Load().cache.keep(fileKey{bootiface.TFTPRoot, nodeUUID, "grub.cfg"},
					cached{file: identityAt(path), text: f.Content, images: f.Images})
			}
			for b.Loop() {
				if f, err := d.Read(i, nodeUUID, "grub.cfg"); err != nil || len(f.Images) != 2 {
					b.Fatal(err)
				}
			}
		})
	}
}
