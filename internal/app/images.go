package app

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/images"
)

// nodeImages is the conductor's view of the image cache.
type nodeImages struct {
	disk  *bootiface.Disk
	cache *images.Cache
}

// Link makes the node's folder and puts the image into it.
func (n nodeImages) Link(ctx context.Context, uuid, name, url, checksum string) error {
	folder, err := n.disk.ImageFolder(uuid)
	if err != nil {
		return err
	}
	if err := folder.Close(); err != nil {
		return err
	}
	return n.cache.Link(ctx, images.Image{URL: url, Checksum: checksum}, uuid, name)
}

// Sweep removes what no node uses.
func (n nodeImages) Sweep(ctx context.Context) error { return n.cache.Sweep(ctx) }

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
