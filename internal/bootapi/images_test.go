package bootapi_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootapi"
)

// imagesOf serves the files of a root as images, by their names as digests,
// and as images of one node.
func imagesOf(root *os.Root, node string) http.Handler {
	notFound := usher.Errorf(usher.ErrNotFound, "none")
	return bootapi.Images(bootapi.ImageOptions{
		Open: func(digest string) (*os.File, error) {
			if strings.HasPrefix(digest, "f") {
				return nil, usher.Errorf(usher.ErrUnavailable, "being fetched again")
			}
			file, err := root.Open(digest)
			if errors.Is(err, os.ErrNotExist) {
				return nil, notFound
			}
			return file, err
		},
		NodeImage: func(_ context.Context, uuid, name string) (string, error) {
			switch {
			case uuid != node:
				return "", notFound
			case name == "deploy_kernel":
				return strings.Repeat("a", 64), nil
			case name == "later":
				return "", usher.Errorf(usher.ErrUnavailable, "not ready")
			}
			return "", usher.Errorf(usher.ErrNotFound, "the node boots none")
		},
		Next: bootapi.NewFiles(root),
	})
}

func TestImages(t *testing.T) {
	const node = "11111111-2222-4333-8444-555555555501"
	digest, lost := strings.Repeat("a", 64), strings.Repeat("f", 64)
	root := openRoot(t, map[string]string{digest: "kernel", "images/vmlinuz": "an operator's", node + "/other": "secret"})
	h := handler(imagesOf(root, node))
	get := func(path string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	const forGood = "public, max-age=31536000, immutable"
	tag := `"` + digest + `"`
	for _, c := range []struct {
		path   string
		header []string
		status int
		body   string
		keep   string
	}{
		{"/images/" + digest + "/deploy_kernel", nil, 200, "kernel", forGood},
		{"//images/" + digest + "/anything", nil, 200, "kernel", forGood},
		{"/images/" + digest + "/deploy_kernel", []string{"Range", "bytes=1-2", "If-Range", tag}, 206, "er", forGood},
		{"/images/" + digest + "/deploy_kernel", []string{"Range", "bytes=1-2", "If-Range", `"other"`}, 200, "kernel", forGood},
		{"/images/" + digest + "/deploy_kernel", []string{"If-None-Match", tag}, 304, "", forGood},
		{"/images/" + lost + "/deploy_kernel", nil, 503, "# not available now\n", "no-store"},
		{"/images/vmlinuz", nil, 200, "an operator's", ""},
		{"/" + node + "/deploy_kernel", nil, 200, "kernel", "no-cache"},
		{"/" + node + "/later", nil, 503, "# not available now\n", "no-store"},
	} {
		w := get(c.path, c.header...)
		if w.Code != c.status || w.Body.String() != c.body || w.Header().Get("Cache-Control") != c.keep {
			t.Errorf("%s %v: %d %q %v", c.path, c.header, w.Code, w.Body, w.Header())
		}
		if c.status == 200 && c.keep != "" && w.Header().Get("ETag") != tag {
			t.Errorf("%s: ETag %q", c.path, w.Header().Get("ETag"))
		}
		if (c.status == 503) != (w.Header().Get("Retry-After") != "") {
			t.Errorf("%s: Retry-After %q", c.path, w.Header().Get("Retry-After"))
		}
	}
	no := get("/none")
	for _, path := range []string{"/images/" + strings.Repeat("b", 64) + "/deploy_kernel", "/images/" + digest, "/images/" + digest + "/",
		"/images/" + digest + "/a/b", "/images/" + digest[1:] + "/deploy_kernel", "/" + node + "/other", "/" + node + "/config",
		"/" + strings.Replace(node, "501", "502", 1) + "/deploy_kernel", "/" + node, "/images/../" + digest} {
		if w := get(path); w.Code != 404 || w.Body.String() != no.Body.String() || w.Header().Get("Cache-Control") != no.Header().Get("Cache-Control") {
			t.Errorf("%s: want the one 404, got %d %q %v", path, w.Code, w.Body, w.Header())
		}
	}
}
