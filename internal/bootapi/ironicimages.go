package bootapi

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/usher-boot/usher"
)

// Granter says whether a machine may have an image.
type Granter interface {
	// ImageFolder is the folder on this host that a root of Ironic's is, where
	// the node may have the file of that name below it. ErrNotFound says that
	// it may not.
	ImageFolder(ctx context.Context, node, root, name string) (folder string, err error)
}

// IronicImagesOptions are the parts of IronicImages. All are required.
type IronicImagesOptions struct {
	Granter    Granter
	RetryAfter time.Duration // at least one second
	Logger     *slog.Logger
}

// IronicImages serves, beside Ironic, what a node's boot file loads and Ironic's web
// server does not have: /<node uuid>/<root>/<name>. It asks for each request
// whether the node may have the file.
type IronicImages struct {
	o          IronicImagesOptions
	retryAfter string
}

// NewIronicImages returns a handler.
func NewIronicImages(o IronicImagesOptions) *IronicImages {
	return &IronicImages{o: o, retryAfter: retrySeconds(o.RetryAfter)}
}

func (i *IronicImages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !reads(w, r) {
		return
	}
	grubCloses(w, r)
	node, rest, _ := strings.Cut(strings.TrimLeft(r.URL.Path, "/"), "/")
	root, name, _ := strings.Cut(rest, "/")
	outcome := "served"
	err := i.serve(w, r, node, root, name)
	switch {
	case err == nil:
	case errors.Is(err, usher.ErrNotFound):
		outcome = "no"
		NotFound(w, r)
	default:
		outcome = "not_now"
		w.Header().Set("Retry-After", i.retryAfter)
		answer(w, r, http.StatusServiceUnavailable, "# not available now\n")
	}
	i.log(r, outcome, err)
}

// serve answers with the file, or returns why it cannot.
func (i *IronicImages) serve(w http.ResponseWriter, r *http.Request, node, root, name string) error {
	folder, err := i.o.Granter.ImageFolder(r.Context(), node, root, name)
	if err != nil {
		return err
	}
	in, err := os.OpenRoot(folder)
	if err != nil {
		return err // a root that is missing is an outage
	}
	defer in.Close()
	name, ok := servable(name)
	if !ok {
		return usher.Errorf(usher.ErrNotFound, "%.200q is no image", name)
	}
	if err := notBootFile(in, name); err != nil {
		return err
	}
	file, info, err := NewFiles(in).open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return usher.Errorf(usher.ErrNotFound, "%v", err)
	}
	if err != nil {
		return err
	}
	defer file.Close()
	serveFile(w, r, file, info)
	return nil
}

// bootFileName is the name of every boot file of Ironic's in its node's folder.
const bootFileName = "config"

// maxLinks is how many links in a row are followed, as Linux has it.
const maxLinks = 40

// notBootFile refuses a boot file, and a link or a chain of links to one: they
// have one way out, which is the gate. What cannot be found out is an error.
func notBootFile(root *os.Root, name string) error {
	for range maxLinks {
		if path.Base(name) == bootFileName {
			return usher.Errorf(usher.ErrNotFound, "%.200q is no image but a boot file", name)
		}
		target, err := root.Readlink(name)
		switch {
		case errors.Is(err, syscall.EINVAL), errors.Is(err, fs.ErrNotExist): // no link
			return nil
		case err != nil:
			return err
		case path.Base(target) == bootFileName:
			return usher.Errorf(usher.ErrNotFound, "%.200q is no image but a link to a boot file", name)
		case path.IsAbs(target):
			return nil // the root refuses to follow it
		}
		if name = path.Join(path.Dir(name), target); strings.HasPrefix(name, "../") {
			return nil // likewise
		}
	}
	return usher.Errorf(usher.ErrNotFound, "%.200q is a link in a circle", name)
}

// log makes the request's one log line.
func (i *IronicImages) log(r *http.Request, outcome string, err error) {
	level := slog.LevelInfo
	attrs := []slog.Attr{slog.String("remote", remote(r)), slog.String("method", r.Method),
		slog.String("path", r.URL.Path[:min(len(r.URL.Path), 256)]), slog.String("outcome", outcome)}
	if err != nil {
		level = slog.LevelWarn
		attrs = append(attrs, slog.Any("error", err))
	}
	i.o.Logger.LogAttrs(r.Context(), level, "image request", attrs...)
}
