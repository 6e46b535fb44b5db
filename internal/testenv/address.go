package testenv

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Loopback is an address of this test process's own, 127.A.B.n: what listens
// there meets neither another run nor the other end of a connection. A is at
// most 64, below the sources that 'usher storm' asks from.
func Loopback(n int) string {
	pid := os.Getpid()
	return fmt.Sprintf("127.%d.%d.%d", 1+pid>>8&0x3f, pid&0xff, n)
}

// FreePort is Port for a test.
func FreePort(tb testing.TB, address string) string {
	tb.Helper()
	port, err := Port(address)
	if err != nil {
		tb.Fatal(err)
	}
	return port
}

// Port asks the kernel for a TCP port that is free at an address, for a
// program to be started. It is none of those that the kernel gives to outgoing
// connections, one of which could take it before the program does, and none
// that this process has been given before.
func Port(address string) (string, error) {
	listen := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		const first, last = 10_000, 30_000
		// Linux before 6.3 does not know this; any port is as good there.
		return c.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_LOCAL_PORT_RANGE, last<<16|first)
		})
	}}
	listen.SetMultipathTCP(false) // which knows no such range
	given.Lock()
	defer given.Unlock()
	for {
		l, err := listen.Listen(context.Background(), "tcp4", net.JoinHostPort(address, "0"))
		if err != nil {
			return "", err
		}
		_, port, err := net.SplitHostPort(l.Addr().String())
		_ = l.Close()
		if err != nil || !given.ports[port] {
			given.ports[port] = true
			return port, err
		}
	}
}

var given = struct {
	sync.Mutex
	ports map[string]bool
}{ports: map[string]bool{}}
