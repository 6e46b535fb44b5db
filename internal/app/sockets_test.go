package app

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/config"
)

// socket is one that a service manager keeps open, and where it listens.
func socket(t *testing.T) (handOver func() net.Listener, address string) {
	t.Helper()
	outer, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { outer.Close() })
	return func() net.Listener {
		file, err := outer.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		l, err := net.FileListener(file)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}, outer.Addr().String()
}

func (s *site) handed(role Role, sockets map[string]net.Listener, options ...string) (*App, error) {
	s.t.Helper()
	s.write(options...)
	return New(s.t.Context(), Options{Role: role, Version: "test", Log: &s.log, Sockets: sockets,
		Load: func() (*config.Config, error) { return config.Load(config.Sources{Files: []string{s.file}}) }})
}

// TestSockets: a machine that connects while no process runs is answered by the
// next one.
func TestSockets(t *testing.T) {
	handOver, address := socket(t)
	s := newSite(t)
	both := Role{API: true, Conductor: true}
	for range 2 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET /boot.ipxe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		a, err := s.handed(both, map[string]net.Listener{SocketBoot: handOver()}, "[usher]boot_listen="+address)
		if err != nil {
			t.Fatal(err)
		}
		if a.Addr(DoorMachines) != address {
			t.Errorf("the machines' listener is at %s, the socket at %s", a.Addr(DoorMachines), address)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- a.Run(ctx) }()
		if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200 ") {
			t.Errorf("%q, %v", answer, err)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestSocketsRefused: a socket that would leave machines unanswered ends the
// start, with the unit's mistake.
func TestSocketsRefused(t *testing.T) {
	handOver, address := socket(t)
	for _, tc := range []struct {
		name, listen, want string
	}{
		{SocketBoot, "127.0.0.1:1", `[usher]boot_listen: its value is 127.0.0.1:1, and the service manager's socket "boot" listens on ` + address},
		{"usher.socket", "127.0.0.1:0", `the service manager's socket "usher.socket" (` + address + `) belongs to no listener of usher serve`},
		{SocketBootTLS, "127.0.0.1:0", `the service manager's socket "boot-tls" (` + address + `) belongs to no listener of usher serve`},
	} {
		_, err := newSite(t).handed(Role{API: true, Conductor: true}, map[string]net.Listener{tc.name: handOver()}, "[usher]boot_listen="+tc.listen)
		if !errors.Is(err, usher.ErrInvalid) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
}
