package bootrpc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/jsonrpc"
)

// longTimeout is for calls that must not end by it, however busy the machine.
const longTimeout = time.Minute

// ready answers by a function.
type ready func(node usher.BootNode, file string) (string, bool)

func (r ready) ReadyBootConfig(_ context.Context, node usher.BootNode, file string) (string, bool) {
	return r(node, file)
}

// ofNode is a conductor whose boot files are their nodes' UUIDs.
var ofNode = ready(func(node usher.BootNode, _ string) (string, bool) { return node.UUID, true })

// door is a server with credentials, as app makes it, that counts how often it
// was asked for a line. All else is JSON-RPC.
type door struct {
	*Server
	opened atomic.Int32
}

func newDoor(conductor Ready) *door {
	plain := func(context.Context, json.RawMessage) (any, error) { return "plain", nil }
	return &door{Server: &Server{Conductor: conductor, Next: jsonrpc.NewServer(jsonrpc.ServerOptions{
		Logger: slog.New(slog.DiscardHandler), Methods: map[string]jsonrpc.Method{Method: plain}})}}
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if user, password, _ := r.BasicAuth(); user != "u" || password != "p" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if r.URL.Path == Path {
		d.opened.Add(1)
	}
	d.Server.ServeHTTP(w, r)
}

// listen serves a handler and returns where, as a conductors.hostname.
func listen(tb testing.TB, h http.Handler) string {
	tb.Helper()
	s := httptest.NewServer(h)
	tb.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// caller is the client that app uses, with the credentials of a door or none.
func caller(tb testing.TB, stranger bool) *jsonrpc.Client {
	tb.Helper()
	o := jsonrpc.ClientOptions{Port: 8089, Username: "u", Password: "p", Timeout: longTimeout}
	if stranger {
		o.Username, o.Password = "", ""
	}
	c, err := jsonrpc.NewClient(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return c
}

// linesTo are lines to a conductor over the network.
func linesTo(tb testing.TB, host string) *lines {
	l := newLines(host, Options{Caller: caller(tb, false)})
	tb.Cleanup(l.close)
	return l
}

func ask(ctx context.Context, l *lines, uuid string) (string, error) {
	raw, err := l.ask(ctx, appendQuestion(make([]byte, frameHead), question{"boot.ipxe", usher.BootNode{UUID: uuid}}))
	if err != nil {
		return "", err
	}
	var got string
	err = readAnswers(raw, 1, func(_ int, config string, _ bool) { got = config })
	return got, err
}

// TestLines: one line serves one question after another, of any size, and as
// many lines as questions are asked at the same time.
func TestLines(t *testing.T) {
	t.Parallel()
	d := newDoor(ofNode)
	l := linesTo(t, listen(t, d))
	for _, size := range []int{0, 1, 5000, 200 << 10} {
		uuid := strings.Repeat("x", size)
		if got, err := ask(t.Context(), l, uuid); got != uuid || err != nil {
			t.Errorf("%d bytes: %d bytes, %v", size, len(got), err)
		}
	}
	if n := d.opened.Load(); n != 1 {
		t.Errorf("%d lines for one question at a time", n)
	}
	var all sync.WaitGroup
	for _, uuid := range []string{"1", "2", "3", "4"} {
		all.Go(func() {
			for range 100 {
				if got, err := ask(t.Context(), l, uuid); got != uuid || err != nil {
					t.Errorf("%q, %v", got, err)
				}
			}
		})
	}
	all.Wait()
	if n := d.opened.Load(); n > 4 {
		t.Errorf("%d lines for 4 questions at a time", n)
	}
}

// TestFailures: what fails is an outage, told once by whoever it failed for:
// the Caller, or the lines. Who does not know lines is asked by the
// specification's words.
func TestFailures(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	good := listen(t, newDoor(ofNode))
	huge := ready(func(usher.BootNode, string) (string, bool) { return strings.Repeat("x", mostBytes-10), true })
	upgraded := func(answer string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_, _ = conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + Protocol + "\r\n\r\n"))
			_, _ = conn.Read(make([]byte, 1<<10))
			_, _ = conn.Write([]byte(answer))
		}
	}
	for _, tc := range []struct {
		name, host string
		node       usher.BootNode
		stranger   bool
		want       string // else an outage
		kind       jsonrpc.Kind
		told       bool // by the lines
	}{
		{name: "another protocol", host: listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("Upgrade", "usher-boot-configs/2")
			newDoor(ofNode).ServeHTTP(w, r)
		})), want: "plain"},
		{name: "JSON-RPC alone", host: listen(t, newDoor(ofNode).Next), want: "plain"},
		{name: "as much as goes", host: listen(t, newDoor(huge)), want: strings.Repeat("x", mostBytes-10)},
		{name: "a broken server", kind: jsonrpc.KindBroken,
			host: listen(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))},
		{name: "a line that ends", host: listen(t, upgraded("")), kind: jsonrpc.KindBroken, told: true},
		{name: "half an answer", host: listen(t, upgraded("\x00\x00\x00\x02x")), kind: jsonrpc.KindBroken, told: true},
		{name: "an answer that is too long", host: listen(t, upgraded("\xff\xff\xff\xff")), kind: jsonrpc.KindBroken, told: true},
		{name: "a question that is too long", host: good, node: usher.BootNode{UUID: string(make([]byte, mostQuestion))}, kind: jsonrpc.KindBroken, told: true},
		{name: "without credentials", host: good, stranger: true, kind: jsonrpc.KindCredentials},
		{name: "nobody there", host: gone.Listener.Addr().String(), kind: jsonrpc.KindUnreachable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var told []error
			c := New(Options{Caller: caller(t, tc.stranger), Timeout: func() time.Duration { return longTimeout },
				Failed: func(host string, err error) {
					if host != tc.host {
						t.Errorf("told of %s", host)
					}
					told = append(told, err)
				}})
			defer c.Close()
			got, err := c.GetBootConfig(t.Context(), tc.host, tc.node, "boot.ipxe")
			if got != tc.want || jsonrpc.KindOf(err) != tc.kind || (err == nil) != (tc.want != "") {
				t.Errorf("%.40q, %v, kind %q", got, err, jsonrpc.KindOf(err))
			}
			if tc.want == "" && !errors.Is(err, usher.ErrUnavailable) {
				t.Errorf("%v is no outage", err)
			}
			if tc.told != (len(told) == 1) || tc.told && !errors.Is(err, told[0]) {
				t.Errorf("told %v", told)
			}
		})
	}
}

// TestAskAgain: a conductor that came back is asked on new lines, once.
func TestAskAgain(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := listener.Addr().String()
	l := linesTo(t, host)
	for life := range 2 {
		if life > 0 {
			if listener, err = net.Listen("tcp", host); err != nil {
				t.Fatal(err)
			}
		}
		d := newDoor(ofNode)
		server := &http.Server{Handler: d}
		served := make(chan struct{})
		go func() {
			defer close(served)
			_ = server.Serve(listener)
		}()
		if got, err := ask(t.Context(), l, "me"); got != "me" || err != nil {
			t.Errorf("life %d: %q, %v", life, got, err)
		}
		if err := errors.Join(server.Shutdown(t.Context()), d.Stop(t.Context())); err != nil {
			t.Error(err)
		}
		<-served
	}
	if _, err := ask(t.Context(), l, "me"); jsonrpc.KindOf(err) != jsonrpc.KindUnreachable {
		t.Errorf("after its end: %v", err)
	}
}

// slow is a conductor that takes its time for a node that is called so.
type slow struct{ asked, answer chan struct{} }

func (s slow) ReadyBootConfig(_ context.Context, node usher.BootNode, _ string) (string, bool) {
	if node.UUID == "slow" {
		close(s.asked)
		<-s.answer
	}
	return node.UUID, true
}

// TestAskGivesUp: who asks waits no longer than its context, and the line is
// not used for the next question, whose answer would be this one's.
func TestAskGivesUp(t *testing.T) {
	t.Parallel()
	s := slow{make(chan struct{}), make(chan struct{})}
	l := linesTo(t, listen(t, newDoor(s)))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-s.asked
		cancel()
	}()
	if _, err := ask(ctx, l, "slow"); !errors.Is(err, context.Canceled) || jsonrpc.KindOf(err) != "" {
		t.Errorf("%v, kind %q", err, jsonrpc.KindOf(err))
	}
	close(s.answer)
	if got, err := ask(t.Context(), l, "two"); got != "two" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// TestAskTimesOut: a conductor that hangs is one that was reached.
func TestAskTimesOut(t *testing.T) {
	t.Parallel()
	s := slow{make(chan struct{}), make(chan struct{})}
	defer close(s.answer)
	l := linesTo(t, listen(t, newDoor(s)))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := ask(ctx, l, "slow")
	reached, ok := errors.AsType[interface {
		error
		Unreached() bool
	}](err)
	if jsonrpc.KindOf(err) != jsonrpc.KindTimeout || !ok || reached.Unreached() {
		t.Errorf("%v, kind %q", err, jsonrpc.KindOf(err))
	}
}

// TestStop: a question that is being answered is answered to its end, and
// lines on which nobody asks do not hold up the stop.
func TestStop(t *testing.T) {
	t.Parallel()
	s := slow{make(chan struct{}), make(chan struct{})}
	d := newDoor(s)
	host := listen(t, d)
	l, other := linesTo(t, host), linesTo(t, host)
	if _, err := ask(t.Context(), other, "quick"); err != nil {
		t.Fatal(err)
	}
	got := make(chan string)
	go func() {
		answer, err := ask(t.Context(), l, "slow")
		if err != nil {
			t.Error(err)
		}
		got <- answer
	}()
	<-s.asked
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Stop(over); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped while a question is being answered: %v", err)
	}
	close(s.answer)
	if answered := <-got; answered != "slow" {
		t.Errorf("answered %q", answered)
	}
	if err := d.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := ask(t.Context(), other, "quick"); jsonrpc.KindOf(err) != jsonrpc.KindBroken {
		t.Errorf("a new line after the stop: %v", err)
	}
}

// counted are connections, each until the server has closed it.
type counted struct {
	net.Listener
	open sync.WaitGroup
}

func (c *counted) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.open.Add(1)
		conn = &countedConn{Conn: conn, closed: sync.OnceFunc(c.open.Done)}
	}
	return conn, err
}

type countedConn struct {
	net.Conn
	closed func()
}

func (c *countedConn) Close() error {
	defer c.closed()
	return c.Conn.Close()
}

// TestClose: a client that is closed leaves no line open.
func TestClose(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(newDoor(ofNode))
	listener := &counted{Listener: server.Listener}
	server.Listener = listener
	server.Start()
	defer server.Close()
	c := New(Options{Caller: caller(t, false), Timeout: func() time.Duration { return longTimeout }})
	if _, err := c.GetBootConfig(t.Context(), listener.Addr().String(), usher.BootNode{UUID: "1"}, "boot.ipxe"); err != nil {
		t.Fatal(err)
	}
	c.Close()
	listener.open.Wait()
}

// BenchmarkLine is one question on a line that is open, with both ends in this
// process: what jsonrpc's BenchmarkCall is without lines.
func BenchmarkLine(b *testing.B) {
	file := string(bytes.Repeat([]byte("x"), 1200))
	l := linesTo(b, listen(b, newDoor(ready(func(usher.BootNode, string) (string, bool) { return file, true }))))
	b.ReportAllocs()
	for b.Loop() {
		if got, err := ask(b.Context(), l, "4d3632b1-b0e4-5430-a3a1-404727e029e8"); err != nil || len(got) != len(file) {
			b.Fatal(err, len(got))
		}
	}
}
