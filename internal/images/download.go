package images

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"
	"path"
	"time"
)

// download is one image on its way into a partial file.
type download struct {
	store  *Store
	source source
	known  *note     // what the store has of this source already, else nil
	name   string    // of the partial file, below the root
	file   *os.File  // nil until there is something to write
	hash   hash.Hash // what the source's checksum is compared with; nil without one
	digest hash.Hash // SHA-256, may be hash itself
	note   note      // of what is being fetched
	done   int64     // bytes in file
	// written is every byte written to it, also those of attempts that had
	// to begin anew.
	written int64
	total   int64 // -1 unknown

	reported time.Time
}

// restart empties the partial file, and makes it where there is none.
func (d *download) restart() error {
	d.done = 0
	d.digest = sha256.New()
	if d.hash = newHash(d.source.sum.algorithm); d.source.sum.algorithm == "sha256" {
		d.hash = d.digest
	}
	if d.file == nil {
		d.name = path.Join(private, partPrefix+rand.Text())
		err := d.store.root.MkdirAll(private, privateMode) // somebody may have tidied up
		if err == nil {
			d.file, err = d.store.root.OpenFile(d.name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		}
		return err
	}
	if _, err := d.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return d.file.Truncate(0)
}

// discard takes the partial file away; once it was put in its place it is not
// there under this name.
func (d *download) discard() {
	if d.file != nil {
		_ = errors.Join(d.file.Close(), d.store.root.Remove(d.name))
	}
}

// sum adds bytes to the hashes.
func (d *download) sum(p []byte) {
	d.digest.Write(p)
	if d.hash != nil && d.hash != d.digest {
		d.hash.Write(p)
	}
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
			d.sum(buffer[:n])
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
	d.note.SHA256 = hex.EncodeToString(d.digest.Sum(nil))
	d.total = d.done
	d.report(true)
	return nil
}

func (d *download) report(last bool) {
	now := time.Now()
	if last || now.Sub(d.reported) >= 100*time.Millisecond {
		d.reported = now
		d.store.options.Progress(Progress{URL: d.source.shown, Done: d.done, Total: d.total})
	}
}
