package app

import (
	"context"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/usher-boot/usher/internal/bootapi"
	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/conductor"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/dispatch"
	"github.com/usher-boot/usher/internal/jsonrpc"
)

// buildPeers joins the conductors, here and elsewhere, for those who call them.
func (a *App) buildPeers(_ context.Context, cfg *config.Config) error {
	caller, err := jsonrpc.NewClient(a.callWith(rpcOptions(cfg)))
	if err != nil {
		return err
	}
	a.peers = &conductor.Peers{Local: a.local, Caller: caller, Nodes: a.store, Rings: a.rings}
	a.useConductors(caller)
	return nil
}

// rpcClient calls conductors as [json_rpc] says.
func rpcClient(cfg *config.Config) (*jsonrpc.Client, error) {
	return jsonrpc.NewClient(rpcOptions(cfg))
}

func rpcOptions(cfg *config.Config) jsonrpc.ClientOptions {
	options := jsonrpc.ClientOptions{
		Port:      cfg.JSONRPC.Port,
		Addresses: cfg.Usher.RPCAddresses,
		Username:  cfg.JSONRPC.Username,
		Password:  cfg.JSONRPC.Password,
		Timeout:   cfg.JSONRPC.Timeout,
	}
	if cfg.JSONRPC.UseSSL || cfg.JSONRPC.ClientUseSSL {
		options.TLS = &jsonrpc.TLSOptions{CAFile: cfg.JSONRPC.Cafile, CertFile: cfg.JSONRPC.Certfile,
			KeyFile: cfg.JSONRPC.Keyfile, Insecure: cfg.JSONRPC.Insecure}
	}
	return options
}

// machinesHandler is the machines' door for a configuration: the boot API and
// the root scripts with the API role, kernels and ramdisks with the
// conductor's, and what a ramdisk calls with either.
func (a *App) machinesHandler(cfg *config.Config) (http.Handler, error) {
	files, err := a.filesHandler()
	if err != nil {
		return nil, err
	}
	if !a.role.API {
		return a.limitedDoor(cfg, a.ramdiskOr(files))
	}
	renderer, err := bootiface.NewRenderer(cfg.Usher.TemplateDir)
	if err != nil {
		return nil, named("[usher]template_dir", err)
	}
	scripts, err := doorScripts(cfg, renderer)
	if err != nil {
		return nil, err
	}
	return a.limitedDoor(cfg, a.ramdiskOr(bootapi.New(bootapi.Options{
		Decider:     a.decider(cfg),
		Observe:     a.observe,
		Count:       func(_ context.Context, d *dispatch.Decision) { a.metrics.Observe(d) },
		MaxRequests: cfg.Usher.MaxRequests,
		RetryAfter:  cfg.Usher.RetryAfter,
		Scripts:     scripts,
		Files:       files,
	})))
}

// doorScripts are the root scripts of the machines' door: they always point
// at the boot API, by links relative to the door they were fetched from
// unless an URL is configured.
func doorScripts(cfg *config.Config, r *bootiface.Renderer) (map[string][]byte, error) {
	root := bootiface.RootScript{
		UseBootConfigAPI: true,
		APIBase:          strings.TrimRight(cfg.PXE.IPXEConfigAPIRootURL, "/"),
		FallbackScript:   cfg.PXE.IPXEFallbackScript,
	}
	ipxe, err := r.Root(root)
	if err != nil {
		return nil, named("[pxe]", err)
	}
	// Relative: to the device that GRUB itself was loaded from by HTTP.
	grub, err := r.GRUBRoot(grubRoot(root.APIBase, ""))
	if err != nil {
		return nil, named("[pxe]", err)
	}
	return map[string][]byte{"/boot.ipxe": ipxe, "/boot.grub": grub, "/" + grubRootFile: grub}, nil
}

// grubRootFile is where GRUB made for network boot looks for its
// configuration, below the folder or URL that it was loaded from.
const grubRootFile = "grub/grub.cfg"

// grubRoot is GRUB's root configuration for an API; GRUB has no HTTPS, and
// asks door instead where the API is to be asked so.
func grubRoot(api, door string) bootiface.RootScript {
	if strings.HasPrefix(api, "https:") {
		api = door
	}
	return bootiface.RootScript{UseBootConfigAPI: true, APIBase: api}
}

func (a *App) decider(cfg *config.Config) bootapi.Decider {
	o := decisionSettings(cfg, a.ironic)
	o.Nodes, o.Rings, o.Conductors, o.Elsewhere = a.reader, a.rings, a.watchedConductors(), a.elsewhere(cfg)
	if a.local != nil || a.agent != nil {
		o.Local = a.host
	}
	return a.traced(o)
}

// observe makes the one log line, the metrics and the journal's entry of a
// decision.
func (a *App) observe(ctx context.Context, d *dispatch.Decision) {
	if h := a.logger.Handler(); h.Enabled(ctx, d.Level()) {
		_ = h.Handle(ctx, d.LogRecord(time.Now())) // nobody could be told
	}
	a.metrics.Observe(d)
	a.journal.Add(d)
}

// filesHandler serves http_root; without a conductor of ours there is none.
func (a *App) filesHandler() (http.Handler, error) {
	if a.local == nil {
		return http.HandlerFunc(bootapi.NotFound), nil
	}
	if a.httpRoot == nil {
		root, err := os.OpenRoot(a.disk.Path(bootiface.HTTPRoot))
		if err != nil {
			return nil, named("[deploy]http_root", err)
		}
		a.httpRoot = root
	}
	return bootapi.NewFiles(a.httpRoot), nil
}

// RootScript renders the root script for use elsewhere: with the address of
// the machines' door that the configuration gives.
func RootScript(cfg *config.Config, grub bool) ([]byte, error) {
	renderer, err := bootiface.NewRenderer(cfg.Usher.TemplateDir)
	if err != nil {
		return nil, named("[usher]template_dir", err)
	}
	root := bootiface.RootScript{
		UseBootConfigAPI: true,
		APIBase:          strings.TrimRight(cfg.PXE.IPXEConfigAPIRootURL, "/"),
		FallbackScript:   cfg.PXE.IPXEFallbackScript,
	}
	door := Door(cfg)
	if root.APIBase == "" {
		root.APIBase = door
	}
	if grub {
		return renderer.GRUBRoot(grubRoot(root.APIBase, door))
	}
	return renderer.Root(root)
}

// LocalURL is where this host itself reaches a door that listens on address.
func LocalURL(address string) string { return reachable(address, "127.0.0.1") }

// reachable is the URL of a door that listens on address; host stands in for
// "all addresses".
func reachable(address, host string) string {
	at, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(at); at != "" && (ip == nil || !ip.IsUnspecified()) {
		host = at
	}
	return "http://" + net.JoinHostPort(host, port)
}

// MachinesURL is the machines' door as machines reach it.
func (a *App) MachinesURL() string { return a.machinesURL(a.cfg.Load()) }

// BootFiles are the folders of boot files, for the start-up notice.
func (a *App) BootFiles() string {
	if a.ironic {
		return a.disk.Path(bootiface.HTTPRoot) + " and " + a.disk.Path(bootiface.TFTPRoot) + ", Ironic's, read only"
	}
	return a.disk.Path(bootiface.HTTPRoot)
}
