package app

import (
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/jsonrpc"
	"github.com/usher-boot/usher/internal/management"
	"github.com/usher-boot/usher/internal/rebinding"
)

// refuseExposed refuses a listener without authentication that more than this
// host reaches: whoever reaches it could change or read everything behind it.
// harm says what; allowing is the option that permits it all the same.
func refuseExposed(option, host, auth string, allowed bool, harm, allowing string) error {
	if isLoopback(host) || allowed {
		return nil
	}
	return usher.Errorf(usher.ErrInvalid, "%s = %s with %s = noauth would let anybody on that network %s: "+
		"set %[3]s = http_basic, or %[1]s = 127.0.0.1, or %[5]s = true", option, host, auth, harm, allowing)
}

// refuseExposedRPC is for a listener of RPC without authentication. Beside
// Ironic it only warns: there Ironic's own conductors listen in the same way,
// with the same setting, and whoever reaches those needs nothing of Usher's.
func (a *App) refuseExposedRPC(cfg *config.Config) error {
	option, address := rpcAddress(cfg, a.ironic)
	host, _, err := net.SplitHostPort(address)
	if err != nil { // the configuration has checked it
		return named(option, err)
	}
	if a.ironic {
		if !isLoopback(host) {
			a.logger.Warn("RPC has no authentication: whoever reaches this listener can read the boot files of all nodes. "+
				"Set [json_rpc]auth_strategy = http_basic, or keep the port inside",
				"option", option, "address", address)
		}
		return nil
	}
	return refuseExposed(option, host, "[json_rpc]auth_strategy", cfg.Usher.InsecureRPC,
		"read every boot file and change every node", "[usher]insecure_rpc")
}

// hostNames are the names that a listener without accounts answers to.
func (a *App) hostNames(cfg *config.Config) rebinding.Guard {
	names := append([]string{a.host, cfg.Default.Host, cfg.Default.MyIP}, cfg.Usher.AllowedHosts...)
	if name, err := os.Hostname(); err == nil {
		names = append(names, name)
	}
	if u, err := url.Parse(cfg.API.PublicEndpoint); err == nil {
		names = append(names, u.Host)
	}
	return rebinding.New(names...)
}

// ownNamesOnly answers only requests for a name of this host.
func ownNamesOnly(names rebinding.Guard, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !names.Allows(r.Host) {
			management.Deny(w, http.StatusMisdirectedRequest, "This API has no accounts, and answers to addresses, localhost and "+
				"the names of its host only. Add the name to [usher]allowed_hosts, or let a proxy set the Host header.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// programsOnly refuses what browsers send for a page: a request with an
// Origin, and a form's content types, which need no permission of ours to be
// sent across origins. Programs that speak JSON-RPC send neither.
func programsOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		switch {
		case r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "":
			jsonrpc.WriteHTTPError(w, http.StatusForbidden, "Browsers are not answered here")
		case r.Method == http.MethodPost && (err != nil || kind != "application/json"):
			jsonrpc.WriteHTTPError(w, http.StatusUnsupportedMediaType, "The content type must be application/json")
		default:
			next.ServeHTTP(w, r)
		}
	})
}
