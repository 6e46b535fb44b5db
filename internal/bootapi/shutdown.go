package bootapi

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// silence is how long a connection may be open before its request comes.
const silence = 2 * time.Second

// Shutdown ends a server that serves the listener, in good order: whoever is
// connected is answered. http.Server's own Shutdown hangs up on those whose
// request it reads after its beginning, so it comes last here. served is
// closed when the server's Serve has returned.
func (l *Limited) Shutdown(ctx context.Context, server *http.Server, served <-chan struct{}) error {
	server.SetKeepAlivesEnabled(false) // idle connections end now, the others with their next answer
	err := l.Close()
	select {
	case <-served: // those in the queue are being answered
	case <-ctx.Done():
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(silence); err == nil && l.Open() > 0 && time.Now().Before(end) && ctx.Err() == nil; {
		<-tick.C
	}
	return errors.Join(err, server.Shutdown(ctx))
}

// Close accepts no more connections than those that the kernel holds ready,
// which it would reset with the listener. One that becomes ready within the
// microseconds after that is reset, unless a service manager keeps the socket.
func (l *Limited) Close() error {
	l.once.Do(func() {
		if tcp, ok := l.Listener.(*net.TCPListener); ok {
			_ = tcp.SetDeadline(time.Unix(1, 0)) // the past: nobody waits in next any more
			l.accepting.Lock()
			defer l.accepting.Unlock()
			l.late = queued(tcp)
		}
		close(l.closed)
		l.closeErr = l.Listener.Close()
	})
	return l.closeErr
}

// next is the next connection from the kernel, or after Close of the late ones.
func (l *Limited) next() (net.Conn, error) {
	for {
		conn, err := l.nextOnce()
		if !errors.Is(err, os.ErrDeadlineExceeded) { // else Close is at work
			return conn, err
		}
	}
}

func (l *Limited) nextOnce() (net.Conn, error) {
	l.accepting.Lock()
	defer l.accepting.Unlock()
	select {
	case <-l.closed:
	default:
		return l.Listener.Accept()
	}
	if len(l.late) == 0 {
		return nil, net.ErrClosed
	}
	conn := l.late[0]
	l.late = l.late[1:]
	return conn, nil
}

// dropLate hangs up on the late ones, for whom there is no room.
func (l *Limited) dropLate() {
	l.accepting.Lock()
	defer l.accepting.Unlock()
	for _, conn := range l.late {
		_ = conn.Close()
	}
	l.late = nil
}

// mostLate is more than a queue holds of a service that keeps up.
const mostLate = 256

// queued returns the connections that the kernel holds ready.
func queued(listener *net.TCPListener) (conns []net.Conn) {
	raw, err := listener.SyscallConn()
	if err != nil {
		return nil
	}
	_ = raw.Control(func(fd uintptr) {
		for len(conns) < mostLate {
			accepted, _, err := unix.Accept4(int(fd), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
			if err != nil { // there is none any more
				return
			}
			file := os.NewFile(uintptr(accepted), "")
			if conn, err := net.FileConn(file); err == nil {
				conns = append(conns, conn)
			}
			_ = file.Close()
		}
	})
	return conns
}
