package admin_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/usher-boot/usher/internal/admin"
)

func profiled(enabled func() bool) *admin.Door {
	return admin.New(admin.Options{Metrics: http.NotFoundHandler(), Profiling: enabled})
}

func TestProfiles(t *testing.T) {
	on := false
	server := httptest.NewServer(profiled(func() bool { return on }))
	defer server.Close()
	get := func(path string) (int, []byte) {
		t.Helper()
		resp, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, body
	}
	given := []string{"/debug/pprof/heap", "/debug/pprof/allocs", "/debug/pprof/goroutine", "/debug/pprof/profile?seconds=1"}
	for _, path := range given {
		if code, body := get(path); code != http.StatusNotFound || !bytes.Contains(body, []byte("[usher]profiling")) {
			t.Errorf("%s while off: %d %s", path, code, body)
		}
	}
	on = true
	for _, path := range given {
		if code, body := get(path); code != http.StatusOK || !bytes.HasPrefix(body, []byte{0x1f, 0x8b}) { // pprof's files are gzipped
			t.Errorf("%s: %d, %.20q", path, code, body)
		}
	}
	for _, name := range []string{"cmdline", "trace", "symbol", "block", "threadcreate", ""} {
		if code, body := get("/debug/pprof/" + name); code != http.StatusNotFound {
			t.Errorf("%q is given: %d, %.20q", name, code, body)
		}
	}
	if code, _ := get("/debug/pprof/profile?seconds=1&x=../heap"); code != http.StatusOK {
		t.Error("a second profile after the first one", code)
	}
}

// TestProfileOfADoorThatStops wants a stop not to wait for a profile of an
// hour.
func TestProfileOfADoorThatStops(t *testing.T) {
	door := profiled(func() bool { return true })
	door.Stop()
	w := httptest.NewRecorder()
	door.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/debug/pprof/profile?seconds=3600", nil))
	if w.Code != http.StatusOK {
		t.Error(w.Code, w.Body)
	}
}
