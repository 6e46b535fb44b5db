package jsonrpc_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/jsonrpc"
)

// talk is a server that answers questions by the protocol "test/1" at /talk,
// and counts how often it was asked to.
type talk struct {
	*jsonrpc.Lines
	opened atomic.Int32
}

func newTalk(answer func(ctx context.Context, question, room []byte) ([]byte, error)) *talk {
	return &talk{Lines: &jsonrpc.Lines{Path: "/talk", Protocol: "test/1", Most: 1 << 20, Answer: answer,
		Next: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })}}
}

func (s *talk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.opened.Add(1)
	if user, password, _ := r.BasicAuth(); user != "u" || password != "p" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	s.Lines.ServeHTTP(w, r)
}

func echo(_ context.Context, question, room []byte) ([]byte, error) {
	return append(append(room, question...), " too"...), nil
}

func asker(t *testing.T) *jsonrpc.Client {
	return newClient(t, jsonrpc.ClientOptions{Port: 8089, Username: "u", Password: "p", Timeout: longTimeout})
}

// TestAsk: one line serves one question after another, of any size, and as
// many lines as questions are asked at the same time.
func TestAsk(t *testing.T) {
	t.Parallel()
	s := newTalk(echo)
	host, c := serve(t, s.ServeHTTP), asker(t)
	for _, size := range []int{0, 1, 5000, 1 << 20} {
		question := bytes.Repeat([]byte("x"), size)
		got, err := c.Ask(t.Context(), host, "/talk", "test/1", question)
		if want := string(question) + " too"; string(got) != want || err != nil {
			t.Errorf("%d bytes: %d bytes, %v", size, len(got), err)
		}
	}
	if n := s.opened.Load(); n != 1 {
		t.Errorf("%d lines for one question at a time", n)
	}
	var all sync.WaitGroup
	for i := range byte(4) {
		all.Go(func() {
			for range 100 {
				if got, err := c.Ask(t.Context(), host, "/talk", "test/1", []byte{i}); err != nil || string(got) != string([]byte{i})+" too" {
					t.Errorf("%q, %v", got, err)
				}
			}
		})
	}
	all.Wait()
	if n := s.opened.Load(); n > 4 {
		t.Errorf("%d lines for 4 questions at a time", n)
	}
}

func TestAskFailures(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	refused := gone.Listener.Addr().String()
	good := serve(t, newTalk(echo).ServeHTTP)
	for _, tc := range []struct {
		name, host, path, protocol string
		question                   []byte
		stranger                   bool
		kind                       jsonrpc.Kind
		unknown                    bool
	}{
		{name: "another protocol", host: good, path: "/talk", protocol: "test/2", unknown: true},
		{name: "another path", host: good, path: "/", protocol: "test/1", unknown: true},
		{name: "a server of JSON-RPC alone", path: "/talk", protocol: "test/1", unknown: true,
			host: serve(t, jsonrpc.NewServer(jsonrpc.ServerOptions{Logger: slog.New(slog.DiscardHandler)}).ServeHTTP)},
		{name: "a broken server", path: "/talk", protocol: "test/1", kind: jsonrpc.KindBroken,
			host: serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })},
		{name: "an answer that fails", path: "/talk", protocol: "test/1", kind: jsonrpc.KindBroken,
			host: serve(t, newTalk(func(context.Context, []byte, []byte) ([]byte, error) { return nil, broken }).ServeHTTP)},
		{name: "an answer that is too long", path: "/talk", protocol: "test/1", kind: jsonrpc.KindBroken,
			host: serve(t, newTalk(func(context.Context, []byte, []byte) ([]byte, error) { return make([]byte, 5<<20), nil }).ServeHTTP)},
		{name: "a question that is too long", host: good, path: "/talk", protocol: "test/1", question: make([]byte, 1<<20+1), kind: jsonrpc.KindBroken},
		{name: "without credentials", host: good, path: "/talk", protocol: "test/1", stranger: true, kind: jsonrpc.KindCredentials},
		{name: "nobody there", host: refused, path: "/talk", protocol: "test/1", kind: jsonrpc.KindUnreachable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := asker(t)
			if tc.stranger {
				c = newClient(t, jsonrpc.ClientOptions{Port: 8089, Timeout: longTimeout})
			}
			_, err := c.Ask(t.Context(), tc.host, tc.path, tc.protocol, tc.question)
			remote, answered := errors.AsType[*jsonrpc.RemoteError](err)
			if (answered && remote.UnknownMethod()) != tc.unknown || jsonrpc.KindOf(err) != tc.kind {
				t.Errorf("%v, kind %q", err, jsonrpc.KindOf(err))
			}
			if !tc.unknown && !errors.Is(err, usher.ErrUnavailable) {
				t.Errorf("%v is no outage", err)
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
	host, c := listener.Addr().String(), asker(t)
	for life := range 2 {
		if life > 0 {
			if listener, err = net.Listen("tcp", host); err != nil {
				t.Fatal(err)
			}
		}
		s := newTalk(echo)
		server := &http.Server{Handler: s}
		served := make(chan struct{})
		go func() {
			defer close(served)
			_ = server.Serve(listener)
		}()
		if got, err := c.Ask(t.Context(), host, "/talk", "test/1", []byte("me")); string(got) != "me too" || err != nil {
			t.Errorf("life %d: %q, %v", life, got, err)
		}
		if err := errors.Join(server.Shutdown(t.Context()), s.Stop(t.Context())); err != nil {
			t.Error(err)
		}
		<-served
	}
	if _, err := c.Ask(t.Context(), host, "/talk", "test/1", nil); jsonrpc.KindOf(err) != jsonrpc.KindUnreachable {
		t.Errorf("after its end: %v", err)
	}
}

// TestAskGivesUp: who asks waits no longer than its context, and the line is
// not used for the next question, whose answer would be this one's.
func TestAskGivesUp(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}), make(chan struct{})
	first := true
	s := newTalk(func(_ context.Context, question, room []byte) ([]byte, error) {
		if first {
			first = false
			close(asked)
			<-answer
		}
		return append(room, question...), nil
	})
	host, c := serve(t, s.ServeHTTP), asker(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	if _, err := c.Ask(ctx, host, "/talk", "test/1", []byte("one")); !errors.Is(err, context.Canceled) || jsonrpc.KindOf(err) != "" {
		t.Errorf("%v, kind %q", err, jsonrpc.KindOf(err))
	}
	close(answer)
	if got, err := c.Ask(t.Context(), host, "/talk", "test/1", []byte("two")); string(got) != "two" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// TestStop: a question that is being answered is answered to its end, and
// lines on which nobody asks do not hold up the stop.
func TestStop(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}), make(chan struct{})
	s := newTalk(func(_ context.Context, question, room []byte) ([]byte, error) {
		if string(question) == "slow" {
			close(asked)
			<-answer
		}
		return append(room, question...), nil
	})
	host, c, other := serve(t, s.ServeHTTP), asker(t), asker(t)
	if _, err := other.Ask(t.Context(), host, "/talk", "test/1", nil); err != nil {
		t.Fatal(err)
	}
	got := make(chan string)
	go func() {
		raw, err := c.Ask(t.Context(), host, "/talk", "test/1", []byte("slow"))
		if err != nil {
			t.Error(err)
		}
		got <- string(raw)
	}()
	<-asked
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Stop(over); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped while a question is being answered: %v", err)
	}
	close(answer)
	if answered := <-got; answered != "slow" {
		t.Errorf("answered %q", answered)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := other.Ask(t.Context(), host, "/talk", "test/1", nil); jsonrpc.KindOf(err) != jsonrpc.KindBroken {
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
	server := httptest.NewUnstartedServer(newTalk(echo))
	listener := &counted{Listener: server.Listener}
	server.Listener = listener
	server.Start()
	defer server.Close()
	c := asker(t)
	for range 2 { // it may be used again, by lines that end with each question
		if _, err := c.Ask(t.Context(), listener.Addr().String(), "/talk", "test/1", nil); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	listener.open.Wait()
}
