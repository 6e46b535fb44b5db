package images

import (
	"context"
	"hash"
	"io"
	"os"
	"time"
)

// download is one image on its way into a partial file.
type download struct {
	cache  *Cache
	source source
	cached *note // what the cache has already, else nil
	file   *os.File
	hash   hash.Hash // nil without a checksum
	note   note      // of what is being fetched
	done   int64     // bytes in file
	// written is every byte written to it, also those of attempts that had
	// to begin anew.
	written int64
	total   int64 // -1 unknown

	reported time.Time
}

// restart empties the partial file.
func (d *download) restart() error {
	d.done = 0
	d.hash = newHash(d.source.sum.algorithm)
	if _, err := d.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return d.file.Truncate(0)
}

// readError is a failure of the source, to tell it from one of the disk.
type readError struct{ error }

func (e readError) Unwrap() error { return e.error }

// copyFrom appends r to the file until its end. alive is called at each sign
// of life.
func (d *download) copyFrom(ctx context.Context, r io.Reader, alive func()) error {
	buffer := make([]byte, 128<<10)
	for {
		n, err := r.Read(buffer)
		if n > 0 {
			alive()
			if _, err := d.file.Write(buffer[:n]); err != nil {
				return err
			}
			if d.hash != nil {
				d.hash.Write(buffer[:n])
			}
			d.done += int64(n)
			d.written += int64(n)
			d.report(false)
		}
		if err == io.EOF {
			return nil
		}
		if ctxErr := context.Cause(ctx); ctxErr != nil {
			return readError{ctxErr}
		}
		if err != nil {
			return readError{err}
		}
	}
}

// finish checks and describes a whole file.
func (d *download) finish() error {
	if err := d.source.check(d.hash); err != nil {
		return err
	}
	d.note.URL, d.note.Size = d.source.shown, d.done
	d.total = d.done
	d.report(true)
	return nil
}

func (d *download) report(last bool) {
	now := time.Now()
	if last || now.Sub(d.reported) >= 100*time.Millisecond {
		d.reported = now
		d.cache.options.Progress(Progress{URL: d.source.shown, Done: d.done, Total: d.total})
	}
}
