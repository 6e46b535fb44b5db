package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// copyFile copies a file:// image. Ironic hard-links it: then whoever edits
// the file in place changes what a booting node is reading, and our
// permissions are the source's too. The kernel shares the blocks where the
// file system can.
func (d *download) copyFile(ctx context.Context) error {
	f, err := d.store.openAllowed(d.source)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return invalid(d.source.shown, "Specified image file not found.")
	}
	if n := d.known; n != nil && n.Size == info.Size() && n.Modified.Equal(info.ModTime()) {
		return errFresh
	}
	if err := d.restart(); err != nil {
		return err
	}
	d.note.Modified = info.ModTime()
	d.total = info.Size()
	const piece = 32 << 20 // between two looks at ctx
	for err = nil; err == nil; {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var n int64
		n, err = io.CopyN(d.file, f, piece)
		d.done += n
		d.written += n
		d.report(false)
	}
	if err != io.EOF {
		return fmt.Errorf("copy image %s: %w", d.source.shown, err)
	}
	if err := d.rehash(); err != nil {
		return err
	}
	return d.finish()
}

// rehash reads back what the kernel has copied.
func (d *download) rehash() error {
	if _, err := d.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	buffer := make([]byte, 128<<10)
	for {
		n, err := d.file.Read(buffer)
		d.sum(buffer[:n])
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// openAllowed opens a local image if, with every symbolic link resolved, it
// lies in an allowed folder. It is opened through that folder, so that no
// link made meanwhile leads out of it.
func (st *Store) openAllowed(s source) (*os.File, error) {
	refused := invalid(s.shown, "Security: Path %s is not allowed for image source file URLs "+
		"([conductor]file_url_allowed_paths)", s.url.Path)
	for _, allowed := range st.options.AllowedPaths {
		// Whether a file outside exists is not ours to tell.
		if clean := filepath.Clean(s.url.Path); clean != allowed && !strings.HasPrefix(clean, strings.TrimRight(filepath.Clean(allowed), "/")+"/") {
			continue
		}
		real, err := filepath.EvalSymlinks(s.url.Path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, invalid(s.shown, "Specified image file not found.")
		}
		if err != nil {
			return nil, invalid(s.shown, "%v", err)
		}
		return st.openBelow(s, real, refused)
	}
	return nil, refused
}

func (st *Store) openBelow(s source, real string, refused error) (*os.File, error) {
	for _, allowed := range st.options.AllowedPaths {
		allowed, err := filepath.EvalSymlinks(allowed)
		if err != nil {
			continue // an allowed folder that is not there
		}
		below, err := filepath.Rel(allowed, real)
		if err != nil || !filepath.IsLocal(below) {
			continue
		}
		root, err := os.OpenRoot(allowed)
		if err != nil {
			// An allowed path may be a single file.
			if real == allowed {
				return os.OpenFile(real, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
			}
			return nil, invalid(s.shown, "%v", err)
		}
		defer root.Close()
		f, err := root.OpenFile(below, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		if err != nil {
			return nil, invalid(s.shown, "%v", err)
		}
		return f, nil
	}
	return nil, refused
}
