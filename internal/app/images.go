package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/images"
)

// caches is the conductor's view of the image caches, one for each root.
type caches struct {
	disk   *bootiface.Disk
	byRoot map[bootiface.Root]*images.Cache
}

// Link makes the node's folder and puts the image into it.
func (c caches) Link(ctx context.Context, i bootiface.Interface, uuid, name, url, checksum string) error {
	folder, err := c.disk.NodeFolder(i, uuid)
	if err != nil {
		return err
	}
	if err := folder.Close(); err != nil {
		return err
	}
	return c.byRoot[i.Root()].Link(ctx, images.Image{URL: url, Checksum: checksum}, uuid, name)
}

// Sweep removes what no node uses from every cache.
func (c caches) Sweep(ctx context.Context) error {
	var errs []error
	for _, cache := range c.byRoot {
		errs = append(errs, cache.Sweep(ctx))
	}
	return errors.Join(errs...)
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
