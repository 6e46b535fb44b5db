package images

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"
)

// note is what is remembered beside a cached image, to tell whether its
// source has changed.
type note struct {
	URL          string    `json:"url"` // without credentials, for people
	Size         int64     `json:"size"`
	ETag         string    `json:"etag,omitempty"`
	LastModified string    `json:"last_modified,omitempty"` // as the server wrote it
	Modified     time.Time `json:"modified,omitzero"`       // of a local file
}

// errFresh says that the cached image is still what its source has.
var errFresh = errors.New("not modified")

// errStale says that the cached image is used since its source does not answer.
var errStale = fmt.Errorf("the source is out of order: %w", errFresh)

const (
	partPrefix = "part-"
	noteSuffix = ".json"
)

// fetch makes sure that the cache holds an image as its source has it now.
func (c *Cache) fetch(ctx context.Context, s source) error {
	cached := c.cached(s)
	if cached != nil && s.sum != (checksum{}) {
		return nil // it is what it was promised to be, and cannot change
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	name := path.Join(folder, partPrefix+rand.Text())
	part, err := c.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return c.named(s, err)
	}
	// Once renamed it is not there to be removed.
	defer func() { _ = errors.Join(part.Close(), c.root.Remove(name)) }()

	d := &download{cache: c, source: s, cached: cached, file: part}
	started := time.Now()
	if s.url.Scheme == "file" {
		err = d.copyFile(ctx)
	} else {
		err = d.get(ctx)
	}
	if err == nil {
		err = c.store(s, d, name)
	}
	c.options.Fetched(Fetch{Result: resultOf(ctx, err), Bytes: d.written, Took: time.Since(started)})
	if errors.Is(err, errFresh) {
		return nil
	}
	return c.named(s, err)
}

// named puts the image's name to a failure of our disk, and says which disk is
// full instead of which temporary file.
func (c *Cache) named(s source, err error) error {
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT} {
		if errors.Is(err, full) {
			return fmt.Errorf("store image %s: %s is full: %w", s.shown, c.options.Root, full)
		}
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("store image %s: %w", s.shown, err)
	}
	return err
}

// cached returns the note of an image that the cache holds whole, else nil.
func (c *Cache) cached(s source) *note {
	text, err := c.root.ReadFile(path.Join(folder, s.key+noteSuffix))
	if err != nil {
		return nil
	}
	var n note
	info, err := c.root.Stat(path.Join(folder, s.key))
	if err != nil || json.Unmarshal(text, &n) != nil || info.Size() != n.Size {
		return nil
	}
	return &n
}

// store puts a finished download in its place. The note comes second: an
// image with an older note is only fetched once more.
func (c *Cache) store(s source, d *download, part string) error {
	err := d.file.Chmod(c.options.FilePermission)
	if err == nil {
		err = d.file.Sync()
	}
	if err == nil && !d.note.Modified.IsZero() {
		// What serves the file may tell clients its age.
		err = c.root.Chtimes(part, time.Time{}, d.note.Modified)
	}
	if err == nil {
		err = c.root.Rename(part, path.Join(folder, s.key))
	}
	if err != nil {
		return err
	}
	text, err := json.Marshal(d.note)
	if err != nil {
		return err
	}
	temporary := path.Join(folder, partPrefix+rand.Text())
	if err = c.root.WriteFile(temporary, text, 0o600); err == nil {
		err = c.root.Rename(temporary, path.Join(folder, s.key+noteSuffix))
	}
	if err != nil {
		_ = c.root.Remove(temporary)
	}
	return err
}
