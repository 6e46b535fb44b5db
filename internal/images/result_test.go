package images

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fetches collects what a cache tells of.
type fetches struct {
	mu  sync.Mutex
	all []Fetch
}

func (f *fetches) add(x Fetch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, x)
}

func (f *fetches) want(t *testing.T, result Result, written int64) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.all) != 1 || f.all[0].Result != result || f.all[0].Bytes != written || f.all[0].Took <= 0 {
		t.Errorf("told of %+v, want one %s of %d bytes", f.all, result, written)
	}
	f.all = nil
}

func TestResults(t *testing.T) {
	var f fetches
	var broken atomic.Bool
	stop := make(chan struct{})
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/hangs":
			<-stop
		case broken.Load():
			w.WriteHeader(http.StatusBadGateway)
		default:
			http.ServeContent(w, r, "", time.Unix(1_000_000, 0), bytes.NewReader(content))
		}
	})
	defer close(stop)
	dir := t.TempDir()
	c := open(t, Options{Fetched: f.add, Attempts: 1, AllowedPaths: []string{dir}})

	image := Image{URL: url + "/kernel"}
	if err := fetch(t, c, image, "kernel"); err != nil {
		t.Fatal(err)
	}
	f.want(t, Fetched, int64(len(content)))
	if err := fetch(t, c, image, "kernel"); err != nil {
		t.Fatal(err)
	}
	f.want(t, Unchanged, 0)
	broken.Store(true)
	if err := fetch(t, c, image, "kernel"); err != nil {
		t.Fatal(err)
	}
	f.want(t, Stale, 0)
	if err := fetch(t, c, Image{URL: url + "/other"}, "other"); err == nil {
		t.Fatal("no error")
	}
	f.want(t, Failed, 0)

	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := c.Fetch(ctx, Image{URL: url + "/hangs"}, time.Now()); err == nil {
		t.Fatal("no error")
	}
	f.want(t, Abandoned, 0)

	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := fetch(t, c, Image{URL: "file://" + file}, "file"); err != nil {
		t.Fatal(err)
	}
	f.want(t, Fetched, int64(len(content)))

	// What is there by its checksum is not fetched at all.
	known := Image{URL: url + "/known", Checksum: "sha256:" + sum(content)}
	broken.Store(false)
	for range 2 {
		if err := fetch(t, c, known, "known"); err != nil {
			t.Fatal(err)
		}
	}
	f.want(t, Fetched, int64(len(content)))
}
