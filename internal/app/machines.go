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

// machinesHandler is the machines' listener for a configuration: the boot API
// and the root scripts with the API role, kernels and ramdisks with the
// conductor's, and with either the boot files' static names and what a ramdisk
// calls.
func (a *App) machinesHandler(cfg *config.Config) (http.Handler, error) {
	files, err := a.filesHandler()
	if err != nil {
		return nil, err
	}
	o := bootapi.Options{
		Decider:     a.decider(cfg),
		Observe:     a.observe,
		Count:       func(_ context.Context, d *dispatch.Decision) { a.metrics.Observe(d) },
		MaxRequests: cfg.Usher.MaxRequests,
		RetryAfter:  cfg.Usher.RetryAfter,
		Static:      a.staticNames(cfg),
		StaticOnly:  !a.role.API,
		Files:       files,
	}
	if a.role.API {
		renderer, err := bootiface.NewRenderer(cfg.Usher.TemplateDir)
		if err != nil {
			return nil, named("[usher]template_dir", err)
		}
		if o.Scripts, err = rootScripts(cfg, renderer, a.ironic); err != nil {
			return nil, err
		}
	}
	return a.limitedDoor(cfg, a.ramdiskOr(bootapi.New(o)))
}

// staticNames are the paths of boot files that Ironic would link by MAC
// address. Beside Ironic there is its own web server for them.
func (a *App) staticNames(cfg *config.Config) func(path string) (mac, file string, ok bool) {
	if a.ironic {
		return nil
	}
	return bootiface.StaticNames{Subdir: cfg.PXE.PXEConfigSubdir}.Parse
}

// rootScripts are the root scripts of the boot listener. They always point at
// the boot API: by links relative to the listener that they were fetched from,
// unless a URL is configured.
func rootScripts(cfg *config.Config, r *bootiface.Renderer, ironic bool) (map[string][]byte, error) {
	root := bootiface.RootScript{
		UseBootConfigAPI: true,
		APIBase:          strings.TrimRight(cfg.PXE.IPXEConfigAPIRootURL, "/"),
		FallbackScript:   fallbackScript(cfg, ironic),
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
	o.Nodes, o.Rings, o.Conductors, o.Elsewhere = a.nodes, a.rings, a.watchedConductors(), a.elsewhere(cfg)
	if a.local != nil || a.agent != nil {
		o.IsLocal = a.isLocal
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

// filesHandler serves images and http_root; without a conductor of ours there
// is none.
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
	return bootapi.Images(bootapi.ImageOptions{Open: a.images.Open, NodeImage: a.local.NodeImage,
		Next: bootapi.NewFiles(a.httpRoot)}), nil
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

// Files are the folders of images, or beside Ironic of boot files, for the
// start-up notice.
func (a *App) Files() string {
	if a.ironic {
		return a.ironicDisk.Path(bootiface.HTTPRoot) + " and " + a.ironicDisk.Path(bootiface.TFTPRoot) + ", Ironic's, read only"
	}
	return a.disk.Path(bootiface.HTTPRoot)
}
