package app

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/config"
)

// Names of the sockets that a service manager may hand over
// (FileDescriptorName=), for the machines' listeners.
const (
	SocketBoot    = "boot"
	SocketBootTLS = "boot-tls"
)

// noSocketLeft refuses a socket that was handed over and that no listener has
// taken: on it machines would wait for an answer in vain.
func (a *App) noSocketLeft(context.Context, *config.Config) error {
	for name, l := range a.sockets {
		return usher.Errorf(usher.ErrInvalid, "the service manager's socket %q (%s) belongs to no listener of usher %s: "+
			"disable its unit, or give it FileDescriptorName=%s for [usher]boot_listen or %s for [usher]boot_tls_listen",
			name, l.Addr(), a.role, SocketBoot, SocketBootTLS)
	}
	return nil
}

// listen returns the socket that was handed over for a door, or a new one.
func (a *App) listen(ctx context.Context, name, address string) (net.Listener, error) {
	socket := map[string]string{DoorMachines: SocketBoot, DoorMachinesTLS: SocketBootTLS}[name]
	if l := a.sockets[socket]; l != nil {
		delete(a.sockets, socket)
		_, want, _ := net.SplitHostPort(address) // the configuration has checked it
		if _, got, err := net.SplitHostPort(l.Addr().String()); err != nil || got != want {
			return nil, errors.Join(usher.Errorf(usher.ErrInvalid, "its value is %s, and the service manager's socket %q listens on %s: "+
				"give both the same port", address, socket, l.Addr()), l.Close())
		}
		return l, nil
	}
	// Firmware knows no Multipath TCP, which costs more for each connection.
	// Nor does a door whose idle connections end by themselves need probes.
	config := net.ListenConfig{KeepAlive: -1}
	config.SetMultipathTCP(false)
	l, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("the %s door cannot listen on %s: %w", name, address, err)
	}
	return l, nil
}
