package bootapi_test

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/usher-boot/usher/internal/bootapi"
)

func openRoot(t testing.TB, files map[string]string) *os.Root {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "root")
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

func TestFiles(t *testing.T) {
	root := openRoot(t, map[string]string{"uuid/deploy_kernel": "kernel", "../outside": "secret",
		".images/key": "secret", "uuid/.usher-x": "secret", "ipxe.efi": "MZ", "deep/a/b": "fine"})
	for link, target := range map[string]string{"out": "../outside", "abs": "/etc/passwd", "folder": "uuid", "loop": "loop",
		"snponly.efi": "ipxe.efi", "gone": "nothing"} {
		if err := root.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(root.Name(), "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	address := serve(t, handler(bootapi.NewFiles(root)))
	for path, want := range map[string]string{"/uuid/deploy_kernel": "kernel", "/folder/deploy_kernel": "kernel", "/deep/a/b": "fine",
		"/ipxe.efi": "MZ", "/snponly.efi": "MZ", "/uuid/deploy%5fkernel?x=y": "kernel"} {
		got := get(t, address, path)
		if !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") || !strings.HasSuffix(got, "\r\n\r\n"+want) {
			t.Errorf("%s: %s", path, got)
		}
		if efi := strings.HasSuffix(path, ".efi"); efi != strings.Contains(got, "\r\nContent-Type: application/efi\r\n") {
			t.Errorf("%s: type of\n%s", path, got)
		}
	}
	no := varying.ReplaceAllString(get(t, address, "/none"), "")
	for _, path := range []string{"/out", "/abs", "/loop", "/gone", "/pipe", "/.images/key", "/uuid/.usher-x", "/uuid", "/uuid/", "/deep/a", "/", "/./ipxe.efi", "/deep//a/b",
		"/deep/../ipxe.efi", "/../outside", "/%2e%2e/outside", "/..%2foutside", "/ipxe.efi/", "/ipxe.efi/x", "/ipxe.efi%00",
		"/" + strings.Repeat("x", 4000), "/" + strings.Repeat("x/", 3000) + "y"} {
		if got := varying.ReplaceAllString(get(t, address, path), ""); got != no {
			t.Errorf("%.60s: want the one 404, got\n%s", path, got)
		}
	}
}

func TestConditions(t *testing.T) {
	root := openRoot(t, map[string]string{"kernel": "0123456789"})
	modified := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if err := root.Chtimes("kernel", modified, modified); err != nil {
		t.Fatal(err)
	}
	h := bootapi.NewFiles(root)
	before := modified.Add(-time.Hour).Format(http.TimeFormat)
	for _, c := range []struct {
		name    string
		method  string
		headers map[string]string
		status  int
		body    string
		ranged  string
	}{
		{"whole", "GET", nil, 200, "0123456789", ""},
		{"head", "HEAD", nil, 200, "", ""},
		{"range", "GET", map[string]string{"Range": "bytes=2-4"}, 206, "234", "bytes 2-4/10"},
		{"last bytes", "GET", map[string]string{"Range": "bytes=-3"}, 206, "789", "bytes 7-9/10"},
		{"from", "GET", map[string]string{"Range": "bytes=8-"}, 206, "89", "bytes 8-9/10"},
		{"beyond", "GET", map[string]string{"Range": "bytes=10-"}, 416, "", "bytes */10"},
		{"same", "GET", map[string]string{"If-Modified-Since": modified.Format(http.TimeFormat)}, 304, "", ""},
		{"changed", "GET", map[string]string{"If-Modified-Since": before}, 200, "0123456789", ""},
		{"resumed", "GET", map[string]string{"Range": "bytes=8-", "If-Range": modified.Format(http.TimeFormat)}, 206, "89", "bytes 8-9/10"},
		{"not resumed", "GET", map[string]string{"Range": "bytes=8-", "If-Range": before}, 200, "0123456789", ""},
	} {
		r := httptest.NewRequest(c.method, "/kernel", nil)
		for k, v := range c.headers {
			r.Header.Set(k, v)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status || w.Code != 416 && w.Body.String() != c.body || w.Header().Get("Content-Range") != c.ranged {
			t.Errorf("%s: %d %q %v", c.name, w.Code, w.Body, w.Header())
		}
	}
}

// TestBigFile: a file that is sent passes this process by: its memory does
// not grow, and the connection's own ReadFrom (sendfile) is what sends it.
func TestBigFile(t *testing.T) {
	root := openRoot(t, map[string]string{"small": "x"})
	const size = 256 << 20
	file, err := root.Create("big")
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Truncate(size); err != nil { // a sparse one
		t.Fatal(err)
	}
	file.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	limit := &counting{Listener: bootapi.Limit(l, 10, nil)}
	server := bootapi.NewServer(bootapi.NewFiles(root), slog.New(slog.DiscardHandler))
	go server.Serve(limit)
	defer server.Close()

	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	io.WriteString(conn, "GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	buffer, got := make([]byte, 1<<20), 0
	for {
		n, err := conn.Read(buffer)
		got += n
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if got < size || got > size+1024 {
		t.Errorf("got %d bytes", got)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
		t.Errorf("sending %d bytes allocated %d", size, grown)
	}
	if limit.files == 0 {
		t.Error("the file was copied through this process")
	}
}

// counting notes how often a connection was given a file to send by itself.
type counting struct {
	net.Listener
	files int
}

func (c *counting) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &countingConn{conn, c}, nil
}

type countingConn struct {
	net.Conn
	l *counting
}

func (c *countingConn) ReadFrom(r io.Reader) (int64, error) {
	from, ok := c.Conn.(io.ReaderFrom) // as net/http asks
	if limited, isLimited := r.(*io.LimitedReader); ok && isLimited {
		if _, isFile := limited.R.(*os.File); isFile {
			c.l.files++
		}
	}
	if !ok {
		return io.Copy(struct{ io.Writer }{c.Conn}, r)
	}
	return from.ReadFrom(r)
}

// TestStalled: a client that takes nothing is dropped; one that is only slow
// gets all of a file, though it takes longer than any write may.
func TestStalled(t *testing.T) {
	big := strings.Repeat("x", 4<<20)
	root := openRoot(t, map[string]string{"big": big})
	bubble(t, bootapi.NewFiles(root), func(t *testing.T, client net.Conn) {
		io.WriteString(client, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
		start := time.Now()
		one := make([]byte, 1000)
		io.ReadFull(client, one)
		time.Sleep(5 * time.Minute) // the bubble's time
		rest, _ := io.ReadAll(client)
		if len(rest) > 2<<20 {
			t.Errorf("%d bytes still came after %v", len(rest), time.Since(start))
		}
	})
	bubble(t, bootapi.NewFiles(root), func(t *testing.T, client net.Conn) {
		io.WriteString(client, "GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		start := time.Now()
		var got bytes.Buffer
		for {
			_, err := io.CopyN(&got, client, 256<<10)
			if err != nil {
				break
			}
			time.Sleep(14 * time.Second)
		}
		if got.Len() < len(big) || time.Since(start) < 2*time.Minute {
			t.Errorf("%d of %d bytes after %v", got.Len(), len(big), time.Since(start))
		}
	})
}
