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

	"github.com/usher-boot/usher"
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
)

// door is one listener with its server.
type door struct {
	name      string
	listener  net.Listener
	limit     *bootapi.Limited // of machines' connections; nil at other doors
	bootFiles *bootrpc.Server  // for other processes of ours; nil at other doors than RPC's
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
	a.lifecycle.onStop("http_root", func(context.Context) error { // after the doors that serve from it
		if a.httpRoot == nil {
			return nil
		}
		return a.httpRoot.Close()
	})
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
	if _, alone := a.sqlitePath(cfg); a.role.Conductor && !alone {
		option, address := "[json_rpc]host_ip and [json_rpc]port", net.JoinHostPort(cfg.JSONRPC.HostIP, strconv.Itoa(cfg.JSONRPC.Port))
		if cfg.Usher.RPCListen != "" {
			option, address = "[usher]rpc_listen", cfg.Usher.RPCListen
		}
		if err := a.bind(ctx, cfg, DoorRPC, option, address); err != nil {
			return err
		}
	}
	return a.bind(ctx, cfg, DoorAdmin, "[usher]admin_listen", cfg.Usher.AdminListen)
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
	case DoorMachines, DoorMachinesTLS:
		d.limit = bootapi.Limit(listener, cfg.Usher.MaxConnections, &a.connections)
		d.listener = d.limit
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
		case DoorMachines:
			d.server = bootapi.NewServer(a.machine, a.logger)
		case DoorMachinesTLS:
			d.server = bootapi.NewServer(a.machine, a.logger)
			err = d.useTLS("[ssl]", cfg.SSL.CertFile, cfg.SSL.KeyFile, "")
		case DoorManagement:
			d.server, err = a.managementServer(cfg)
			if err == nil && cfg.API.EnableSSLAPI {
				err = d.useTLS("[ssl]", cfg.SSL.CertFile, cfg.SSL.KeyFile, "")
			}
		case DoorRPC:
			d.server, err = a.rpcServer(d, cfg)
			if err == nil && cfg.JSONRPC.UseSSL {
				err = a.rpcTLS(d, cfg)
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

// useTLS makes the door speak TLS, reading the certificate again for a new
// connection once its file has changed. clients is a file of CAs of which a
// client must show a certificate; empty asks for none.
func (d *door) useTLS(group, certFile, keyFile, clients string) error {
	if certFile == "" || keyFile == "" {
		return usher.Errorf(usher.ErrInvalid, "%scert_file and %[1]skey_file are needed for TLS on the %s door", group, d.name)
	}
	cert := &certificate{certFile: certFile, keyFile: keyFile}
	if _, err := cert.get(nil); err != nil {
		return named(group+"cert_file", err)
	}
	config := &tls.Config{GetCertificate: cert.get, MinVersion: tls.VersionTLS12}
	if clients != "" {
		pool, err := certPool(clients)
		if err != nil {
			return named(group+"ca_file", err)
		}
		config.ClientCAs, config.ClientAuth = pool, tls.RequireAndVerifyClientCert
	}
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
