// Package images fetches kernels and ramdisks into the root that firmware is
// served from, each once, and hard-links them into the folders of the nodes
// that boot them.
//
// It follows Ironic's drivers/modules/image_cache.py and
// common/image_service.py for what is fresh, what is allowed and what is
// removed. It is not a general download manager: it neither converts images
// nor looks inside them, and knows no Glance.
package images

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path"
	"sync"
	"time"

	"github.com/usher-boot/usher"
)

// Options of a Cache. Zero values are the defaults named.
type Options struct {
	Root           string        // http_root or tftp_root; the cache is the folder .images in it
	FilePermission fs.FileMode   // [pxe]file_permission, 0644
	AllowedPaths   []string      // [conductor]file_url_allowed_paths; none means no file:// at all
	MaxSize        int64         // [pxe]image_cache_size in bytes; 0 means no limit
	TTL            time.Duration // [pxe]image_cache_ttl: how long an unused image is kept, 7 days
	StallTimeout   time.Duration // [DEFAULT]webserver_connection_timeout: without progress, 60 s
	Attempts       int           // in a row without any progress, 4
	RetryPause     time.Duration // before the second attempt, doubled for each further one, 1 s
	Downloads      int           // [DEFAULT]image_download_concurrency, 20
	Client         *http.Client  // for proxies and certificates; a plain one when nil
	Progress       func(Progress)
	Fetched        func(Fetch) // told of each fetch, once it has ended
	Logger         *slog.Logger
}

// Progress of one download. It is reported at most every 100 ms, and at the
// end, from the goroutine that downloads.
type Progress struct {
	URL         string // without credentials and query
	Done, Total int64  // bytes; Total is -1 where the server does not say
}

// Image is what to fetch.
type Image struct {
	URL string // http://, https:// or file://
	// Checksum is "sha256:HEX" (or sha512, sha1, md5), or hex digits alone,
	// told by their number. An image with a checksum is never asked for
	// again; one without is checked for changes each time.
	Checksum string
}

// Cache is the images below one root. It may be used by many goroutines; two
// processes must not share a root.
type Cache struct {
	options Options
	root    *os.Root
	slots   chan struct{} // one for each download at a time

	mu      sync.Mutex
	flights map[string]*flight // by key
}

// folder of the cache, in the root so that hard links are possible. Nobody
// but us needs to look into it.
const folder = ".images"

// New opens the cache in o.Root, which must exist.
func New(o Options) (*Cache, error) {
	o.FilePermission = cmp.Or(o.FilePermission, 0o644)
	o.TTL = cmp.Or(o.TTL, 7*24*time.Hour)
	o.StallTimeout = cmp.Or(o.StallTimeout, time.Minute)
	o.Attempts = cmp.Or(o.Attempts, 4)
	o.RetryPause = cmp.Or(o.RetryPause, time.Second)
	o.Downloads = cmp.Or(o.Downloads, 20)
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	if o.Fetched == nil {
		o.Fetched = func(Fetch) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Client == nil {
		o.Client = &http.Client{Transport: &http.Transport{
			// No timeouts here: request watches over the whole of it.
			Proxy:              http.ProxyFromEnvironment,
			IdleConnTimeout:    30 * time.Second,
			DisableCompression: true, // an image is what the server stores
		}}
	}
	root, err := os.OpenRoot(o.Root)
	if err != nil {
		return nil, fmt.Errorf("open root of images: %w", err)
	}
	if err := root.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, errors.Join(fmt.Errorf("make image cache: %w", err), root.Close())
	}
	return &Cache{options: o, root: root, slots: make(chan struct{}, o.Downloads), flights: map[string]*flight{}}, nil
}

// Close gives the root back. No call may be under way.
func (c *Cache) Close() error { return c.root.Close() }

// Link puts an image into dir, a folder below the root that must exist, under
// the given name, in one step. It fetches the image unless the cache has it;
// callers that want the same image at the same time share one download.
//
// ErrInvalid: the URL, the path, the checksum or the server's answer is wrong
// and will stay so. ErrUnavailable: the server did not answer properly.
func (c *Cache) Link(ctx context.Context, image Image, dir, name string) error {
	if !fs.ValidPath(dir) || !fs.ValidPath(name) || path.Base(name) != name || name == "." {
		return usher.Errorf(usher.ErrInvalid, "image name %q in %q must be a file below the root", name, dir)
	}
	s, err := c.parse(image)
	if err != nil {
		return err
	}
	// A sweep may take the image away between fetching and linking it.
	for range 3 {
		if err = c.ensure(ctx, s); err != nil {
			return err
		}
		if err = c.link(s.key, dir, name); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("link image %s as %s: %w", s.shown, path.Join(dir, name), err)
	}
	return nil
}

func (c *Cache) link(key, dir, name string) error {
	temporary := path.Join(dir, ".usher-"+rand.Text())
	if err := c.root.Link(path.Join(folder, key), temporary); err != nil {
		return err
	}
	err := c.root.Rename(temporary, path.Join(dir, name))
	// Renaming one link of a file over another of the same file does nothing
	// and says nothing, so the temporary one may still be there.
	if removeErr := c.root.Remove(temporary); err == nil && !errors.Is(removeErr, fs.ErrNotExist) {
		err = removeErr
	}
	return err
}
