package management_test

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/usher-boot/usher"
)

// send asks the API without a network and fails for what no request may do:
// panic, answer 5xx, or answer what is not JSON.
func (w *workshop) send(t *testing.T, method, path, version, body string) int {
	t.Helper()
	u, err := url.ParseRequestURI(path)
	if err != nil {
		return 0 // net/http refuses it before we see it
	}
	req := httptest.NewRequest(method, "/", strings.NewReader(body))
	req.URL = u
	req.Header.Set("X-OpenStack-Ironic-API-Version", version)
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, req)
	if rec.Code >= 500 {
		t.Errorf("%s %s %q: %d %s", method, path, body, rec.Code, rec.Body)
	}
	if rec.Body.Len() > 0 && !json.Valid(rec.Body.Bytes()) {
		t.Errorf("%s %s: not JSON: %s", method, path, rec.Body)
	}
	return rec.Code
}

// seeds are the bodies that the conversation with Ironic has for one method.
func seeds(f *testing.F, method, prefix string) {
	lines, err := os.ReadFile("testdata/ironic/conversation.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(lines)) {
		var s step
		if json.Unmarshal([]byte(line), &s) == nil && s.Method == method && strings.HasPrefix(s.Path, prefix) {
			f.Add(string(s.Body))
		}
	}
}

func FuzzCreateNode(f *testing.F) {
	seeds(f, "POST", "/v1/nodes")
	w := newWorkshop(f)
	f.Fuzz(func(t *testing.T, body string) {
		if w.send(t, "POST", "/v1/nodes", "latest", body) == 201 {
			w.send(t, "GET", "/v1/nodes/detail?limit=5&sort_dir=desc", "latest", "")
		}
	})
}

func FuzzCreatePort(f *testing.F) {
	seeds(f, "POST", "/v1/ports")
	w := newWorkshop(f)
	for _, id := range []string{"22222222-2222-4222-8222-222222222222"} {
		n := usher.Node{UUID: id, Driver: "manual-management", ProvisionState: usher.Enroll}
		if err := w.store.CreateNode(f.Context(), &n); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, body string) {
		if w.send(t, "POST", "/v1/ports", "latest", body) == 201 {
			w.send(t, "GET", "/v1/ports/detail?limit=5&sort_dir=desc", "latest", "")
		}
	})
}

func FuzzPatchNode(f *testing.F) {
	seeds(f, "PATCH", "/v1/nodes")
	w := newWorkshop(f)
	id := w.node(f, `, "name": "alpha", "extra": {"a": {"b": [1, 2, 3]}}`)
	f.Fuzz(func(t *testing.T, body string) {
		w.send(t, "PATCH", "/v1/nodes/"+id, "latest", body)
		if code := w.send(t, "GET", "/v1/nodes/"+id, "latest", ""); code != 200 {
			t.Errorf("afterwards the node answers %d", code)
		}
	})
}

func FuzzProvision(f *testing.F) {
	seeds(f, "PUT", "/v1/nodes")
	w := newWorkshop(f)
	id := w.node(f, "")
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/states/provision", "/states/power", "/maintenance"} {
			w.send(t, "PUT", "/v1/nodes/"+id+path, "latest", body)
		}
	})
}

// FuzzPath asks for any path, query and version.
func FuzzPath(f *testing.F) {
	lines, err := os.ReadFile("testdata/ironic/conversation.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(lines)) {
		var s step
		if json.Unmarshal([]byte(line), &s) == nil && s.Method == "GET" && !s.Keys {
			f.Add(s.Path, s.Version)
		}
	}
	w := newWorkshop(f)
	w.node(f, `, "name": "alpha"`)
	f.Fuzz(func(t *testing.T, path, version string) {
		for _, method := range []string{"GET", "DELETE"} {
			w.send(t, method, path, version, "")
		}
	})
}
