package images

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
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
	content := func(name string) []byte { return bytes.Repeat([]byte(name), size) }
	image := func(name string) Image { return Image{URL: url + "/" + name, Checksum: sum(content(name))} }
	fill := func(o Options) *testStore {
		t.Helper()
		st := open(t, o)
		st.recent = 0
		for _, name := range []string{"a", "b", "c"} { // a is unused the longest
			if err := fetch(t, st, image(name), name); err != nil {
				t.Fatal(err)
			}
		}
		return st
	}
	// held says which images are still there after a sweep that the named
	// ones are in use at: in capitals by content, else by source.
	held := func(st *testStore, used string) (names string) {
		t.Helper()
		use := Use{Images: map[Image]bool{}, Digests: map[string]bool{}}
		for _, name := range strings.Fields(used) {
			if low := strings.ToLower(name); low != name {
				use.Digests[sum(content(low))] = true
			} else {
				use.Images[image(name)] = true
			}
		}
		if err := st.Sweep(t.Context(), func(context.Context) (Use, error) { return use, nil }); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"a", "b", "c"} {
			got, err := st.content(sum(content(name)))
			if st.Has(sum(content(name))) != (err == nil) || err == nil && !bytes.Equal(got, content(name)) {
				t.Errorf("%s: %d bytes, %v, yet known: %v", name, len(got), err, st.Has(sum(content(name))))
			}
			if err == nil {
				names += name
			}
		}
		return names
	}

	st := fill(Options{MaxSize: 2 * size})
	st.recent = time.Minute
	if got := held(st, ""); got != "abc" {
		t.Errorf("too large, but all of it used just now: holds %q", got)
	}
	st.recent = 0
	if got := held(st, "a B c"); got != "abc" {
		t.Errorf("too large, but all of it in use: holds %q", got)
	}
	if got := held(st, "a"); got != "ac" {
		t.Errorf("too large: holds %q, want the one longest unused removed", got)
	}
	if err := fetch(t, st, image("b"), "b"); err != nil || asked["/b"] != 2 || asked["/a"] != 1 {
		t.Errorf("again: %v, asked %v", err, asked)
	}

	st = fill(Options{TTL: time.Nanosecond})
	if got := held(st, "A b"); got != "ab" {
		t.Errorf("past the time to live: holds %q", got)
	}
	st = fill(Options{})
	if got := held(st, ""); got != "abc" {
		t.Errorf("within the time to live: holds %q", got)
	}
	// A failure to find out what is in use removes nothing.
	st = fill(Options{TTL: time.Nanosecond})
	down := errors.New("down")
	if err := st.Sweep(t.Context(), func(context.Context) (Use, error) { return Use{}, down }); !errors.Is(err, down) {
		t.Errorf("error %v", err)
	}
	if got := held(st, "a b c"); got != "abc" {
		t.Errorf("after a failed sweep: holds %q", got)
	}
}

// TestSweepAsksSeldom: what is in use is found out where something is to be
// removed, and now and then.
func TestSweepAsksSeldom(t *testing.T) {
	st := open(t, Options{})
	asked := 0
	for range 3 {
		if err := st.Sweep(t.Context(), func(context.Context) (Use, error) { asked++; return Use{}, nil }); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

// TestTidy: what nobody knows goes, once it is old enough not to grow any more.
func TestTidy(t *testing.T) {
	st := open(t, Options{})
	if err := errors.Join(st.root.WriteFile(".images/x.json", nil, 0o600), st.root.WriteFile(".images/part-x", nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := st.tidy(t.Context(), time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"x.json", "part-x"} {
		if _, err := st.root.Stat(".images/" + name); err != nil {
			t.Errorf("young %s: %v", name, err)
		}
	}
	if err := st.tidy(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"x.json", "part-x"} {
		if _, err := st.root.Stat(".images/" + name); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("old %s: %v", name, err)
		}
	}
}

// TestRestart: another process finds what is there, and when it was used.
func TestRestart(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("whole")) })
	dir := t.TempDir()
	image := Image{URL: url, Checksum: sum([]byte("whole"))}
	first := open(t, Options{Root: dir, Names: []string{"deploy_kernel"}})
	if err := fetch(t, first, image, "k"); err != nil {
		t.Fatal(err)
	}
	served, err := os.ReadFile(filepath.Join(dir, "images", sum([]byte("whole")), "deploy_kernel")) // by another web server
	if err != nil || string(served) != "whole" {
		t.Errorf("under its name: %q, %v", served, err)
	}
	long := time.Now().Add(-8 * 24 * time.Hour)
	if err := first.touch(sum([]byte("whole")), long); err != nil {
		t.Fatal(err)
	}
	second := open(t, Options{Root: dir})
	if !second.Has(sum([]byte("whole"))) {
		t.Error("it is not known after a restart")
	}
	wantFile(t, second, "none", nil)
	if err := second.Sweep(t.Context(), func(context.Context) (Use, error) { return Use{}, nil }); err != nil {
		t.Fatal(err)
	}
	if second.Has(sum([]byte("whole"))) {
		t.Error("unused for longer than the time to live, yet it is kept")
	}
	files, err := os.ReadDir(filepath.Join(dir, "images"))
	if err != nil || len(files) != 0 {
		t.Errorf("left: %v, %v", files, err)
	}
}

// TestTakenAway: an image that somebody removes, or cuts, is "not now" until it
// was fetched again; it is never a "no" where it can be had.
func TestTakenAway(t *testing.T) {
	whole := []byte("whole")
	var body atomic.Pointer[[]byte]
	body.Store(&whole)
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(*body.Load()) })
	st := open(t, Options{})
	digest := sum(whole)
	at := filepath.Join(st.options.Root, "images", digest)
	again := func() {
		t.Helper()
		st.work.Wait()
		if got, err := st.content(digest); err != nil || !bytes.Equal(got, whole) {
			t.Errorf("fetched again: %q, %v", got, err)
		}
	}
	for name, damage := range map[string]func() error{
		"removed": func() error { return os.RemoveAll(at) },
		"everything gone": func() error {
			return errors.Join(os.RemoveAll(filepath.Dir(at)), os.RemoveAll(st.options.Root+"/.images"))
		},
		"cut": func() error { return os.Truncate(at+"/image", 2) },
		"a folder instead": func() error {
			return errors.Join(os.Remove(at+"/image"), os.Mkdir(at+"/image", 0o755), os.Remove(at+"/image"))
		},
	} {
		if err := errors.Join(fetch(t, st, Image{URL: url}, "k"), damage()); err != nil {
			t.Fatal(err)
		}
		if _, err := st.Open(digest); !errors.Is(err, usher.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
		again()
	}
	// Its source has something else by now: who asks must ask for another.
	if err := os.RemoveAll(at); err != nil {
		t.Fatal(err)
	}
	other := []byte("other")
	body.Store(&other)
	if _, err := st.Open(digest); !errors.Is(err, usher.ErrUnavailable) {
		t.Errorf("before it was asked for: %v", err)
	}
	st.work.Wait()
	if _, err := st.Open(digest); !errors.Is(err, usher.ErrNotFound) {
		t.Errorf("of which there is no source any more: %v", err)
	}
	if err := fetch(t, st, Image{URL: url}, "k"); err != nil {
		t.Fatal(err)
	}
	wantFile(t, st, "k", other)
}

// TestAdopt: what an older version has fetched is not fetched again.
func TestAdopt(t *testing.T) {
	asked := 0
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		http.ServeContent(w, r, "", time.Unix(1e9, 0), bytes.NewReader(content))
	})
	dir := t.TempDir()
	images := []Image{{URL: url + "/a"}, {URL: url + "/b", Checksum: sum(content)}, {URL: url + "/unused"}}
	var keys []string
	for _, image := range images {
		s, err := parse(image)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, s.key)
		note := fmt.Sprintf(`{"url": "http://x/k", "size": %d, "last_modified": "Sun, 09 Sep 2001 01:46:40 GMT"}`, len(content))
		if err := errors.Join(os.MkdirAll(filepath.Join(dir, ".images"), 0o700), os.WriteFile(filepath.Join(dir, ".images", s.key), content, 0o644),
			os.WriteFile(filepath.Join(dir, ".images", s.key+".json"), []byte(note), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	var results fetches
	st := open(t, Options{Root: dir, Fetched: results.add, TTL: time.Hour})
	for _, image := range images[:2] {
		if err := fetch(t, st, image, "k"); err != nil {
			t.Fatal(err)
		}
		wantFile(t, st, "k", content)
	}
	results.want(t, Unchanged, 0)
	if asked != 1 {
		t.Errorf("asked %d times, want once whether the image without a checksum has changed", asked)
	}
	for i, kept := range []bool{false, false, true} { // by its source
		if _, err := os.Stat(filepath.Join(dir, ".images", keys[i])); kept != (err == nil) {
			t.Errorf("image %d: %v", i, err)
		}
	}
	st.options.TTL, st.scanned = time.Nanosecond, time.Time{}
	if err := st.Sweep(t.Context(), func(context.Context) (Use, error) { return Use{Images: map[Image]bool{images[2]: true}}, nil }); err != nil {
		t.Fatal(err)
	}
	if err := fetch(t, st, images[2], "k"); err != nil || results.all[len(results.all)-1].Result != Unchanged {
		t.Errorf("in use, and not asked for until after a sweep: %v, %v", err, results.all)
	}
}

// TestSince: an image is asked for again where the last time was too early.
func TestSince(t *testing.T) {
	var asked atomic.Int32
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { asked.Add(1); _, _ = w.Write([]byte("k")) })
	st := open(t, Options{})
	before := time.Now()
	for _, step := range []struct {
		since time.Time
		asked int32
	}{{before, 1}, {before, 1}, {before.Add(-time.Hour), 1}, {time.Now().Add(time.Hour), 2}, {before, 2}} {
		if _, err := st.Fetch(t.Context(), Image{URL: url}, step.since); err != nil || asked.Load() != step.asked {
			t.Errorf("since %v: %v, asked %d times, want %d", step.since.Sub(before), err, asked.Load(), step.asked)
		}
	}
}

// TestDamagedStore: an image that is not as its note says is fetched anew by
// the next process.
func TestDamagedStore(t *testing.T) {
	whole := []byte("whole")
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(whole) })
	dir := t.TempDir()
	image := Image{URL: url, Checksum: sum(whole)}
	s, err := parse(image)
	if err != nil {
		t.Fatal(err)
	}
	at, note := filepath.Join(dir, "images", sum(whole), "image"), filepath.Join(dir, ".images", s.key+".json")
	for name, damage := range map[string]func() error{
		"cut image": func() error { return os.WriteFile(at, []byte("wh"), 0o644) },
		"no image":  func() error { return os.Remove(at) },
		"cut note":  func() error { return os.WriteFile(note, []byte("{"), 0o600) },
		"no note":   func() error { return os.Remove(note) },
	} {
		if err := errors.Join(fetch(t, open(t, Options{Root: dir}), image, "k"), damage()); err != nil {
			t.Fatal(err)
		}
		st := open(t, Options{Root: dir})
		if err := fetch(t, st, image, "k"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		wantFile(t, st, "k", whole)
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
		err := fetch(t, c, Image{URL: u}, "k")
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(fmt.Sprint(err), root+" is full") || errors.Is(err, usher.ErrInvalid) {
			t.Errorf("%s: %v", u, err)
		}
		wantFile(t, c, "k", nil)
	}
	// Its space is free again.
	if err := fetch(t, c, Image{URL: url + "/small"}, "k"); err != nil {
		t.Error(err)
	}
	wantFile(t, c, "k", []byte("small"))
	if err := fetch(t, c, Image{URL: "file://" + source + "/k"}, "k"); err == nil {
		t.Error("no error")
	}
	wantFile(t, c, "k", []byte("small"))
}
