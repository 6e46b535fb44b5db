// Package images keeps kernels and ramdisks: each content once, named by its
// SHA-256, whatever the number of nodes that boot it and of URLs that it came
// from.
//
// It follows Ironic's drivers/modules/image_cache.py and
// common/image_service.py for what is fresh, what is allowed and what is
// removed. It is not a general download manager: it neither converts images
// nor looks inside them, and knows no Glance.
package images

import (
	"cmp"
	"context"
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

// Options of a Store. Zero values are the defaults named.
type Options struct {
	Root           string        // http_root
	FilePermission fs.FileMode   // [pxe]file_permission, 0644
	DirPermission  fs.FileMode   // [pxe]dir_permission, 0755 less the umask
	AllowedPaths   []string      // [conductor]file_url_allowed_paths; none means no file:// at all
	MaxSize        int64         // [pxe]image_cache_size in bytes; 0 means no limit
	TTL            time.Duration // [pxe]image_cache_ttl: how long an unused image is kept, 7 days
	StallTimeout   time.Duration // [DEFAULT]webserver_connection_timeout: without progress, 60 s
	Attempts       int           // in a row without any progress, 4
	RetryPause     time.Duration // before the second attempt, doubled for each further one, 1 s
	Downloads      int           // [DEFAULT]image_download_concurrency, 20
	// Names are the file names under which machines ask for images. Each
	// content can be read under any of them, for those who serve the root by
	// a web server of their own.
	Names    []string
	Client   *http.Client // for proxies and certificates; a plain one when nil
	Progress func(Progress)
	Fetched  func(Fetch) // told of each fetch, once it has ended
	Logger   *slog.Logger
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
	// again; one without is checked for changes.
	Checksum string
}

// Store is the images below one root:
//
//	images/<SHA-256>/image     the content
//	images/<SHA-256>/<name>    relative links to it, see Options.Names
//	.images/<key>.json         what is known of a source, by the hash of its URL and checksum
//	.images/part-...           a download on its way
//
// What it holds is read once, by New; from then on memory tells, and the disk
// is only asked for the content itself. A Store may be used by many
// goroutines; two processes must not share a root.
type Store struct {
	options Options
	root    *os.Root
	slots   chan struct{} // one for each download at a time
	recent  time.Duration // a content that was used so lately is not removed

	ctx    context.Context // of fetches that nobody waits for
	cancel context.CancelFunc
	work   sync.WaitGroup

	placing sync.Mutex // held while a content is put in place or removed

	mu       sync.RWMutex
	flights  map[string]*flight // by source
	notes    map[string]note    // by source
	contents map[string]*entry  // by digest
	older    map[string]note    // by source: images in the layout of older versions, see adopt

	scanned time.Time // when Sweep last found out what is in use
}

// entry is a content that the store holds.
type entry struct {
	size    int64
	used    time.Time // last known use
	missing bool      // it is not on the disk, or not known to be there whole
	source  *source   // where it can be had again; nil where this process has not asked for it
}

// Folders below the root.
const (
	folder  = "images"  // of contents
	private = ".images" // of notes and downloads; nobody but us needs to look into it
)

// privateMode is the mode of the private folder.
const privateMode = 0o700

// contentFile is the content in its folder.
const contentFile = "image"

// New opens the store in o.Root, which must exist.
func New(o Options) (*Store, error) {
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
	st := &Store{options: o, root: root, slots: make(chan struct{}, o.Downloads), recent: time.Minute,
		flights: map[string]*flight{}, notes: map[string]note{}, contents: map[string]*entry{}, older: map[string]note{}}
	st.ctx, st.cancel = context.WithCancel(context.Background())
	err = st.root.MkdirAll(private, privateMode)
	if err == nil {
		err = st.makeFolder(folder)
	}
	if err == nil {
		err = st.load()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open image store: %w", err), root.Close())
	}
	return st, nil
}

// Close ends the fetches that nobody waits for and gives the root back. No
// call may be under way.
func (st *Store) Close() error {
	st.cancel()
	st.work.Wait()
	return st.root.Close()
}

// makeFolder makes a folder that everybody may look into. One that is there
// already stays as it is: an operator may have set its permissions.
func (st *Store) makeFolder(name string) error {
	if _, err := st.root.Stat(name); err == nil {
		return nil
	}
	err := st.root.MkdirAll(name, 0o755)
	if err == nil && st.options.DirPermission != 0 {
		err = st.root.Chmod(name, st.options.DirPermission)
	}
	return err
}

// Fetch makes sure that the store holds an image as its source had it at the
// time since, or later, and returns the SHA-256 of its content in lower-case
// hex digits. Callers that want the same image at the same time share one
// download.
//
// ErrInvalid: the URL, the path, the checksum or the server's answer is wrong
// and will stay so. ErrUnavailable: the server did not answer properly.
func (st *Store) Fetch(ctx context.Context, image Image, since time.Time) (digest string, err error) {
	s, err := parse(image)
	if err != nil {
		return "", err
	}
	if digest, ok := st.current(s, since); ok {
		return digest, nil
	}
	return st.ensure(ctx, s)
}

// current is the content of a source that need not be asked again.
func (st *Store) current(s source, since time.Time) (digest string, ok bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	n, ok := st.notes[s.key]
	c := st.contents[n.SHA256]
	if !ok || c == nil || c.missing || s.sum == (checksum{}) && n.checked.Before(since) {
		return "", false
	}
	c.used, c.source = time.Now(), &s
	return n.SHA256, true
}

// Has says whether the store holds a content, as far as it knows.
func (st *Store) Has(digest string) bool {
	st.mu.RLock()
	defer st.mu.RUnlock()
	c := st.contents[digest]
	return c != nil && !c.missing
}

// Open opens a content for reading. ErrNotFound means that the store knows
// none of this digest. One that somebody has taken away from the disk, or
// changed there, is ErrUnavailable until it was fetched again, which Open sees
// to.
func (st *Store) Open(digest string) (*os.File, error) {
	st.mu.Lock()
	c := st.contents[digest]
	if c == nil {
		st.mu.Unlock()
		return nil, usher.Errorf(usher.ErrNotFound, "no image with the digest %.64s", digest)
	}
	c.used = time.Now()
	size, missing := c.size, c.missing
	st.mu.Unlock()
	if missing {
		return nil, st.lost(digest, errChanged)
	}
	file, err := openRegular(st.root, path.Join(folder, digest, contentFile), size)
	switch {
	case err == nil:
		return file, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errChanged):
		return nil, st.lost(digest, err)
	}
	return nil, usher.Errorf(usher.ErrUnavailable, "open image %s: %v", digest, err)
}
