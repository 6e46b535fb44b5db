package bootiface

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
			if d.cache.add(path, &s, "too young"); d.cache.new != nil {
				t.Error("a file was kept that may still be changing")
			}
			d.cache.keep(path, cached{file: identify(&s), content: first})
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

// TestCacheBound: however many files are asked for, little is kept of them.
func TestCacheBound(t *testing.T) {
	var c cache
	content := strings.Repeat("x", 1000)
	for i := range 10_000 {
		c.keep(fmt.Sprintf("/http/%d/config", i), cached{content: content})
		if kept := len(c.new) + len(c.old); kept*len(content) > 2*mostCached {
			t.Fatalf("%d files are kept", kept)
		}
	}
	for _, path := range []string{"/http/9999/config", "/http/9500/config"} {
		if _, ok := c.new[path]; !ok {
			t.Errorf("%s was asked for lately and is not kept", path)
		}
	}
}
