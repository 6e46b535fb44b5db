package testenv

import (
	"context"
	"net"
)

// Pipes is a listener whose connections have the time of a synctest bubble.
type Pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

// NewPipes makes one in the bubble of its caller.
func NewPipes() *Pipes { return &Pipes{make(chan net.Conn), make(chan struct{})} }

// Dial connects to who accepts.
func (p *Pipes) Dial(ctx context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *Pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *Pipes) Close() error   { close(p.done); return nil }
func (p *Pipes) Addr() net.Addr { return &net.UnixAddr{} }
