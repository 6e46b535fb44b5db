package bootapi

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Limit bounds the connections that are open at the same time. Where there are
// so many, the one that has been idle the longest makes room: iPXE holds its
// connection for 10 s after its last request, and booted machines for good,
// while those beyond the bound wait unanswered in the kernel's queue. Unlike
// netutil's it leaves TCP connections able to send files without copying them
// through this process. sources, where not nil, bounds those of each source.
func Limit(l net.Listener, connections int, sources *Connections) *Limited {
	limited := &Limited{Listener: l, sources: sources, closed: make(chan struct{}),
		slots: make(chan int, connections), holders: make([]atomic.Pointer[held], connections)}
	for slot := range connections {
		limited.slots <- slot
	}
	return limited
}

// Limited is a listener with a bound on its connections.
type Limited struct {
	net.Listener
	sources *Connections
	slots   chan int               // that are free
	holders []atomic.Pointer[held] // of each slot; nil where it is free, or its holder is only coming
	open    atomic.Int64
	closed  chan struct{}

	once      sync.Once // Close
	closeErr  error
	accepting sync.Mutex // held while the kernel is asked for a connection
	late      []net.Conn // see Close
}

// leastIdle is how long a connection must have been idle to be closed for
// another one: longer than a root script takes from one NIC to the next.
const leastIdle = 500 * time.Millisecond

func (l *Limited) Accept() (net.Conn, error) {
	slot, err := l.slot()
	for err == nil {
		var conn net.Conn
		if conn, err = l.next(); err != nil {
			l.slots <- slot
			break
		}
		if conn = l.admit(conn, slot); conn != nil {
			return conn, nil
		}
	}
	l.dropLate() // where it is closed
	return nil, err
}

// slot waits for a free slot.
func (l *Limited) slot() (int, error) {
	for {
		select {
		case slot := <-l.slots:
			return slot, nil
		default:
		}
		select {
		case <-l.closed:
			return 0, net.ErrClosed
		default:
		}
		if l.makeRoom() {
			continue
		}
		timer := time.NewTimer(leastIdle / 4)
		select {
		case slot := <-l.slots:
			timer.Stop()
			return slot, nil
		case <-l.closed:
			timer.Stop()
			return 0, net.ErrClosed
		case <-timer.C: // one may have been idle for long enough by now
		}
	}
}

// makeRoom closes the connection that has been idle the longest. A request
// that comes at this very moment is lost; iPXE then asks again on a new
// connection by itself, as it does whenever a server has closed an idle one.
func (l *Limited) makeRoom() bool {
	var longest *held
	since := time.Now().Add(-leastIdle).UnixNano()
	for i := range l.holders {
		if h := l.holders[i].Load(); h != nil {
			if idle := h.idle.Load(); idle > 0 && idle <= since {
				longest, since = h, idle
			}
		}
	}
	if longest == nil || !longest.idle.CompareAndSwap(since, 0) {
		return false
	}
	_ = longest.close() // the server, which reads from it, closes it again
	return true
}

// admit wraps a connection that has taken a slot, or closes it and gives nil:
// then the slot is still to be had.
func (l *Limited) admit(conn net.Conn, slot int) net.Conn {
	h := &held{l: l, conn: conn, slot: slot}
	h.idle.Store(time.Now().UnixNano()) // until it says something
	if l.sources != nil {
		var v verdict
		switch v, h.from = l.sources.enter(conn); v {
		case unwelcome:
			_ = conn.Close() // it was not let in, so nobody is to hear of it
			return nil
		case welcome, tooManyOpen:
			h.counted, h.over = true, v == tooManyOpen
		}
	}
	l.open.Add(1)
	l.holders[slot].Store(h)
	if tcp, ok := conn.(*net.TCPConn); ok {
		return &limitedTCP{tcp, h}
	}
	return &limitedConn{conn, h}
}

// Open is how many connections are open.
func (l *Limited) Open() int { return int(l.open.Load()) }

// Limit is how many there may be.
func (l *Limited) Limit() int { return cap(l.slots) }

// held is what the listener knows of a connection.
type held struct {
	l       *Limited
	conn    net.Conn
	slot    int
	from    netip.Addr
	counted bool         // among those of its source
	over    bool         // one too many of its source
	idle    atomic.Int64 // since when, in nanoseconds of Unix time; 0 while it is not
	closed  atomic.Bool
}

func (h *held) hold() *held { return h }

func (h *held) close() error {
	err := h.conn.Close()
	if h.closed.Swap(true) {
		return err
	}
	h.l.open.Add(-1)
	h.l.holders[h.slot].Store(nil)
	if h.counted {
		h.l.sources.leave(h.from)
	}
	h.l.slots <- h.slot
	return err
}

type limitedTCP struct {
	*net.TCPConn // with its ReadFrom, which is sendfile
	*held
}

func (c *limitedTCP) Close() error { return c.close() }

type limitedConn struct {
	net.Conn
	*held
}

func (c *limitedConn) Close() error { return c.close() }
