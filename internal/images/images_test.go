package images

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-boot/usher"
)

// content is larger than any buffer on the way.
var content = bytes.Repeat([]byte("kernel "), 200_000)

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// testStore is a store, and what was fetched from it by names of the tests'.
type testStore struct {
	*Store
	mu      sync.Mutex
	digests map[string]string
}

// open opens a store in a new root.
func open(t *testing.T, o Options) *testStore {
	t.Helper()
	if o.Root == "" {
		o.Root = t.TempDir()
	}
	if o.RetryPause == 0 {
		o.RetryPause = time.Millisecond
	}
	st, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return &testStore{Store: st, digests: map[string]string{}}
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// fetch fetches an image as its source has it now.
func fetch(t *testing.T, st *testStore, image Image, name string) error {
	t.Helper()
	digest, err := st.Fetch(t.Context(), image, time.Now())
	if err == nil {
		st.mu.Lock()
		defer st.mu.Unlock()
		st.digests[name] = digest
	}
	return err
}

// wantFile checks what was fetched last by a name, and that nothing temporary
// is left.
func wantFile(t *testing.T, st *testStore, name string, want []byte) {
	t.Helper()
	digest := st.digests[name]
	if (want == nil) != (digest == "") || want != nil && digest != sum(want) {
		t.Errorf("%s: digest %q, want that of %d bytes", name, digest, len(want))
	}
	if want != nil {
		got, err := st.content(digest)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v; want %d bytes", name, len(got), err, len(want))
		}
	}
	err := filepath.WalkDir(st.options.Root, func(path string, e fs.DirEntry, err error) error {
		if strings.HasPrefix(e.Name(), partPrefix) {
			t.Errorf("left behind: %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// content reads an image as the machines' listener does.
func (st *testStore) content(digest string) ([]byte, error) {
	file, err := st.Open(digest)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(file)
}

func TestOncePerImage(t *testing.T) {
	var asked atomic.Int32
	arrived, release := make(chan struct{}), make(chan struct{})
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			close(arrived)
		}
		<-release
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
	c := open(t, Options{})
	image := Image{URL: url + "/k", Checksum: sum(content)}
	var callers sync.WaitGroup
	for n := range 20 {
		callers.Go(func() {
			if err := fetch(t, c, image, fmt.Sprint("kernel", n)); err != nil {
				t.Error(err)
			}
		})
	}
	<-arrived
	// One who gives up neither waits nor ends it for the others.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Fetch(ctx, image, time.Now()); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who gave up: %v", err)
	}
	close(release)
	callers.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("fetched %d times", n)
	}
	for n := range 20 {
		wantFile(t, c, fmt.Sprint("kernel", n), content)
	}
	// Again: nothing is fetched, nothing is left over.
	if err := fetch(t, c, image, "kernel0"); err != nil || asked.Load() != 1 {
		t.Errorf("again: %v, fetched %d times", err, asked.Load())
	}
	wantFile(t, c, "kernel0", content)
	info, err := os.Stat(filepath.Join(c.options.Root, "images", sum(content), "image"))
	if err != nil || info.Mode() != 0o644 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// TestNobodyWaits ends the download when its only caller gives up.
func TestNobodyWaits(t *testing.T) {
	arrived, left := make(chan struct{}), make(chan struct{})
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(content[:1000])
		_ = http.NewResponseController(w).Flush()
		close(arrived)
		<-r.Context().Done()
		close(left)
	})
	c := open(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	if _, err := c.Fetch(ctx, Image{URL: url}, time.Now()); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	<-left
	wantFile(t, c, "k", nil)
	if len(c.flights) != 0 {
		t.Error("the download is still known")
	}
}

func TestChecksums(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("abc")) })
	file := filepath.Join(t.TempDir(), "k")
	if err := os.WriteFile(file, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := open(t, Options{AllowedPaths: []string{filepath.Dir(file)}})
	const md5, sha1 = "900150983cd24fb0d6963f7d28e17f72", "a9993e364706816aba3e25717850c26c9cd0d89d"
	for _, good := range []string{"", md5, "md5:" + md5, sha1, "sha1:" + sha1, "sha256:" + sum([]byte("abc")), strings.ToUpper(sum([]byte("abc")))} {
		for _, u := range []string{url, "file://" + file} {
			if err := fetch(t, c, Image{u, good}, "k"); err != nil {
				t.Errorf("%s of %s: %v", good, u, err)
			}
			wantFile(t, c, "k", []byte("abc"))
		}
	}
	for _, bad := range []string{"x", "sha256:" + md5, "crc:00", md5[:31], md5[:31] + "g", "sha256:", ":"} {
		if err := fetch(t, c, Image{url, bad}, "k"); !errors.Is(err, usher.ErrInvalid) {
			t.Errorf("checksum %q: %v", bad, err)
		}
	}
	wrong := sum([]byte("abd"))
	for _, u := range []string{url, "file://" + file} {
		err := fetch(t, c, Image{u, wrong}, "wrong")
		if !errors.Is(err, usher.ErrInvalid) || !strings.Contains(err.Error(), wrong) || !strings.Contains(err.Error(), sum([]byte("abc"))) {
			t.Errorf("mismatch: %v, want ErrInvalid naming both", err)
		}
		wantFile(t, c, "wrong", nil)
	}
}

// TestFresh asks for an image again after it changed, and after it did not.
func TestFresh(t *testing.T) {
	for _, validator := range []string{"Last-Modified", "ETag", ""} {
		var body atomic.Pointer[[]byte]
		var sent, version atomic.Int32
		set := func(text string) { b := []byte(text); body.Store(&b); version.Add(1) }
		set("one")
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			modified := time.Time{}
			switch validator {
			case "Last-Modified":
				modified = time.Unix(1e9+int64(version.Load()), 0)
			case "ETag":
				w.Header().Set("ETag", fmt.Sprintf(`"%d"`, version.Load()))
			}
			count := &counter{ResponseWriter: w}
			http.ServeContent(count, r, "", modified, bytes.NewReader(*body.Load()))
			if count.bytes > 0 {
				sent.Add(1)
			}
		})
		c := open(t, Options{})
		for _, step := range []struct {
			text string
			sent int32 // so far, when the server has a validator
		}{{"one", 1}, {"one", 1}, {"two", 2}, {"two", 2}} {
			if string(*body.Load()) != step.text {
				set(step.text)
			}
			if err := fetch(t, c, Image{URL: url}, "k"); err != nil {
				t.Fatal(err)
			}
			wantFile(t, c, "k", []byte(step.text))
			if validator != "" && sent.Load() != step.sent {
				t.Errorf("%s, %s: sent %d times, want %d", validator, step.text, sent.Load(), step.sent)
			}
		}
	}
}

type counter struct {
	http.ResponseWriter
	bytes int
}

func (c *counter) Write(p []byte) (int, error) {
	c.bytes += len(p)
	return c.ResponseWriter.Write(p)
}

// TestChangedKeepsOthers: a node keeps the image that it was prepared with.
func TestChangedKeepsOthers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "k")
	write := func(text string, at int64) {
		t.Helper()
		if err := errors.Join(os.WriteFile(file, []byte(text), 0o600), os.Chtimes(file, time.Time{}, time.Unix(at, 0))); err != nil {
			t.Fatal(err)
		}
	}
	c := open(t, Options{AllowedPaths: []string{filepath.Dir(file)}})
	write("one", 1e9)
	if err := fetch(t, c, Image{URL: "file://" + file}, "first"); err != nil {
		t.Fatal(err)
	}
	write("two", 1e9+1)
	if err := fetch(t, c, Image{URL: "file://" + file}, "second"); err != nil {
		t.Fatal(err)
	}
	wantFile(t, c, "first", []byte("one"))
	wantFile(t, c, "second", []byte("two"))
}

func TestFileURLs(t *testing.T) {
	allowed, outside := t.TempDir(), t.TempDir()
	for _, f := range []string{filepath.Join(allowed, "k"), filepath.Join(outside, "k"), filepath.Join(allowed, "a b")} {
		if err := os.WriteFile(f, []byte("k"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for link, target := range map[string]string{"in": "k", "out": filepath.Join(outside, "k"), "dir": outside} {
		if err := os.Symlink(target, filepath.Join(allowed, link)); err != nil {
			t.Fatal(err)
		}
	}
	c := open(t, Options{AllowedPaths: []string{allowed, "/nonexistent"}})
	const option = "[conductor]file_url_allowed_paths"
	for path, want := range map[string]string{
		allowed + "/k":     "",
		allowed + "/in":    "",
		allowed + "/a%20b": "",
		allowed + "/../" + filepath.Base(allowed) + "/k": "",
		allowed + "/out":   option,
		allowed + "/dir/k": option,
		allowed + "/../" + filepath.Base(outside) + "/k": option,
		allowed + "/%2e%2e/" + filepath.Base(outside):    option,
		allowed + "x/k":     option,
		outside + "/k":      option,
		"/etc/passwd":       option,
		"/nonexistent/k":    "not found",
		allowed + "/absent": "not found",
		allowed:             "not found",
	} {
		err := fetch(t, c, Image{URL: "file://" + path}, "k")
		if want == "" && err != nil || want != "" && (!errors.Is(err, usher.ErrInvalid) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if err := fetch(t, open(t, Options{}), Image{URL: "file://" + allowed + "/k"}, "k"); !errors.Is(err, usher.ErrInvalid) {
		t.Errorf("nothing allowed: %v", err)
	}
}

func TestBadInput(t *testing.T) {
	c := open(t, Options{})
	for _, url := range []string{"", "k", "glance://x", "http://", "ftp://h/k", "file://host/k", "file:k", "http://user:secret@h/%zz"} {
		err := fetch(t, c, Image{URL: url}, "k")
		if !errors.Is(err, usher.ErrInvalid) || strings.Contains(fmt.Sprint(err), "secret") {
			t.Errorf("URL %q: %v", url, err)
		}
	}
}
