package cluster

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// balancer spreads TCP connections over backends, passing over those that do
// not accept: what HAProxy or a cloud's load balancer does in TCP mode.
type balancer struct {
	listener net.Listener
	backends []string
	turn     atomic.Int64
	wg       sync.WaitGroup
	mu       sync.Mutex
	open     map[net.Conn]bool
}

func newBalancer(tb testing.TB, address string, backends ...string) *balancer {
	tb.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		tb.Fatal(err)
	}
	b := &balancer{listener: l, backends: backends, open: map[net.Conn]bool{}}
	b.wg.Go(b.accept)
	tb.Cleanup(func() {
		_ = l.Close()
		b.mu.Lock()
		for c := range b.open {
			_ = c.Close()
		}
		b.open = nil
		b.mu.Unlock()
		b.wg.Wait()
	})
	return b
}

func (b *balancer) url() string { return "http://" + b.listener.Addr().String() }

func (b *balancer) accept() {
	for {
		client, err := b.listener.Accept()
		if err != nil {
			return
		}
		b.wg.Go(func() { b.pass(client) })
	}
}

// track notes a connection so that the end of the test closes it.
func (b *balancer) track(c net.Conn) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == nil {
		return false
	}
	b.open[c] = true
	return true
}

func (b *balancer) forget(c net.Conn) {
	b.mu.Lock()
	delete(b.open, c)
	b.mu.Unlock()
	_ = c.Close()
}

func (b *balancer) pass(client net.Conn) {
	defer b.forget(client)
	if !b.track(client) {
		return
	}
	first := int(b.turn.Add(1))
	for i := range b.backends {
		backend := b.backends[(first+i)%len(b.backends)]
		server, err := net.DialTimeout("tcp", backend, time.Second)
		if err != nil {
			continue
		}
		defer b.forget(server)
		if !b.track(server) {
			return
		}
		var both sync.WaitGroup
		both.Go(func() { copyHalf(server, client) })
		both.Go(func() { copyHalf(client, server) })
		both.Wait()
		return
	}
}

// copyHalf passes one direction on, and its end.
func copyHalf(to, from net.Conn) {
	if _, err := io.Copy(to, from); err != nil {
		_ = to.Close()
		_ = from.Close()
		return
	}
	_ = to.(*net.TCPConn).CloseWrite()
}
