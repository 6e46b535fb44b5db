package bootapi_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-boot/usher/internal/bootapi"
)

// serving is a server on a listener.
type serving struct {
	*bootapi.Limited
	server *http.Server
	served chan struct{}
}

func serveOn(l net.Listener) *serving {
	s := &serving{Limited: bootapi.Limit(l, 100, nil), served: make(chan struct{}),
		server: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "served") })}}
	go func() { defer close(s.served); _ = s.server.Serve(s) }()
	return s
}

func (s *serving) stop(t *testing.T) {
	t.Helper()
	if err := s.Shutdown(t.Context(), s.server, s.served); err != nil {
		t.Error(err)
	}
	if s.Open() != 0 {
		t.Errorf("%d connections are still open", s.Open())
	}
}

// TestHandOver: servers take turns at a socket that outlives them, as a service
// manager hands it over. Nobody is refused, and everybody is answered.
func TestHandOver(t *testing.T) {
	outer, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer outer.Close()
	next := func() *serving {
		file, err := outer.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		l, err := net.FileListener(file)
		if err != nil {
			t.Fatal(err)
		}
		return serveOn(l)
	}
	var asking sync.WaitGroup
	var answered atomic.Int64
	ctx, done := context.WithCancel(t.Context())
	more := make(chan struct{}, 1)
	for range 8 {
		asking.Go(func() {
			for ctx.Err() == nil {
				c, err := net.Dial("tcp", outer.Addr().String())
				if err != nil {
					t.Errorf("refused: %v", err)
					return
				}
				fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
				if answer, err := io.ReadAll(c); err != nil || !strings.HasSuffix(string(answer), "served") {
					t.Errorf("connected, not answered: %q, %v", answer, err)
					return
				}
				_ = c.Close()
				if answered.Add(1)%100 == 0 {
					select {
					case more <- struct{}{}:
					default:
					}
				}
			}
		})
	}
	const generations = 20
	for range generations {
		s := next()
		select {
		case <-more:
		case <-time.After(time.Minute):
			t.Error("nobody is answered")
		}
		s.stop(t)
	}
	last := next()
	done()
	asking.Wait()
	last.stop(t)
}

// TestShutdown: who is connected when the server stops is answered, also when
// its request comes only then.
func TestShutdown(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := serveOn(inner)
	c, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for s.Open() == 0 {
		time.Sleep(time.Millisecond)
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.stop(t)
	}()
	<-s.served // the listener is closed
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if answer, err := io.ReadAll(c); err != nil || !strings.Contains(string(answer), "Connection: close") || !strings.HasSuffix(string(answer), "served") {
		t.Errorf("%q, %v", answer, err)
	}
	<-stopped
}

// TestLate: who was in the kernel's queue when the door closed is answered.
func TestLate(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := bootapi.Limit(inner, 10, nil)
	const waiting = 7
	var conns []net.Conn
	for range waiting { // the kernel accepts them, nobody else does
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		conns = append(conns, c)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "late") })}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	if err := <-served; err == nil {
		t.Error("it served on")
	}
	for i, c := range conns {
		answer := make([]byte, 12)
		if _, err := io.ReadFull(c, answer); err != nil || string(answer) != "HTTP/1.1 200" {
			t.Errorf("connection %d: %q, %v", i, answer, err)
		}
		_ = c.Close()
	}
	if err := server.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if l.Open() != 0 {
		t.Errorf("%d connections are still open", l.Open())
	}
}
