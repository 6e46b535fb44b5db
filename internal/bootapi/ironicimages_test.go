package bootapi_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootapi"
)

// granter lets a machine have what it lists, as "node root name", from the
// folder or with the error beside it.
type granter map[string]any

func (g granter) ImageFolder(_ context.Context, node, root, name string) (string, error) {
	switch given := g[node+" "+root+" "+name].(type) {
	case string:
		return given, nil
	case error:
		return "", given
	}
	return "", usher.Errorf(usher.ErrNotFound, "not named")
}

func TestIronicImages(t *testing.T) {
	root := openRoot(t, map[string]string{"u/deploy_kernel": "kernel", "u/config": "secret", "other": "secret", "a b%/ü": "odd"})
	tftp := root.Name()
	if err := errors.Join(root.Symlink("u/config", "boot"), root.Symlink("/etc/passwd", "out"), root.Symlink("u/deploy_kernel", "kernel"),
		syscall.Mkfifo(filepath.Join(tftp, "pipe"), 0o644), root.Symlink("loop", "loop")); err != nil {
		t.Fatal(err)
	}
	g := granter{
		"n tftp_root u/deploy_kernel": tftp, "n tftp_root u/config": tftp, "n tftp_root boot": tftp, "n tftp_root out": tftp, "n tftp_root kernel": tftp,
		"n tftp_root pipe": tftp, "n tftp_root loop": tftp, "n tftp_root gone": tftp, "n tftp_root a b%/ü": tftp, "n tftp_root u": tftp,
		"n http_root k":  filepath.Join(tftp, "no such folder"),
		"n http_root db": usher.Errorf(usher.ErrUnavailable, "database down"), "n http_root bug": errors.New("bug"),
	}
	var log bytes.Buffer
	h := bootapi.NewIronicImages(bootapi.IronicImagesOptions{Granter: g, RetryAfter: 3 * time.Second, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	address := serve(t, h)
	for _, c := range []struct {
		path, status, body, says string
	}{
		{"/n/tftp_root/u/deploy_kernel", "200 OK", "kernel", "outcome=served"},
		{"//n/tftp_root/u/deploy_kernel", "200 OK", "kernel", ""},
		{"/n/tftp_root/kernel", "200 OK", "kernel", ""},
		{"/n/tftp_root/a%20b%25/%C3%BC", "200 OK", "odd", ""},
		{"/n/tftp_root/other", "404 Not Found", "# not found\n", "outcome=no error=\"not named\""},
		{"/m/tftp_root/u/deploy_kernel", "404 Not Found", "# not found\n", ""},
		{"/n/http_root/u/deploy_kernel", "404 Not Found", "# not found\n", ""},
		{"/n/tftp_root/../tftp_root/u/deploy_kernel", "404 Not Found", "# not found\n", ""},
		{"/n/tftp_root/u/config", "404 Not Found", "# not found\n", "is no image"},
		{"/n/tftp_root/boot", "404 Not Found", "# not found\n", ""},
		{"/n/tftp_root/gone", "404 Not Found", "# not found\n", "no such file"},
		{"/n/tftp_root", "404 Not Found", "# not found\n", ""},
		{"/n", "404 Not Found", "# not found\n", ""},
		{"/", "404 Not Found", "# not found\n", ""},
		{"/n/tftp_root/out", "503 Service Unavailable", "# not available now\n", "escapes"},
		{"/n/tftp_root/loop", "404 Not Found", "# not found\n", ""},
		{"/n/tftp_root/pipe", "503 Service Unavailable", "# not available now\n", "not a regular file"},
		{"/n/tftp_root/u", "503 Service Unavailable", "# not available now\n", "not a regular file"},
		{"/n/http_root/k", "503 Service Unavailable", "# not available now\n", "no such file"},
		{"/n/http_root/db", "503 Service Unavailable", "# not available now\n", "database down"},
		{"/n/http_root/bug", "503 Service Unavailable", "# not available now\n", "bug"},
	} {
		log.Reset()
		got := get(t, address, c.path)
		if !strings.HasPrefix(got, "HTTP/1.1 "+c.status+"\r\n") || !strings.HasSuffix(got, "\r\n\r\n"+c.body) {
			t.Errorf("%s: %s", c.path, got)
		}
		if unavailable := strings.HasPrefix(c.status, "503"); unavailable != strings.Contains(got, "\r\nRetry-After: 3\r\n") {
			t.Errorf("%s: Retry-After of\n%s", c.path, got)
		}
		// GRUB stalls where an error's first header is its length.
		if !strings.HasPrefix(c.status, "200") && !strings.Contains(got, "\r\nCache-Control: no-store\r\nContent-Length") {
			t.Errorf("%s: headers of\n%s", c.path, got)
		}
		if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), c.says) {
			t.Errorf("%s: the log says %q, want %q", c.path, log.String(), c.says)
		}
	}
	if got := raw(t, address, "HEAD /n/tftp_root/kernel HTTP/1.1\r\nHost: x\r\nUser-Agent: GRUB 2.12\r\n\r\n"); !strings.HasSuffix(got, "\r\n\r\n") ||
		!strings.Contains(got, "Content-Length: 6\r\n") || !strings.Contains(got, "Connection: close\r\n") {
		t.Errorf("HEAD: %s", got)
	}
	if got := raw(t, address, "GET /n/tftp_root/kernel HTTP/1.1\r\nHost: x\r\nRange: bytes=2-3\r\nConnection: close\r\n\r\n"); !strings.HasSuffix(got, "\r\n\r\nrn") {
		t.Errorf("Range: %s", got)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/n/tftp_root/kernel", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %v", w.Code, w.Header())
	}
}
