package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/app"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/systemd"
)

type serveCmd struct{}

func (*serveCmd) Run(s *session) error {
	// API, conductor and database in one process: a collector that lets less
	// pile up keeps it as small as each of the separate ones.
	if !slices.ContainsFunc(s.Environ, func(v string) bool { return strings.HasPrefix(v, "GOGC=") }) {
		debug.SetGCPercent(50)
	}
	return s.run(app.Role{API: true, Conductor: true})
}

type apiCmd struct{}

func (*apiCmd) Run(s *session) error { return s.run(app.Role{API: true}) }

// run runs a role until the context ends, reloading at each SIGHUP.
func (s *session) run(role app.Role) error {
	notifier, err := systemd.FromEnviron(s.Environ)
	if err != nil {
		return &usher.Error{Kind: usher.ErrInvalid, Message: err.Error()}
	}
	sockets, err := systemd.Sockets()
	if err != nil {
		return &usher.Error{Kind: usher.ErrInvalid, Message: err.Error()}
	}
	a, err := app.New(s.ctx, app.Options{
		Role:     role,
		Load:     s.config,
		Version:  version(),
		Commit:   commit(),
		Log:      s.Stderr,
		Terminal: terminal(s.Stderr),
		Notifier: notifier,
		Sockets:  sockets,
	})
	if err != nil {
		return err
	}
	s.notice(a, role)

	ctx, cancel := context.WithCancel(s.ctx)
	var reloads sync.WaitGroup
	reloads.Go(func() {
		for {
			select {
			case <-s.Reload:
				_ = a.Reload(ctx) // it has logged what is wrong
			case <-ctx.Done():
				return
			}
		}
	})
	err = a.Run(ctx)
	cancel()
	reloads.Wait()
	return err
}

// notice says where the doors are and what to type next.
func (s *session) notice(a *app.App, role app.Role) {
	w := s.Stdout
	cfg := a.Config()
	fmt.Fprintf(w, "usher %s (%s)\n\n", version(), role)
	if role.API {
		fmt.Fprintf(w, "  machines    %-32s root script for iPXE: %s/boot.ipxe\n", a.MachinesURL(), a.MachinesURL())
	} else if a.Addr(app.DoorMachines) != "" {
		fmt.Fprintf(w, "  machines    %-32s kernels and ramdisks\n", a.MachinesURL())
	}
	if a.Addr(app.DoorManagement) != "" {
		fmt.Fprintf(w, "  management  %-32s Ironic's REST API, auth_strategy = %s\n", httpAt(a, app.DoorManagement), cfg.Default.AuthStrategy)
	}
	if at := a.Addr(app.DoorRPC); at != "" {
		fmt.Fprintf(w, "  RPC         %-32s for other Usher processes\n", at)
	}
	if at := a.Addr(app.DoorFiles); at != "" {
		fmt.Fprintf(w, "  images      %-32s what GRUB loads from Ironic's tftp_root\n", at)
	}
	fmt.Fprintf(w, "  admin       %-32s the live page, /metrics /healthz /readyz\n", httpAt(a, app.DoorAdmin))
	fmt.Fprintf(w, "  inventory   %s\n", a.Inventory())
	if role.Conductor {
		fmt.Fprintf(w, "  files       %s\n", a.Files())
	}
	if role.API && !a.BesideIronic() {
		s.next(w, cfg)
	}
}

// next tells a new user what to type.
func (s *session) next(w io.Writer, _ *config.Config) {
	fmt.Fprintf(w, `
Next, in another terminal:
  %[1]s node add NAME --mac 52:54:00:12:34:56 --kernel URL --ramdisk URL
  %[1]s node deploy NAME
  %[1]s boot 52:54:00:12:34:56
and send machines here, for example with dnsmasq:
  %[1]s loaders
  %[1]s dnsmasq --interface IF --range FIRST,LAST > dnsmasq.conf

`, s.call())
}

func httpAt(a *app.App, door string) string {
	host, port, err := net.SplitHostPort(a.Addr(door))
	if err != nil {
		return "-"
	}
	return "http://" + net.JoinHostPort(host, port)
}
