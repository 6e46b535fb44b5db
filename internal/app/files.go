package app

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootapi"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/ironicdisk"
)

// bindFiles binds the listener for images that Ironic's web server does not
// have.
func (a *App) bindFiles(ctx context.Context, cfg *config.Config) error {
	if cfg.Usher.FilesListen == "" {
		return nil
	}
	return a.bind(ctx, cfg, DoorFiles, "[usher]files_listen", cfg.Usher.FilesListen)
}

// filesImages is what that listener serves.
func (a *App) filesImages(cfg *config.Config) (http.Handler, error) {
	return a.limitedDoor(cfg, bootapi.NewIronicImages(bootapi.IronicImagesOptions{
		Granter: a.agent, RetryAfter: cfg.Usher.RetryAfter, Logger: a.logger}))
}

// ironicURLs are what the names in Ironic's boot files are resolved with.
func (a *App) ironicURLs(ctx context.Context, cfg *config.Config) ironicdisk.URLs {
	return ironicdisk.URLs{HTTP: cfg.Deploy.HTTPURL, Files: filesURL(ctx, cfg, a.Addr(DoorFiles))}
}

// reloadIronic puts a new configuration in force beside Ironic.
func (a *App) reloadIronic(ctx context.Context, cfg *config.Config) error {
	if a.agent == nil {
		return nil
	}
	images, err := a.filesImages(cfg)
	if err != nil {
		return err
	}
	if u := a.ironicURLs(ctx, cfg); u != a.ironicDisk.URLs() {
		a.ironicDisk.SetURLs(u)
	}
	a.ironicImages.set(images)
	return nil
}

// checkFilesURL refuses what GRUB cannot fetch from.
func checkFilesURL(cfg *config.Config) error {
	if cfg.Usher.FilesURL == "" {
		return nil
	}
	if u, err := url.Parse(cfg.Usher.FilesURL); err != nil || u.Scheme != "http" {
		return usher.Errorf(usher.ErrInvalid, "[usher]files_url: GRUB cannot fetch by anything but http://")
	}
	return nil
}

// filesURL is where machines reach the listener at address; empty where there
// is none.
func filesURL(ctx context.Context, cfg *config.Config, address string) string {
	if address == "" {
		return ""
	}
	if cfg.Usher.FilesURL != "" {
		return strings.TrimRight(cfg.Usher.FilesURL, "/")
	}
	host := cfg.Default.MyIP
	if u, err := url.Parse(cfg.Deploy.HTTPURL); err == nil && isHere(ctx, u.Hostname()) {
		host = u.Hostname()
	}
	return reachable(address, host)
}

// isHere says whether a name or address is one of this host's. A web server may
// well be another one.
func isHere(ctx context.Context, host string) bool {
	if host == "" {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	found, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	if err != nil {
		return false
	}
	mine, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	return slices.ContainsFunc(mine, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		return ok && slices.ContainsFunc(found, func(f net.IPAddr) bool { return f.IP.IsLoopback() || f.IP.Equal(n.IP) })
	})
}
