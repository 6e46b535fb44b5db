package storm

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-boot/usher/internal/testenv"
)

// slowly passes TCP connections on to a server, each of whose answers it
// holds back for a while.
type slowly struct {
	listener net.Listener
	to       string
	delay    atomic.Int64
	all      sync.WaitGroup
	mu       sync.Mutex
	open     map[net.Conn]bool // nil once it has ended
}

func newSlowly(tb testing.TB, to string) *slowly {
	tb.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(testenv.Loopback(20), "0"))
	if err != nil {
		tb.Fatal(err)
	}
	s := &slowly{listener: l, to: to, open: map[net.Conn]bool{}}
	s.all.Go(s.accept)
	tb.Cleanup(func() {
		_ = l.Close()
		s.mu.Lock()
		for c := range s.open {
			_ = c.Close()
		}
		s.open = nil
		s.mu.Unlock()
		s.all.Wait()
	})
	return s
}

func (s *slowly) address() string { return s.listener.Addr().String() }

func (s *slowly) accept() {
	for {
		client, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.all.Go(func() { s.pass(client) })
	}
}

// keep notes a connection so that the end of the test closes it.
func (s *slowly) keep(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		_ = c.Close()
		return false
	}
	s.open[c] = true
	return true
}

func (s *slowly) pass(client net.Conn) {
	if !s.keep(client) {
		return
	}
	server, err := net.Dial("tcp", s.to)
	if err != nil {
		_ = client.Close()
		return
	}
	if !s.keep(server) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { s.copy(server, client, nil) })
	both.Go(func() { s.copy(client, server, &s.delay) })
	both.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, client)
	delete(s.open, server)
}

func (s *slowly) copy(to, from net.Conn, delay *atomic.Int64) {
	defer to.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if delay != nil {
			time.Sleep(time.Duration(delay.Load())) // it is what this is for
		}
		if _, failed := to.Write(buffer[:n]); failed != nil || err != nil {
			_ = from.Close()
			return
		}
	}
}
