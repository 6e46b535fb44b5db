package app

import (
	"net/url"
	"strings"

	"github.com/usher-boot/usher/internal/config"
)

// fallbackScript is [pxe]ipxe_fallback_script as the root script of this
// process's boot listener must name it.
//
// iPXE resolves a relative URL against the server that the root script came
// from. Ironic means its own web server: Metal3 configures "inspector.ipxe" and
// Bifrost "pxelinux.cfg/default". Beside Ironic the root script comes from
// Usher, which has no such file, so the URL is made absolute below
// [deploy]http_url. In our own inventory the listener serves http_root itself.
func fallbackScript(cfg *config.Config, ironic bool) string {
	script := cfg.PXE.IPXEFallbackScript
	if !ironic || !relative(script) || cfg.Deploy.HTTPURL == "" {
		return script
	}
	base, err := url.Parse(strings.TrimRight(cfg.Deploy.HTTPURL, "/") + "/")
	if err != nil { // the configuration has checked it
		return script
	}
	ref, err := url.Parse(script)
	if err != nil { // the renderer refuses it and names the option
		return script
	}
	return base.ResolveReference(ref).String()
}

// relative says that a URL names no server.
func relative(script string) bool {
	u, err := url.Parse(script)
	return script != "" && err == nil && u.Scheme == "" && u.Host == ""
}

// warnFallback says early what otherwise shows at a machine's console only.
func (a *App) warnFallback(cfg *config.Config) {
	if script := fallbackScript(cfg, a.ironic); a.ironic && a.role.API && relative(script) {
		a.logger.Warn("machines cannot fetch the fallback script: it is relative, and Usher serves no files of Ironic's. "+
			"Set [deploy]http_url to the web server that has it, or [pxe]ipxe_fallback_script to its full URL",
			"ipxe_fallback_script", script)
	}
}
