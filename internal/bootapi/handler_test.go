package bootapi_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootapi"
	"github.com/usher-boot/usher/internal/dispatch"
	"github.com/usher-boot/usher/internal/testenv"
)

// site is what a dispatcher meets, decided by the MAC's last octet.
type site struct{}

func (site) BootNodeByMAC(_ context.Context, mac usher.MAC) (usher.BootNode, error) {
	n := usher.BootNode{UUID: fmt.Sprint("node-", mac[5]), ProvisionState: usher.DeployWait}
	switch mac[5] {
	case 2:
		return n, usher.Errorf(usher.ErrNotFound, "no port")
	case 3:
		n.ProvisionState = usher.Active
	case 6:
		return n, usher.Errorf(usher.ErrUnavailable, "database down")
	}
	return n, nil
}

func (site) Owners(context.Context, string, string, string) ([]string, error) {
	return []string{"one"}, nil
}

func (site) GetBootConfig(_ context.Context, _ string, n usher.BootNode, file string) (string, error) {
	switch n.UUID {
	case "node-4":
		return "", usher.Errorf(usher.ErrNotFound, "no file")
	case "node-5":
		return "", usher.Errorf(usher.ErrUnsupported, "unsupported")
	case "node-7":
		return "", usher.Errorf(usher.ErrUnavailable, "stopping").WithClass(dispatch.ClassStopping)
	case "node-8":
		return "", usher.Errorf(usher.ErrUnavailable, "preparing").WithClass(dispatch.ClassNotReady)
	}
	return "#!ipxe\n# " + file + " of " + n.UUID + "\n", nil
}

type refusing struct{}

func (refusing) Decide(context.Context, dispatch.Request) *dispatch.Decision {
	return &dispatch.Decision{Outcome: dispatch.Refused}
}

func handler(files http.Handler) *bootapi.Handler {
	return bootapi.New(bootapi.Options{
		Decider: dispatch.New(dispatch.Options{Nodes: site{}, Rings: site{}, Conductors: site{}, Restrict: true,
			RPCTimeout: time.Second}),
		Observe:    func(context.Context, *dispatch.Decision) {},
		RetryAfter: 3 * time.Second,
		Scripts:    map[string][]byte{"/boot.ipxe": []byte("#!ipxe\nroot\n")},
		Files:      files,
	})
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.Config = bootapi.NewServer(h, slog.New(slog.DiscardHandler))
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// raw sends a request as written and returns all of the answer.
func raw(t testing.TB, address, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Fatalf("%q: %v after %q", request, err, got)
	}
	return string(got)
}

func get(t testing.TB, address, path string) string {
	t.Helper()
	return raw(t, address, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
}

var varying = regexp.MustCompile(`(?m)^(Date|X-Openstack-Request-Id): .*\r\n`)

const mac = "/v1/boot/52-54-00-12-34-0"

func TestAnswers(t *testing.T) {
	address := serve(t, handler(nil))
	const headers = "Cache-Control: no-store\r\nContent-Length: %d\r\nContent-Type: text/plain; charset=utf-8\r\n%sConnection: close\r\n\r\n%s"
	found := "#!ipxe\n# boot.ipxe of node-1\n"
	ok := "HTTP/1.1 200 OK\r\n" + fmt.Sprintf(headers, len(found), "", found)
	no := "HTTP/1.1 404 Not Found\r\n" + fmt.Sprintf(headers, 12, "", "# not found\n")
	notNow := "HTTP/1.1 503 Service Unavailable\r\n" + fmt.Sprintf(headers, 20, "Retry-After: 3\r\n", "# not available now\n")
	for path, want := range map[string]string{
		mac + "1/boot.ipxe":                        ok,
		mac + "1/boot.ipxe?mac=x&y":                ok,
		"/v1/boot/52%3A54%3a00:12:34:01/boot.ipxe": ok,
		"/v1/boot/525400123401/boot%2Eipxe":        ok,
		"/v1/boot/01-52-54-00-12-34-01/boot.ipxe":  ok,
		"/v1/boot/5254.0012.3401/boot.ipxe":        ok,
		mac + "2/boot.ipxe":                        no,
		mac + "3/boot.ipxe":                        no,
		mac + "4/boot.ipxe":                        no,
		mac + "5/boot.ipxe":                        no,
		mac + "6/boot.ipxe":                        notNow,
		mac + "7/boot.ipxe":                        notNow,
		mac + "8/boot.ipxe":                        notNow,
		mac + "1/boot.ipxe/":                       no,
		mac + "1//boot.ipxe":                       no,
		mac + "1%2F/boot.ipxe":                     no,
		mac + "1/..%2Fboot.ipxe":                   no,
		mac + "1/boot.ipxe%00":                     no,
		mac + "1%00/boot.ipxe":                     no,
		mac + "1/BOOT.IPXE":                        no,
		mac + "1/../../../etc/passwd":              no,
		mac + "1/" + strings.Repeat("a", 8<<10):    no,
		"/v1/boot/" + strings.Repeat("%00", 1<<10): no,
		"/v1/boot/xx/boot.ipxe":                    no,
		"/v1/boot/":                                no,
		"/v1/boot":                                 no,
		"//v1/boot/52-54-00-12-34-01/boot.ipxe":    ok, // net/http takes the one for the other
		"//v1/boot/..":                             no,
		"/v1/./boot/52-54-00-12-34-01/boot.ipxe":   no,
		"/v1/boot/../boot/525400123401/boot.ipxe":  no,
		"/":                                      no,
		"/%2e%2e/%2e%2e/etc/passwd":              no,
		"http://elsewhere" + mac + "1/boot.ipxe": ok,
	} {
		got := varying.ReplaceAllString(get(t, address, path), "")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("GET %.80s (-want +got):\n%s", path, diff)
		}
		head := varying.ReplaceAllString(raw(t, address, "HEAD "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), "")
		if bodiless, _, _ := strings.Cut(got, "\r\n\r\n"); head != bodiless+"\r\n\r\n" {
			t.Errorf("HEAD %.80s:\n%s\nGET:\n%s", path, head, got)
		}
	}
	if got := get(t, address, "/boot.ipxe"); !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\n") ||
		!strings.HasSuffix(got, "#!ipxe\nroot\n") {
		t.Errorf("root script: %s", got)
	}
}

func TestMethods(t *testing.T) {
	address := serve(t, handler(nil))
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"} {
		got := raw(t, address, method+" "+mac+"1/boot.ipxe HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc")
		if !strings.HasPrefix(got, "HTTP/1.1 405 ") || !strings.Contains(got, "\r\nAllow: GET, HEAD\r\n") {
			t.Errorf("%s: %s", method, got)
		}
	}
}

func TestRefused(t *testing.T) {
	w := httptest.NewRecorder()
	bootapi.New(bootapi.Options{Decider: refusing{}, Observe: func(context.Context, *dispatch.Decision) {}}).
		ServeHTTP(w, httptest.NewRequest("GET", mac+"1/boot.ipxe", nil))
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "1" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// TestGRUB: GRUB never closes a connection itself, so this side does.
func TestGRUBConnection(t *testing.T) {
	address := serve(t, handler(nil))
	for _, path := range []string{mac + "1/boot.ipxe", mac + "2/boot.ipxe", "/boot.ipxe", "/none"} {
		got := raw(t, address, "GET "+path+" HTTP/1.1\r\nHost: x\r\nUser-Agent: GRUB 2.06\r\n\r\n")
		head, _, _ := strings.Cut(got, "\r\n\r\n")
		if !strings.Contains(head, "\r\nConnection: close") {
			t.Errorf("%s: %s", path, head)
		}
		if lines := strings.Split(head, "\r\n"); strings.HasPrefix(lines[1], "Content-Length") {
			t.Errorf("%s: GRUB stalls on Content-Length as the first header: %s", path, head)
		}
	}
}

func TestRequestIDs(t *testing.T) {
	h := handler(nil)
	ask := func(id string) string {
		r := httptest.NewRequest("GET", mac+"1/boot.ipxe", nil)
		r.Header.Set("X-Openstack-Request-Id", id)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Header().Get("X-Openstack-Request-Id")
	}
	const given = "req-0123abcd-4567-89ab-cdef-0123456789ab"
	if got := ask(given); got != given {
		t.Errorf("%q became %q", given, got)
	}
	if a, b := ask("x\r\nSet-Cookie: y"), ask(""); a == b || !strings.HasPrefix(a, "req-") || len(a) != len(given) {
		t.Errorf("made up: %q, %q", a, b)
	}
}

// bubble serves h to one client over a pipe, in synthetic time.
func bubble(t *testing.T, h http.Handler, talk func(t *testing.T, client net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		l := testenv.NewPipes()
		server := bootapi.NewServer(h, slog.New(slog.DiscardHandler))
		go server.Serve(bootapi.Limit(l, 10, nil))
		client, err := l.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		talk(t, client)
		client.Close()
		server.Close()
	})
}

// TestSlowHeaders: a client that says its request in a trickle is dropped.
func TestSlowHeaders(t *testing.T) {
	bubble(t, handler(nil), func(t *testing.T, client net.Conn) {
		go io.Copy(io.Discard, client)
		start := time.Now()
		for _, c := range []byte("GET /v1/boot/525400123401/boot.ipxe HTTP/1.1\r\nHost: a-very-slow-one\r\n\r\n") {
			if _, err := client.Write([]byte{c}); err != nil {
				break
			}
			time.Sleep(time.Second)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("its connection was held for %v", took)
		}
	})
}

// TestIdle: an idle connection is closed.
func TestIdle(t *testing.T) {
	bubble(t, handler(nil), func(t *testing.T, client net.Conn) {
		io.WriteString(client, "GET /boot.ipxe HTTP/1.1\r\nHost: x\r\n\r\n")
		r := bufio.NewReader(client)
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		start := time.Now()
		if _, err := r.ReadByte(); err != io.EOF || time.Since(start) > 10*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

// TestLimit: connections beyond the bound wait until one is closed.
func TestLimit(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	entered, leave := make(chan struct{}, 3), make(chan struct{})
	server := bootapi.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		<-leave
	}), slog.New(slog.DiscardHandler))
	served := make(chan error)
	go func() { served <- server.Serve(bootapi.Limit(l, 2, nil)) }()
	answers := make(chan string, 3)
	for range 3 {
		go func() {
			conn, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				answers <- err.Error()
				return
			}
			defer conn.Close()
			io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			got, _ := io.ReadAll(conn)
			answers <- string(got)
		}()
	}
	<-entered
	<-entered
	select {
	case <-entered:
		t.Error("a third connection was let in")
	case <-time.After(100 * time.Millisecond):
	}
	close(leave)
	for range 3 {
		if got := <-answers; !strings.HasPrefix(got, "HTTP/1.1 200") {
			t.Errorf("answer %q", got)
		}
	}
	server.Close()
	if err := <-served; err != http.ErrServerClosed {
		t.Error(err)
	}
}

// FuzzPath: whatever stands in the path, the answer is one of the table's and
// nothing panics; what is served is the file that was asked for.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"/v1/boot/52-54-00-12-34-01/boot.ipxe", "/v1/boot/%00/x", "//v1/boot/..", "/boot.ipxe?x", "/.a/kernel", "/%2e%2e/x"} {
		f.Add(s)
	}
	root := openRoot(f, map[string]string{".a/kernel": "secret", "a/kernel": "kernel"})
	h := handler(bootapi.NewFiles(root))
	f.Fuzz(func(t *testing.T, path string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")))
		if err != nil {
			return // the server says 400 before any of us
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		switch w.Code {
		case 200, 404, 405, 503:
		default:
			t.Errorf("%q: status %d", path, w.Code)
		}
		if bytes.Contains(w.Body.Bytes(), []byte("secret")) {
			t.Errorf("%q gave a hidden file", path)
		}
	})
}
