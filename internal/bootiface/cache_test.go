package bootiface

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/usher-boot/usher"
)

// TestCache: what is kept of a file is served for as long as it is that file,
// and not an instant longer.
func TestCache(t *testing.T) {
	const first, second = "#!ipxe\nfirst\n", "#!ipxe\nother\n" // of the same size
	write := func(path, content string) error { return os.WriteFile(path, []byte(content), 0o600) }
	for name, c := range map[string]struct {
		change func(path string) error
		want   string // empty: an error
		err    error
	}{
		"unchanged": {func(string) error { return nil }, first, nil},
		"replaced": {func(path string) error {
			return errors.Join(write(path+".new", second), os.Rename(path+".new", path))
		}, second, nil},
		"written in place, with its old date": {func(path string) error {
			info, err := os.Stat(path)
			return errors.Join(err, write(path, second), os.Chtimes(path, info.ModTime(), info.ModTime()))
		}, second, nil},
		"removed": {os.Remove, "", usher.ErrNotFound},
		"a link to elsewhere": {func(path string) error {
			out := filepath.Join(t.TempDir(), "out")
			return errors.Join(write(out, first), os.Remove(path), os.Symlink(out, path))
		}, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			d, i := openDisk(t), lookup(t, "ipxe")
			path := filepath.Join(d.Path(HTTPRoot), exampleUUID, "config")
			var s unix.Stat_t
			if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o755), write(path, first), unix.Stat(path, &s)); err != nil {
				t.Fatal(err)
			}
			key := fileKey{HTTPRoot, exampleUUID}
			if d.cache.add(key, &s, "too young"); d.cache.files[0].files != nil {
				t.Error("a file was kept that may still be changing")
			}
			d.cache.keep(key, cached{file: identify(&s), text: first})
			if err := c.change(path); err != nil {
				t.Fatal(err)
			}
			got, err := d.Read(i, exampleUUID, "boot.ipxe")
			if got != c.want || (err == nil) != (c.want != "") || c.err != nil && !errors.Is(err, c.err) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// TestCacheTexts: files that differ by their nodes' UUIDs and names come back
// with their own, and share what is kept.
func TestCacheTexts(t *testing.T) {
	d, i := openDisk(t), lookup(t, "ipxe")
	long := strings.Repeat("# the same for all\n", 50)
	content := func(uuid string) string {
		return "#!ipxe\n# Node " + uuid + " (" + uuid[:8] + ")\nkernel http://x/" + uuid + "/k\ninitrd " + uuid + "\n" + long
	}
	uuids := make([]string, 1000)
	for n := range uuids {
		uuids[n] = fmt.Sprintf("%08d-0000-4000-8000-000000000000", n)
		path := filepath.Join(d.Path(HTTPRoot), uuids[n], "config")
		var s unix.Stat_t
		if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content(uuids[n])), 0o600), unix.Stat(path, &s)); err != nil {
			t.Fatal(err)
		}
		old := s
		old.Mtim.Sec, old.Ctim.Sec = 1, 1
		d.cache.add(fileKey{HTTPRoot, uuids[n]}, &old, content(uuids[n]))
		kept := d.cache.files[0].files[fileKey{HTTPRoot, uuids[n]}]
		kept.file = identify(&s)
		d.cache.keep(fileKey{HTTPRoot, uuids[n]}, kept)
	}
	for _, uuid := range uuids {
		path := filepath.Join(d.Path(HTTPRoot), uuid, "config")
		if got, _, ok := d.cache.lookup(fileKey{HTTPRoot, uuid}, path); !ok || got != content(uuid) {
			t.Fatalf("%v, %q", ok, got)
		}
		if got, err := d.Read(i, uuid, "boot.ipxe"); err != nil || got != content(uuid) {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if n := len(d.cache.files[0].texts); n != 1 {
		t.Errorf("%d texts are kept of files that differ by UUID and name only", n)
	}
	var s unix.Stat_t
	if d.cache.add(fileKey{HTTPRoot, "zero"}, &s, "a\x00b"); len(d.cache.files[0].files) != len(uuids) {
		t.Error("a file was kept that would come back with a UUID in it")
	}
}

// FuzzSplit: whatever is taken apart comes back as it was.
func FuzzSplit(f *testing.F) {
	for _, content := range []string{"", exampleUUID, "# " + exampleUUID, "#!ipxe\n# " + exampleUUID + " (n)\nkernel " + exampleUUID + "/k\n",
		"kernel " + exampleUUID + "\n# " + exampleUUID + "\n", "#" + exampleUUID + exampleUUID + "\n"} {
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content string) {
		if strings.Contains(content, uuidMark) {
			return
		}
		entry := split(content, exampleUUID)
		if got := entry.content(exampleUUID); got != content {
			t.Errorf("%q came back as %q", content, got)
		}
	})
}

// TestCacheBound: however many files are asked for, little is kept of them.
func TestCacheBound(t *testing.T) {
	var c cache
	key := func(n int) fileKey { return fileKey{HTTPRoot, strconv.Itoa(n)} }
	for n := range 20_000 {
		text := strconv.Itoa(n) + strings.Repeat("x", 1000) // no two alike
		c.keep(key(n), cached{text: text})
		if kept := len(c.files[0].files) + len(c.files[1].files); kept*len(text) > 2*mostCached {
			t.Fatalf("%d files are kept", kept)
		}
	}
	for _, n := range []int{19_999, 19_000} {
		_, now := c.files[0].files[key(n)]
		if _, before := c.files[1].files[key(n)]; !now && !before {
			t.Errorf("file %d was asked for lately and is not kept", n)
		}
	}
}
