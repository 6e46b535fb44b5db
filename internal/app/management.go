package app

import (
	"context"
	"net/http"
	"strings"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/auth"
	"github.com/usher-boot/usher/internal/bootapi"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/management"
)

// buildManagement makes Ironic's REST API over our inventory. A conductor
// alone has it for what ramdisks call: they were told its door.
func (a *App) buildManagement(_ context.Context, cfg *config.Config) error {
	api, err := a.newManagement(cfg)
	a.management.Store(api)
	return err
}

// newManagement is nil beside Ironic, which has its own.
func (a *App) newManagement(cfg *config.Config) (*management.API, error) {
	if a.ironic {
		return nil, nil
	}
	return management.New(management.Options{
		Store:            a.store,
		Conductor:        a.peers,
		Owner:            a.peers.Owner,
		MaxLimit:         cfg.API.MaxLimit,
		PublicEndpoint:   cfg.API.PublicEndpoint,
		RestrictLookup:   cfg.API.RestrictLookup,
		ConductorTimeout: a.heartbeatTimeout(cfg),
		Logger:           a.logger,
	})
}

// managementServer is the operators' door: the REST API and, as the
// specification has it, the boot API too.
func (a *App) managementServer(cfg *config.Config) (*http.Server, error) {
	protected, err := a.protect(cfg, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.management.Load().ServeHTTP(w, r)
	}))
	if err != nil {
		return nil, err
	}
	var answer http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, bootapi.Prefix):
			a.machine.ServeHTTP(w, r)
		case a.management.Load().Public(r):
			a.management.Load().ServeHTTP(w, r)
		default:
			protected.ServeHTTP(w, r)
		}
	})
	if cfg.Default.AuthStrategy == "noauth" { // a page from elsewhere has no credentials
		answer = ownNamesOnly(a.hostNames(cfg), answer)
	}
	return trustedServer(answer, a.logger), nil
}

// protect asks operators for credentials as [DEFAULT]auth_strategy says.
func (a *App) protect(cfg *config.Config, next http.Handler) (http.Handler, error) {
	switch cfg.Default.AuthStrategy {
	case "noauth":
		if err := refuseExposed("[api]host_ip", cfg.API.HostIP, "[DEFAULT]auth_strategy", cfg.Usher.InsecureManagement,
			"manage every node", "[usher]insecure_management"); err != nil {
			return nil, err
		}
		return next, nil
	case "http_basic":
		users, err := auth.OpenHtpasswd(cfg.Default.HTTPBasicAuthUserFile)
		if err != nil {
			return nil, named("[DEFAULT]http_basic_auth_user_file", err)
		}
		return auth.Basic(users, next, func(w http.ResponseWriter, r *http.Request, message string) {
			management.Deny(w, auth.DeniedStatus(r), message)
		}), nil
	default:
		return nil, usher.Errorf(usher.ErrInvalid,
			"[DEFAULT]auth_strategy = %s: the management door knows noauth and http_basic", cfg.Default.AuthStrategy)
	}
}

// ramdiskOr answers what a ramdisk calls, which has no credentials and sees
// only this door, and leaves the rest to next.
func (a *App) ramdiskOr(next http.Handler) http.Handler {
	if a.ironic {
		return next // ramdisks call Ironic's API
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Most ask for boot files, which no ramdisk does.
		if api := a.management.Load(); !strings.HasPrefix(r.URL.Path, bootapi.Prefix) && api.Public(r) {
			api.RamdiskHandler().ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}
