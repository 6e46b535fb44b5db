package bootapi

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
)

// ImageOptions are the parts of an image handler.
type ImageOptions struct {
	// Open opens an image by the SHA-256 of its content. ErrNotFound means
	// that there is none, any other error that it cannot be had just now.
	Open func(digest string) (*os.File, error)
	// NodeImage gives the digest of the image that a node boots under a name.
	// Its errors are as Open's.
	NodeImage func(ctx context.Context, nodeUUID, name string) (digest string, err error)
	// Next answers what is no image.
	Next http.Handler
}

// Images serves kernels and ramdisks: by their content, which never changes,
// so anybody may keep it; and by their node for boot files of older versions
// of Usher.
func Images(o ImageOptions) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := "/" + strings.TrimLeft(r.URL.Path, "/")
		if digest, _, ok := bootiface.ParseImagePath(path); ok && len(digest) == digestLength {
			o.serve(w, r, digest, forGood)
			return
		}
		nodeUUID, name, ok := bootiface.ParseNodePath(path)
		if !ok {
			o.Next.ServeHTTP(w, r)
			return
		}
		digest, err := o.NodeImage(r.Context(), nodeUUID, name)
		if err != nil {
			refuse(w, r, err)
			return
		}
		o.serve(w, r, digest, asked)
	})
}

// digestLength is that of a SHA-256 in hex digits.
const digestLength = 64

// How long an answer may be kept.
const (
	forGood = "public, max-age=31536000, immutable"
	asked   = "no-cache" // the node may boot another image by then
)

func (o ImageOptions) serve(w http.ResponseWriter, r *http.Request, digest, keep string) {
	file, err := o.Open(digest)
	if err != nil {
		refuse(w, r, err)
		return
	}
	defer file.Close()
	w.Header().Set("Cache-Control", keep)
	w.Header().Set("Etag", `"`+digest+`"`)
	info, err := file.Stat()
	if err != nil {
		refuse(w, r, err)
		return
	}
	serveFile(w, r, file, info)
}

func refuse(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, usher.ErrNotFound) || errors.Is(err, usher.ErrUnsupported) {
		NotFound(w, r)
		return
	}
	unavailable(w, r)
}
