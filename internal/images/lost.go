package images

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"github.com/usher-boot/usher"
)

// errChanged says that a file is not the content that was stored under its name.
var errChanged = errors.New("it is not the file that was stored")

// openRegular opens a file that must have the given size.
func openRegular(root *os.Root, name string, size int64) (*os.File, error) {
	// Not to block on a pipe that somebody put there.
	file, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && (!info.Mode().IsRegular() || info.Size() != size) {
		err = errChanged
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// lost notes that a content is no longer on the disk, and begins to fetch it
// again from where it came. A machine that has its name must hear "not now"
// until then. Where nobody knows where it came from, or its source has
// something else by now, it is forgotten: whoever asks for it asks for a boot
// file again, which names what there is.
func (st *Store) lost(digest string, cause error) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	c := st.contents[digest]
	if c == nil || c.source == nil || st.ctx.Err() != nil {
		delete(st.contents, digest)
		return usher.Errorf(usher.ErrNotFound, "image %s is gone: %v", digest, cause)
	}
	if !c.missing {
		c.missing = true
		st.options.Logger.Warn("an image is not on the disk as it was stored; fetching it again", "image", c.source.shown,
			"sha256", digest, "cause", cause)
	}
	if s := *c.source; st.flights[s.key] == nil {
		st.work.Go(func() { st.again(digest, s) })
	}
	return usher.Errorf(usher.ErrUnavailable, "image %s is being fetched again", digest)
}

// again fetches a content that was lost.
func (st *Store) again(digest string, s source) {
	if _, err := st.ensure(st.ctx, s); err != nil {
		st.options.Logger.Warn("cannot fetch an image again", "image", s.shown, "error", err)
		return // it stays missing; who asks for it next begins anew
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if c := st.contents[digest]; c != nil && c.missing {
		delete(st.contents, digest)
	}
}

// gone says that a file or folder is not there.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) }
