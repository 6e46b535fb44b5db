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

// The kernel resets whoever waits in the queue of a listener that is closed,
// machines whose request it has acknowledged among them. So a door that closes
// takes no newcomers, lets those who are shaking hands end that, and takes
// over the queue.
const (
	// mostLate is more than a queue holds of a service that keeps up.
	mostLate = 256
	// handshake is longer than a packet takes to a machine and back.
	handshake = 20 * time.Millisecond
	// silence is how long a connection may be open before its request comes.
	silence = 500 * time.Millisecond
)

// Shutdown ends a server that serves the listener, in good order: whoever has
// got a connection is answered. http.Server's own Shutdown hangs up on those
// whose request it reads after its beginning, so it comes last here. served is
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

// takeQueue gives what waits in the listener's queue and what is about to.
// Who comes later is not answered at all: it asks again in a second, when the
// listener is closed or its successor is there.
func takeQueue(listener *net.TCPListener, late chan<- net.Conn) {
	raw, err := listener.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		if dropNewcomers(int(fd)) == nil {
			time.Sleep(handshake)
		}
		for range cap(late) {
			accepted, _, err := unix.Accept4(int(fd), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
			if err != nil { // there is none any more
				return
			}
			file := os.NewFile(uintptr(accepted), "")
			if conn, err := net.FileConn(file); err == nil {
				late <- conn
			}
			_ = file.Close()
		}
	})
}

// dropNewcomers makes the kernel drop packets that ask a listening socket for
// a new connection: those with SYN and without ACK. A socket of Multipath TCP
// takes no filter.
func dropNewcomers(fd int) error {
	const (
		flags = 13 // in TCP's header, where a socket's filter begins to read
		syn   = 0x02
		ack   = 0x10
		drop  = 0
		keep  = 0xffff
	)
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: flags},
		{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: syn | ack},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: syn, Jt: 0, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: drop},
		{Code: unix.BPF_RET | unix.BPF_K, K: keep},
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]})
}
