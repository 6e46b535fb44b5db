package bootapi

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usher-boot/usher"
)

// Connections bounds how many connections of one source are open, over all
// listeners that it has made. A connection beyond the bound is let in to be
// told 429 with Retry-After, after which iPXE asks again, where a closed one
// would send it on to its next NIC; as many as the bound may be in that state,
// and those beyond are closed unanswered. So one source holds no more than
// twice the bound of all connections that there may be.
type Connections struct {
	bound   atomic.Int64 // 0: no bound, and nothing is counted
	refused atomic.Uint64

	mu   sync.Mutex
	open map[netip.Addr]int
}

// Refused is how many connections were beyond the bound, told so or closed.
func (c *Connections) Refused() uint64 { return c.refused.Load() }

// Bound sets the bound, 0 for none. It holds for connections made from now on.
func (c *Connections) Bound(n int) { c.bound.Store(int64(n)) }

// verdict on a new connection.
type verdict int

const (
	uncounted verdict = iota // there is no bound
	welcome
	tooManyOpen // to be told so
	unwelcome   // to be closed
)

func (c *Connections) enter(conn net.Conn) (verdict, netip.Addr) {
	bound := int(c.bound.Load())
	if bound == 0 {
		return uncounted, netip.Addr{}
	}
	tcp, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return uncounted, netip.Addr{}
	}
	from := usher.Source(tcp.AddrPort().Addr())
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.open[from]
	if n >= bound {
		c.refused.Add(1)
	}
	if n >= 2*bound {
		return unwelcome, from
	}
	if c.open == nil {
		c.open = map[netip.Addr]int{}
	}
	c.open[from] = n + 1
	if n >= bound {
		return tooManyOpen, from
	}
	return welcome, from
}

func (c *Connections) leave(from netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open[from]--; c.open[from] <= 0 {
		delete(c.open, from)
	}
}

// holding gives what the listener knows of a server's connection, or nil.
func holding(conn net.Conn) *held {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if c, ok := conn.(interface{ hold() *held }); ok {
		return c.hold()
	}
	return nil
}

// TrackIdle is http.Server's ConnState for the connections of a Limited: it
// notes since when each is idle.
func TrackIdle(conn net.Conn, state http.ConnState) {
	if h := holding(conn); h != nil {
		switch state {
		case http.StateIdle:
			h.idle.Store(time.Now().UnixNano())
		case http.StateActive:
			h.idle.Store(0)
		}
	}
}

type tooManyKey struct{}

// mark is http.Server's ConnContext: it marks the requests of a connection
// that was too many.
func mark(ctx context.Context, conn net.Conn) context.Context {
	if h := holding(conn); h != nil && h.over {
		return context.WithValue(ctx, tooManyKey{}, true)
	}
	return ctx
}

// tooMany says whether a request came on such a connection.
func tooMany(ctx context.Context) bool { return ctx.Value(tooManyKey{}) != nil }
