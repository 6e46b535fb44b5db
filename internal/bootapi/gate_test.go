package bootapi_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-boot/usher/internal/bootapi"
	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/dispatch"
)

// gated is a gate before a handler that answers 200, and what it told.
type gated struct {
	http.Handler
	mu            sync.Mutex
	told, counted []*dispatch.Decision
}

func newGated(o bootapi.GateOptions) *gated {
	g := &gated{}
	add := func(to *[]*dispatch.Decision) func(context.Context, *dispatch.Decision) {
		return func(_ context.Context, d *dispatch.Decision) {
			g.mu.Lock()
			defer g.mu.Unlock()
			*to = append(*to, d)
		}
	}
	o.Observe, o.Count = add(&g.told), add(&g.counted)
	g.Handler = bootapi.Gate(o, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	return g
}

func (g *gated) ask(from, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.RemoteAddr = from
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

// asker asks for a path again and again, without what a whole request costs,
// and says whether it was let in.
func (g *gated) asker(path string) func(from netip.Addr) bool {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	return func(from netip.Addr) bool {
		r.RemoteAddr = netip.AddrPortFrom(from, 1).String()
		w := &nowhere{header: http.Header{}, code: http.StatusOK}
		g.ServeHTTP(w, r)
		return w.code == http.StatusOK
	}
}

func networks(t *testing.T, list ...string) bootapi.Networks {
	t.Helper()
	n, err := bootapi.ParseNetworks(list)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNoGate(t *testing.T) {
	next := http.NewServeMux()
	if got := bootapi.Gate(bootapi.GateOptions{}, next); got != http.Handler(next) {
		t.Errorf("without limits there is something in front: %T", got)
	}
}

func TestAllowedNetworks(t *testing.T) {
	g := newGated(bootapi.GateOptions{Networks: networks(t, "10.1.0.0/16", "192.0.2.7", "fd00:1::/80")})
	for from, want := range map[string]int{
		"10.1.2.3:999": 200, "[::ffff:10.1.2.3]:999": 200, "192.0.2.7:1": 200, "[fd00:1::5%eth0]:1": 200,
		"10.2.0.1:999": 404, "192.0.2.8:1": 404, "[fd00:1::1:0:0:5]:1": 404, "[::ffff:10.2.0.1]:1": 404, "pipe": 404, "": 404,
	} {
		for _, path := range []string{mac + "1/boot.ipxe", "/boot.ipxe", "/uuid/deploy_kernel", "/v1/lookup?addresses=x"} {
			if got := g.ask(from, path, "X-Forwarded-For", "10.1.2.3", "Forwarded", "for=10.1.2.3").Code; got != want {
				t.Errorf("%s from %q: %d, want %d", path, from, got, want)
			}
		}
	}
}

// TestUnlimited: what this process asks itself is let in, and counts for nobody.
func TestUnlimited(t *testing.T) {
	g := newGated(bootapi.GateOptions{Networks: networks(t, "10.0.0.0/8"), Rate: 1, Burst: 1, RetryAfter: time.Second})
	for range 3 {
		r := httptest.NewRequestWithContext(bootapi.Unlimited(t.Context()), http.MethodHead, "/boot.ipxe", nil)
		r.RemoteAddr = "127.0.0.1:0"
		w := httptest.NewRecorder()
		if g.ServeHTTP(w, r); w.Code != http.StatusOK {
			t.Errorf("it is answered %d", w.Code)
		}
	}
	if len(g.told)+len(g.counted) > 0 {
		t.Errorf("told %d, counted %d", len(g.told), len(g.counted))
	}
}

// TestRefusedAlike: who is not let in gets the answer that everybody gets who
// gets nothing, to the byte.
func TestRefusedAlike(t *testing.T) {
	nobody := func(context.Context, *dispatch.Decision) {}
	door := bootapi.Gate(bootapi.GateOptions{Networks: networks(t, "10.0.0.0/8"), Observe: nobody, Count: nobody}, handler(nil))
	shut, open := serve(t, door), serve(t, handler(nil))
	for _, path := range []string{mac + "2/boot.ipxe", "//v1/boot/xx/boot.ipxe", "/none", "/v1/bootx"} {
		for _, request := range []string{"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HEAD %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
			"GET %s HTTP/1.1\r\nHost: x\r\nUser-Agent: GRUB 2.06\r\n\r\n"} {
			request = fmt.Sprintf(request, path)
			got, want := raw(t, shut, request), raw(t, open, request)
			blank := func(s string) string { return varying.ReplaceAllString(s, "$1\n") }
			if blank(got) != blank(want) {
				t.Errorf("%q:\n%s\nwant\n%s", request, got, want)
			}
		}
	}
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGated(bootapi.GateOptions{Rate: 2, Burst: 4, RetryAfter: 3 * time.Second, Static: bootiface.StaticNames{}.Parse})
		served := func(n int, from string) (ok int) {
			for range n {
				w := g.ask(from, mac+"1/boot.ipxe")
				switch w.Code {
				case 200:
					ok++
				case 429:
					if w.Header().Get("Retry-After") != "3" || w.Header().Get("Cache-Control") == "" || !strings.HasPrefix(w.Body.String(), "#") {
						t.Fatalf("refused with %v %q", w.Header(), w.Body)
					}
				default:
					t.Fatalf("status %d", w.Code)
				}
			}
			return ok
		}
		check := func(what string, n int, from string, want int) {
			t.Helper()
			if got := served(n, from); got != want {
				t.Errorf("%s: %d of %d served, want %d", what, got, n, want)
			}
		}
		check("burst", 10, "10.0.0.1:1", 4)
		check("another port", 10, "10.0.0.1:2", 0)
		check("written as IPv6", 10, "[::ffff:10.0.0.1]:2", 0)
		check("another source", 10, "10.0.0.2:1", 4)
		check("a /64", 2, "[fd00::1]:1", 2)
		check("the same /64", 10, "[fd00::ffff:2]:1", 2)
		check("another /64", 10, "[fd00:0:0:1::1]:1", 4)
		time.Sleep(time.Second)
		check("a second later", 10, "10.0.0.1:1", 2)
		time.Sleep(time.Hour)
		check("after a pause", 10, "10.0.0.1:1", 4)
		for _, path := range []string{"/boot.ipxe", "/uuid/deploy_ramdisk", "/v1x"} {
			for range 100 {
				if got := g.ask("10.0.0.1:1", path).Code; got != 200 {
					t.Fatalf("%s is not to be counted: %d", path, got)
				}
			}
		}
		for _, path := range []string{"//v1/boot/x/y", "/v1/lookup", "/v1/heartbeat/uuid", "//pxelinux.cfg/52-54-00-12-34-01"} {
			if got := g.ask("10.0.0.1:1", path).Code; got != 429 {
				t.Errorf("%s is to be counted: %d", path, got)
			}
		}
	})
}

// TestAddressFlood: no number of other addresses makes the door forget a
// source that has used up what it may, and each gets no more than that.
func TestAddressFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGated(bootapi.GateOptions{Rate: 1, Burst: 2})
		ask := g.asker(mac + "1/boot.ipxe")
		greedy := func() bool { return ask(netip.AddrFrom4([4]byte{10, 9, 9, 9})) }
		if burst := []bool{greedy(), greedy(), greedy()}; !slices.Equal(burst, []bool{true, true, false}) {
			t.Fatal("the burst is not 2:", burst)
		}
		first := 0
		const others = 200_000
		for i := range others {
			if ask(netip.AddrFrom4([4]byte{172, byte(i >> 16), byte(i >> 8), byte(i)})) {
				first++
			}
			if i%1000 == 0 && greedy() {
				t.Fatalf("forgotten after %d other addresses", i)
			}
		}
		t.Logf("%d of %d sources within the same second had their first request answered", first, others)
		time.Sleep(time.Hour)
		if !greedy() {
			t.Error("still refused after an hour")
		}
	})
}

// TestManySources: as many machines as a large site has, all at once, hardly
// disturb each other.
func TestManySources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGated(bootapi.GateOptions{Rate: 10, Burst: 32})
		const machines, each = 10_000, 8
		ask := g.asker(mac + "1/boot.ipxe")
		for range each {
			for i := range machines {
				ask(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
			}
		}
		if n := len(g.told) + len(g.counted); n > machines*each/1000 {
			t.Errorf("%d of %d requests within the limit were refused", n, machines*each)
		}
	})
}

// TestToldOnce: a flood makes one log line of a source a minute, and is
// counted whole.
func TestToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGated(bootapi.GateOptions{Networks: networks(t, "10.0.0.0/8")})
		for range 3 {
			for range 1000 {
				g.ask("192.0.2.1:1", mac+"1/boot.ipxe", "X-Openstack-Request-Id", "req-0123abcd-4567-89ab-cdef-0123456789ab")
			}
			g.ask("192.0.2.2:1", "/kernel")
			time.Sleep(time.Minute)
		}
		if len(g.told) != 6 || len(g.counted) != 3*999 {
			t.Errorf("told %d, counted %d", len(g.told), len(g.counted))
		}
		for i := range 1000 { // a flood of addresses
			g.ask(fmt.Sprintf("192.0.%d.%d:1", i/250, i%250+5), "/kernel")
		}
		if more := len(g.told) - 6; more != 10 {
			t.Errorf("told of %d more at once", more)
		}
		first, second := g.told[0], g.told[1]
		if first.Outcome != dispatch.No || first.Cause != dispatch.CauseNotAllowed || first.Remote != "192.0.2.1" || first.Err == nil ||
			first.AskedMAC != "52-54-00-12-34-01" || first.MAC.String() != "52:54:00:12:34:01" || first.File != "boot.ipxe" ||
			first.RequestID != "req-0123abcd-4567-89ab-cdef-0123456789ab" {
			t.Errorf("boot file: %+v", first)
		}
		if second.AskedMAC != "" || second.File != "/kernel" {
			t.Errorf("other file: %+v", second)
		}
	})
}

// TestConnectionsPerSource: a source's connections beyond the bound are told
// to come again, those beyond twice the bound are closed, and others' are not
// touched.
func TestConnectionsPerSource(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	connections := &bootapi.Connections{}
	g := newGated(bootapi.GateOptions{Connections: true, RetryAfter: time.Second})
	server := bootapi.NewServer(g, slog.New(slog.DiscardHandler))
	served := make(chan error)
	go func() { served <- server.Serve(bootapi.Limit(listener, 100, connections)) }()
	// ask asks on a new connection, which stays open; 0 says that it was closed.
	ask := func(from string) (net.Conn, int) {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		conn, err := dialer.DialContext(t.Context(), "tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		_, _ = io.WriteString(conn, "GET /boot.ipxe HTTP/1.1\r\nHost: x\r\n\r\n")
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			return conn, 0
		}
		if again := response.StatusCode == 429; again != response.Close || again != (response.Header.Get("Retry-After") == "1") {
			t.Errorf("%d: closes %v, Retry-After %q", response.StatusCode, response.Close, response.Header.Get("Retry-After"))
		}
		return conn, response.StatusCode
	}
	if _, got := ask("127.0.0.1"); got != 200 {
		t.Fatalf("without a bound: %d", got) // and not counted
	}
	connections.Bound(2)
	first, got := ask("127.0.0.1")
	_, second := ask("127.0.0.1")
	if got != 200 || second != 200 {
		t.Fatalf("within the bound: %d, %d", got, second)
	}
	if _, got := ask("127.0.0.1"); got != 429 {
		t.Errorf("the third: %d", got)
	}
	if _, got := ask("127.0.0.2"); got != 200 {
		t.Errorf("another source: %d", got)
	}
	silent := make([]net.Conn, 10) // they say nothing, so they stay
	for i := range silent {
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		silent[i] = conn
	}
	if _, got := ask("127.0.0.1"); got != 0 {
		t.Errorf("beyond twice the bound: %d", got)
	}
	for _, conn := range append(silent, first) {
		conn.Close()
	}
	// The server notices in its own time that they are gone.
	for deadline := time.Now().Add(10 * time.Second); ; {
		_, got := ask("127.0.0.1")
		if got == 200 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("after they were closed: %d", got)
		}
	}
	server.Close()
	if err := <-served; err != http.ErrServerClosed {
		t.Error(err)
	}
}

func BenchmarkGate(b *testing.B) {
	for name, o := range map[string]bootapi.GateOptions{
		"off": {}, "networks": {Networks: bootapi.Networks{netip.MustParsePrefix("10.0.0.0/8")}}, "rate": {Rate: 1e6, Burst: 1e6},
	} {
		b.Run(name, func(b *testing.B) {
			h := bootapi.Gate(o, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			r := httptest.NewRequest(http.MethodGet, mac+"1/boot.ipxe", nil)
			r.RemoteAddr = "10.1.2.3:456"
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(nil, r)
			}
		})
	}
}

// TestRoomForMore: where there are as many connections as there may be, the
// one that has been idle the longest makes room for another, and one that is
// being answered never does.
func TestRoomForMore(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	slow := make(chan struct{})
	server := bootapi.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-slow
		}
	}), slog.New(slog.DiscardHandler))
	served := make(chan error)
	limited := bootapi.Limit(l, 3, nil)
	go func() { served <- server.Serve(limited) }()
	open := func(path string) (net.Conn, *bufio.Reader) {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		_, _ = io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
		return conn, bufio.NewReader(conn)
	}
	answered := func(r *bufio.Reader) {
		t.Helper()
		if response, err := http.ReadResponse(r, nil); err != nil || response.StatusCode != 200 {
			t.Errorf("%+v, %v", response, err)
		}
	}
	_, busy := open("/slow")
	_, first := open("/1")
	answered(first)
	for i := range 3 { // each finds two idle ones, the first of which goes
		_, next := open("/next")
		answered(next)
		if i == 0 {
			if _, err := first.ReadByte(); err != io.EOF {
				t.Errorf("the one that was idle the longest: %v", err)
			}
		}
	}
	if limited.Open() > 3 {
		t.Errorf("%d connections are open", limited.Open())
	}
	close(slow)
	answered(busy)
	server.Close()
	if err := <-served; err != http.ErrServerClosed {
		t.Error(err)
	}
}

// TestConnectionsPerSourceTLS: over TLS too a connection that is too many is
// told so.
func TestConnectionsPerSourceTLS(t *testing.T) {
	connections := &bootapi.Connections{}
	connections.Bound(1)
	server := httptest.NewUnstartedServer(nil)
	server.Config = bootapi.NewServer(newGated(bootapi.GateOptions{Connections: true}), slog.New(slog.DiscardHandler))
	server.Listener = bootapi.Limit(server.Listener, 10, connections)
	server.StartTLS()
	defer server.Close()
	for i, want := range []int{200, 429} {
		client := server.Client()
		transport := client.Transport.(*http.Transport).Clone() // connections of its own
		defer transport.CloseIdleConnections()
		response, err := (&http.Client{Transport: transport}).Get(server.URL + "/boot.ipxe")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("connection %d: %d, want %d", i+1, response.StatusCode, want)
		}
	}
}
