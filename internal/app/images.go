package app

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/conductor"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/images"
)

// openImages opens the image store, which closeFiles closes.
func (a *App) openImages(cfg *config.Config) error {
	options := images.Options{
		Root:           a.disk.Path(bootiface.HTTPRoot),
		FilePermission: cfg.PXE.FilePermission,
		DirPermission:  cfg.PXE.DirPermission,
		AllowedPaths:   cfg.Conductor.FileURLAllowedPaths,
		MaxSize:        int64(cfg.PXE.ImageCacheSize) << 20,
		Names:          bootiface.ImageNames(),
		Logger:         a.logger,
		Fetched:        func(f images.Fetch) { a.metrics.ImageFetched(string(f.Result), f.Bytes, f.Took) },
	}
	if a.terminal {
		options.Progress = progressLine(a.log.w)
	}
	var err error
	a.images, err = images.New(options)
	return err
}

// nodeImages is the conductor's view of the image store.
type nodeImages struct{ *images.Store }

// Fetch brings an image into the store.
func (n nodeImages) Fetch(ctx context.Context, url, checksum string, since time.Time) (string, error) {
	return n.Store.Fetch(ctx, images.Image{URL: url, Checksum: checksum}, since)
}

// Sweep removes what no node uses.
func (n nodeImages) Sweep(ctx context.Context, inUse func(context.Context) (conductor.Use, error)) error {
	return n.Store.Sweep(ctx, func(ctx context.Context) (images.Use, error) {
		use, err := inUse(ctx)
		found := images.Use{Images: make(map[images.Image]bool, len(use.Sources)), Digests: use.Digests}
		for s := range use.Sources {
			found.Images[images.Image{URL: s.URL, Checksum: s.Checksum}] = true
		}
		return found, err
	})
}

// progressLine draws what is fetched on one line of a terminal.
func progressLine(w io.Writer) func(images.Progress) {
	var mu sync.Mutex
	return func(p images.Progress) {
		mu.Lock()
		defer mu.Unlock()
		const mib = 1 << 20
		end := ""
		if p.Done == p.Total {
			end = "\n"
		}
		if p.Total > 0 {
			fmt.Fprintf(w, "\r\033[Kfetching %s: %d of %d MiB (%d %%)%s", p.URL, p.Done/mib, p.Total/mib, p.Done*100/p.Total, end)
			return
		}
		fmt.Fprintf(w, "\r\033[Kfetching %s: %d MiB", p.URL, p.Done/mib)
	}
}
