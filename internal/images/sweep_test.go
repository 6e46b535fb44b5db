package images

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/testenv"
)

func TestSweep(t *testing.T) {
	const size = 1000
	asked := map[string]int{}
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked[r.URL.Path]++
		_, _ = w.Write(bytes.Repeat([]byte(r.URL.Path[1:]), size))
	})
	image := func(name string) Image {
		return Image{URL: url + "/" + name, Checksum: sum(bytes.Repeat([]byte(name), size))}
	}
	unlink := func(c *Cache, name string) {
		t.Helper()
		if err := os.Remove(filepath.Join(c.options.Root, "node", name)); err != nil {
			t.Fatal(err)
		}
	}
	// tick waits for the file system's clock, which is coarse, to move on.
	tick := func() {
		t.Helper()
		stamp := filepath.Join(t.TempDir(), "stamp")
		var first time.Time
		for {
			if err := os.WriteFile(stamp, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(stamp)
			if err != nil {
				t.Fatal(err)
			}
			if first.IsZero() {
				first = info.ModTime()
			}
			if info.ModTime().After(first) {
				return
			}
		}
	}
	// held says which of the images are still in the cache.
	held := func(c *Cache) string {
		t.Helper()
		if err := c.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, name := range []string{"a", "b", "c"} {
			s, err := c.parse(image(name))
			if err != nil {
				t.Fatal(err)
			}
			if c.cached(s) != nil {
				names = append(names, name)
			}
		}
		return strings.Join(names, " ")
	}
	fill := func(c *Cache) {
		t.Helper()
		for _, name := range []string{"a", "b", "c"} {
			if err := link(t, c, image(name), name); err != nil {
				t.Fatal(err)
			}
		}
	}

	c := open(t, Options{MaxSize: 2 * size})
	fill(c)
	if got := held(c); got != "a b c" {
		t.Errorf("all in use, yet the cache holds %q", got)
	}
	unlink(c, "b")
	tick()
	unlink(c, "a")
	if got := held(c); got != "a c" {
		t.Errorf("too large: holds %q, want the one longest unused removed", got)
	}
	if err := link(t, c, image("b"), "b"); err != nil || asked["/b"] != 2 || asked["/a"] != 1 {
		t.Errorf("again: %v, asked %v", err, asked)
	}

	c = open(t, Options{TTL: time.Nanosecond})
	fill(c)
	unlink(c, "c")
	if got := held(c); got != "a b" {
		t.Errorf("past the time to live: holds %q", got)
	}
	c = open(t, Options{})
	fill(c)
	unlink(c, "c")
	if got := held(c); got != "a b c" {
		t.Errorf("within the time to live: holds %q", got)
	}
	// A lonely note goes; a partial file that may still grow stays.
	if err := errors.Join(c.root.WriteFile(".images/x.json", nil, 0o600), c.root.WriteFile(".images/part-x", nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	held(c)
	if _, err := c.root.Stat(".images/x.json"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("lonely note: %v", err)
	}
	if _, err := c.root.Stat(".images/part-x"); err != nil {
		t.Errorf("young partial file: %v", err)
	}
}

// TestDamagedCache: an image that is not as its note says is fetched anew.
func TestDamagedCache(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("whole")) })
	c := open(t, Options{})
	image := Image{URL: url, Checksum: sum([]byte("whole"))}
	s, err := c.parse(image)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func() error{
		"cut image": func() error { return c.root.WriteFile(".images/"+s.key, []byte("wh"), 0o644) },
		"no image":  func() error { return c.root.Remove(".images/" + s.key) },
		"cut note":  func() error { return c.root.WriteFile(".images/"+s.key+".json", []byte("{"), 0o600) },
		"no note":   func() error { return c.root.Remove(".images/" + s.key + ".json") },
	} {
		if err := errors.Join(link(t, c, image, "k"), damage(), link(t, c, image, "k")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		wantFile(t, c, "k", []byte("whole"))
	}
}

// TestFullDisk runs itself in a mount namespace of its own, where it may
// mount a file system that is really small.
func TestFullDisk(t *testing.T) {
	if !testenv.InMountNamespace(t) {
		return
	}
	root := t.TempDir()
	if err := syscall.Mount("tmpfs", root, "tmpfs", 0, "size=1m"); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Unmount(root, syscall.MNT_DETACH) }()
	large, source := content, t.TempDir()
	if err := os.WriteFile(filepath.Join(source, "k"), large, 0o600); err != nil {
		t.Fatal(err)
	}
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/small" {
			large = []byte("small")
		}
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(large))
	})
	c := open(t, Options{Root: root, AllowedPaths: []string{source}})
	for _, u := range []string{url + "/large", "file://" + source + "/k"} {
		err := link(t, c, Image{URL: u}, "k")
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(fmt.Sprint(err), root+" is full") || errors.Is(err, usher.ErrInvalid) {
			t.Errorf("%s: %v", u, err)
		}
		wantFile(t, c, "k", nil)
	}
	// Its space is free again.
	if err := link(t, c, Image{URL: url + "/small"}, "k"); err != nil {
		t.Error(err)
	}
	wantFile(t, c, "k", []byte("small"))
	if err := link(t, c, Image{URL: "file://" + source + "/k"}, "k"); err == nil {
		t.Error("no error")
	}
	wantFile(t, c, "k", []byte("small"))
}
