package bootapi_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-boot/usher/internal/bootapi"
)

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

// TestLateNewcomers: whoever has got a connection is answered, also one that
// came while the door closed.
func TestLateNewcomers(t *testing.T) {
	for range 20 {
		var listen net.ListenConfig
		listen.SetMultipathTCP(false)
		inner, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l := bootapi.Limit(inner, 100, nil)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "late") })}
		served := make(chan struct{})
		go func() { defer close(served); _ = server.Serve(l) }()

		var asking sync.WaitGroup
		var answered atomic.Int64
		enough := make(chan struct{})
		for range 8 {
			asking.Go(func() {
				for {
					c, err := net.DialTimeout("tcp", inner.Addr().String(), 100*time.Millisecond)
					if err != nil {
						return // it is closed, or about to be
					}
					fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
					if answer, err := io.ReadAll(c); err != nil || len(answer) == 0 {
						t.Errorf("connected, not answered: %q, %v", answer, err)
					}
					_ = c.Close()
					if answered.Add(1) == 100 {
						close(enough)
					}
				}
			})
		}
		<-enough
		if err := l.Shutdown(t.Context(), server, served); err != nil {
			t.Error(err)
		}
		asking.Wait()
	}
}
