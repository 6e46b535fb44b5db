package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/usher-boot/usher/internal/bootapi"
	"github.com/usher-boot/usher/internal/bootrpc"
	"github.com/usher-boot/usher/internal/config"
)

// Names of the doors, for Addr.
const (
	DoorMachines    = "machines"
	DoorMachinesTLS = "machines (TLS)"
	DoorManagement  = "management"
	DoorRPC         = "RPC"
	DoorAdmin       = "admin"
	DoorFiles       = "files" // beside Ironic, of the agent
)

// door is one listener with its server.
type door struct {
	name      string
	listener  net.Listener
	limit     *bootapi.Limited // of machines' connections; nil at other doors
	bootFiles *bootrpc.Server  // for other processes of ours; nil at other doors than RPC's
	cert      *certificate     // nil without TLS
	server    *http.Server
	served    chan struct{} // closed when server.Serve has returned; nil where it never began
}

// swap is a handler that can be replaced while it serves.
type swap struct{ current atomic.Pointer[http.Handler] }

func (s *swap) set(h http.Handler) { s.current.Store(&h) }

func (s *swap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	(*s.current.Load()).ServeHTTP(w, r)
}

// Addr is the address that a door listens on, with its true port; empty
// where this role has no such door.
func (a *App) Addr(name string) string {
	for _, d := range a.doors {
		if d.name == name {
			return d.listener.Addr().String()
		}
	}
	return ""
}

// bindDoors binds every address before anything is built that others see, so
// that one that is taken ends the start early. Nothing is accepted until Run.
func (a *App) bindDoors(ctx context.Context, cfg *config.Config) error {
	a.lifecycle.onStop("http_root", a.closeFiles) // after the doors that serve from it
	a.stopAfterDoors()
	if err := a.bindMachines(ctx, cfg); err != nil {
		return err
	}
	if a.role.API {
		address := net.JoinHostPort(cfg.API.HostIP, strconv.Itoa(cfg.API.Port))
		if err := a.bind(ctx, cfg, DoorManagement, "[api]host_ip and [api]port", address); err != nil {
			return err
		}
	}
	if a.role.Conductor && sqliteFile(cfg) == "" {
		option, address := rpcAddress(cfg, a.ironic)
		if err := a.bind(ctx, cfg, DoorRPC, option, address); err != nil {
			return err
		}
	}
	return a.bind(ctx, cfg, DoorAdmin, "[usher]admin_listen", cfg.Usher.AdminListen)
}

// rpcAddress is where RPC listens, and the option that says so.
func rpcAddress(cfg *config.Config, ironic bool) (option, address string) {
	switch {
	case ironic:
		return "[usher]rpc_listen", agentListen(cfg)
	case cfg.Usher.RPCListen != "":
		return "[usher]rpc_listen", cfg.Usher.RPCListen
	}
	return "[json_rpc]host_ip", net.JoinHostPort(cfg.JSONRPC.HostIP, strconv.Itoa(cfg.JSONRPC.Port))
}

// closeFiles closes what the machines' listener serves files from.
func (a *App) closeFiles(context.Context) error {
	var errs []error
	if a.httpRoot != nil {
		errs = append(errs, a.httpRoot.Close())
	}
	if a.images != nil {
		errs = append(errs, a.images.Close())
	}
	return errors.Join(errs...)
}

// stopAfterDoors is called before doors are bound. While the others are drained
// the operator's door says that the process is stopping, and conductors can
// still be asked for boot files.
func (a *App) stopAfterDoors() {
	a.lifecycle.onStop(DoorAdmin+" door", func(ctx context.Context) error {
		for _, d := range a.doors {
			if d.name == DoorAdmin {
				return d.stop(ctx)
			}
		}
		return nil
	})
	a.lifecycle.onStop("calls for boot files", func(context.Context) error {
		if a.conductors != nil {
			a.conductors.Close()
		}
		return nil
	})
}

// bindMachines binds the machines' doors.
func (a *App) bindMachines(ctx context.Context, cfg *config.Config) error {
	err := a.bind(ctx, cfg, DoorMachines, "[usher]boot_listen", cfg.Usher.BootListen)
	if err == nil && cfg.Usher.BootTLSListen != "" {
		err = a.bind(ctx, cfg, DoorMachinesTLS, "[usher]boot_tls_listen", cfg.Usher.BootTLSListen)
	}
	return err
}

func (a *App) bind(ctx context.Context, cfg *config.Config, name, option, address string) error {
	listener, err := a.listen(ctx, name, address)
	if err != nil {
		return named(option, err)
	}
	d := &door{name: name, listener: listener}
	a.doors = append(a.doors, d)
	if name != DoorAdmin {
		a.lifecycle.onStop(name+" door", d.stop)
	}
	switch name {
	case DoorMachines, DoorMachinesTLS, DoorFiles:
		d.limit = bootapi.Limit(listener, a.connectionBudget.machines, &a.connections)
		d.listener = d.limit
	case DoorManagement:
		d.listener = bootapi.Limit(listener, a.connectionBudget.management, nil)
	case DoorRPC:
		d.listener = bootapi.Limit(listener, a.connectionBudget.rpc, nil)
	case DoorAdmin:
		d.listener = bootapi.Limit(listener, a.connectionBudget.admin, nil)
	}
	return nil
}

// buildDoors gives every door its server.
func (a *App) buildDoors(_ context.Context, cfg *config.Config) error {
	handler, err := a.machinesHandler(cfg)
	if err != nil {
		return err
	}
	a.machine.set(handler)
	a.connections.Bound(cfg.Usher.BootConnectionsPerSource)
	for _, d := range a.doors {
		switch d.name {
		case DoorFiles:
			var images http.Handler
			if images, err = a.filesImages(cfg); err == nil {
				a.ironicImages.set(images)
				d.server = bootapi.NewServer(a.ironicImages, a.logger)
			}
		case DoorMachines:
			d.server = bootapi.NewServer(a.machine, a.logger)
		case DoorMachinesTLS:
			d.server = bootapi.NewServer(a.machine, a.logger)
			err = d.useTLS(a.logger, serverTLS{certificate: certificateOf(cfg, "[ssl]", "", "")})
		case DoorManagement:
			d.server, err = a.managementServer(cfg)
			if err == nil && cfg.API.EnableSSLAPI {
				err = d.useTLS(a.logger, serverTLS{certificate: certificateOf(cfg, "[api]", cfg.API.CertFile, cfg.API.KeyFile),
					group: "[api]", minimum: cfg.API.ServerTLSMinimumVersion, ciphers: cfg.API.ServerTLSCiphers})
			}
		case DoorRPC:
			d.server, err = a.rpcServer(d, cfg)
			if err == nil && cfg.JSONRPC.UseSSL {
				err = d.useTLS(a.logger, serverTLS{certificate: certificateOf(cfg, "[json_rpc]", cfg.JSONRPC.CertFile, cfg.JSONRPC.KeyFile),
					clients: cfg.SSL.CAFile, group: "[json_rpc]", minimum: cfg.JSONRPC.ServerTLSMinimumVersion, ciphers: cfg.JSONRPC.ServerTLSCiphers})
			}
		case DoorAdmin:
			operators := a.adminDoor(cfg, d)
			d.server = trustedServer(operators, a.logger)
			d.server.RegisterOnShutdown(operators.Stop)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// serve answers until the door is stopped; a stop is not an error.
func (d *door) serve(ctx context.Context) error {
	failed := make(chan error, 1)
	d.served = make(chan struct{})
	go func() {
		defer close(d.served)
		failed <- d.server.Serve(d.listener)
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("the %s door: %w", d.name, err)
	case <-ctx.Done():
		return nil // stop drains it
	}
}

// leastGrace is what requests have to end even where what was stopped before
// has used up the time.
const leastGrace = time.Second

// graced is ctx, with leastGrace at least.
func graced(ctx context.Context) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < leastGrace {
		return context.WithTimeout(context.WithoutCancel(ctx), leastGrace)
	}
	return ctx, func() {}
}

// stop lets requests that are being answered end, until ctx does.
func (d *door) stop(ctx context.Context) error {
	if d.server == nil { // never served
		return d.listener.Close()
	}
	ctx, cancel := graced(ctx)
	defer cancel()
	var err error
	if d.limit != nil && d.served != nil {
		err = d.limit.Shutdown(ctx, d.server, d.served)
	} else {
		err = d.server.Shutdown(ctx)
	}
	if d.bootFiles != nil {
		err = errors.Join(err, d.bootFiles.Stop(ctx))
	}
	if err != nil {
		err = errors.Join(err, d.server.Close())
	}
	// A door that was built and never served has no server to close this.
	if closeErr := d.listener.Close(); closeErr != nil && !errors.Is(closeErr, net.ErrClosed) {
		err = errors.Join(err, closeErr)
	}
	return err
}

// useTLS makes the door speak TLS.
func (d *door) useTLS(logger *slog.Logger, t serverTLS) error {
	config, cert, err := t.config(d.name, logger)
	if err != nil {
		return err
	}
	d.cert = cert
	d.listener = tls.NewListener(d.listener, config)
	return nil
}

// trustedServer serves doors that operators and other Usher processes use.
func trustedServer(h http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    64 << 10,
		ConnState:         bootapi.TrackIdle,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
}

// isLoopback says that only this host reaches the address.
func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
