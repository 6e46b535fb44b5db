package bootapi

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"strings"
	"syscall"
	"time"
)

// Files serves what lies below a conductor's http_root: loaders, and what an
// operator has put there.
type Files struct {
	root *os.Root
}

// NewFiles returns a handler for what lies below root, which stays the
// caller's to close.
func NewFiles(root *os.Root) *Files { return &Files{root: root} }

func (f *Files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, ok := servable(r.URL.Path)
	if !ok {
		NotFound(w, r)
		return
	}
	file, info, err := f.open(name)
	if isOutage(err) {
		unavailable(w, r)
		return
	}
	if err != nil {
		NotFound(w, r)
		return
	}
	defer file.Close()
	serveFile(w, r, file, info)
}

// unavailable answers where this host cannot give a file just now.
func unavailable(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "5")
	answer(w, r, http.StatusServiceUnavailable, "# not available now\n")
}

// open opens a regular file.
func (f *Files) open(name string) (*os.File, os.FileInfo, error) {
	// Not to block on a pipe that somebody put there.
	file, err := f.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: %w", name, errNotRegular)
	}
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, info, nil
}

var errNotRegular = errors.New("it is not a regular file")

// serveFile answers with a file, or the part of it that was asked for.
func serveFile(w http.ResponseWriter, r *http.Request, file *os.File, info os.FileInfo) {
	w.Header().Set("Content-Type", contentType(file.Name()))
	http.ServeContent(&patient{ResponseWriter: w, control: http.NewResponseController(w)},
		r, "", info.ModTime(), file)
}

// servable gives the name below the root for a URL's path.
func servable(urlPath string) (string, bool) {
	name := strings.TrimLeft(urlPath, "/")
	if name == "" || path.Clean(name) != name {
		return "", false
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") {
			return "", false
		}
	}
	return name, true
}

// isOutage tells what this host cannot do just now from what is not there: a
// machine that is told "no" does not ask again.
func isOutage(err error) bool {
	for _, e := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EIO, syscall.ESTALE} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// contentType spares firmware and ServeContent the guessing. UEFI HTTP boot
// takes a program by its suffix or by this type.
func contentType(name string) string {
	if strings.HasSuffix(name, ".efi") {
		return "application/efi"
	}
	return "application/octet-stream"
}

// patient lets a large file take as long as it needs, and drops the client
// that takes nothing for stallTimeout.
type patient struct {
	http.ResponseWriter
	control *http.ResponseController
}

const (
	stallTimeout = 60 * time.Second
	stallChunk   = 1 << 20
)

// ReadFrom hands whole chunks of a file down, so that the kernel sends them
// without their passing through this process.
func (p *patient) ReadFrom(src io.Reader) (int64, error) {
	left := int64(1<<63 - 1)
	if limited, ok := src.(*io.LimitedReader); ok {
		// sendfile is used through one LimitedReader, not through two.
		src, left = limited.R, limited.N
	}
	var sent int64
	for left > 0 {
		// Not every connection has deadlines (tests); then nothing is bounded.
		_ = p.control.SetWriteDeadline(time.Now().Add(stallTimeout))
		chunk := min(left, stallChunk)
		n, err := io.Copy(p.ResponseWriter, &io.LimitedReader{R: src, N: chunk})
		sent += n
		left -= n
		if err != nil || n < chunk {
			return sent, err
		}
	}
	return sent, nil
}
