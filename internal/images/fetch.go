package images

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"syscall"
	"time"
)

// note is what is remembered of a source, to tell whether it has changed.
type note struct {
	URL          string    `json:"url"` // without credentials, for people
	Size         int64     `json:"size"`
	SHA256       string    `json:"sha256,omitempty"` // of the content; older versions have none
	ETag         string    `json:"etag,omitempty"`
	LastModified string    `json:"last_modified,omitempty"` // as the server wrote it
	Modified     time.Time `json:"modified,omitzero"`       // of a local file

	// checked is when this process last began to ask the source, which had
	// this content then.
	checked time.Time
}

// errFresh says that the cached image is still what its source has.
var errFresh = errors.New("not modified")

// errStale says that the cached image is used since its source does not answer.
var errStale = fmt.Errorf("the source is out of order: %w", errFresh)

const (
	partPrefix = "part-"
	noteSuffix = ".json"
)

// fetch makes sure that the store holds an image as its source has it now.
func (st *Store) fetch(ctx context.Context, s source) (digest string, err error) {
	if err := st.adopt(ctx, s); err != nil {
		st.options.Logger.Warn("cannot adopt an image of an older version; fetching it", "image", s.shown, "error", err)
	}
	known := st.known(s)
	if known != nil && s.sum != (checksum{}) {
		return known.SHA256, nil // it is what it was promised to be, and cannot change
	}
	select {
	case st.slots <- struct{}{}:
		defer func() { <-st.slots }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	d := &download{store: st, source: s, known: known}
	defer d.discard()
	started := time.Now()
	if s.url.Scheme == "file" {
		err = d.copyFile(ctx)
	} else {
		err = d.get(ctx)
	}
	if err == nil {
		d.note.checked = started
		err = st.keep(s, d)
	}
	st.options.Fetched(Fetch{Result: resultOf(ctx, err), Bytes: d.written, Took: time.Since(started)})
	switch {
	case err == nil:
		return d.note.SHA256, nil
	case errors.Is(err, errFresh):
		if !errors.Is(err, errStale) {
			known.checked = started
		}
		return known.SHA256, st.remember(s, *known)
	}
	return "", st.named(s, err)
}

// named puts the image's name to a failure of our disk, and says which disk is
// full instead of which temporary file.
func (st *Store) named(s source, err error) error {
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT} {
		if errors.Is(err, full) {
			return fmt.Errorf("store image %s: %s is full: %w", s.shown, st.options.Root, full)
		}
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("store image %s: %w", s.shown, err)
	}
	return err
}

// known returns the note of a source whose content is here, else nil.
func (st *Store) known(s source) *note {
	st.mu.RLock()
	defer st.mu.RUnlock()
	n, ok := st.notes[s.key]
	if c := st.contents[n.SHA256]; !ok || c == nil || c.missing {
		return nil
	}
	return &n
}

// remember notes that a source has been asked, and that its content is in use.
// It fails where the content was removed meanwhile.
func (st *Store) remember(s source, n note) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	c := st.contents[n.SHA256]
	if c == nil || c.missing {
		return unavailable(s.shown, "it was removed from the disk just now")
	}
	st.notes[s.key] = n
	c.used, c.source = time.Now(), &s
	return nil
}

// keep puts a finished download in its place.
func (st *Store) keep(s source, d *download) error {
	err := d.file.Chmod(st.options.FilePermission)
	if err == nil {
		err = d.file.Sync()
	}
	if err == nil && !d.note.Modified.IsZero() {
		// What serves the file may tell clients its age.
		err = st.root.Chtimes(d.name, time.Time{}, d.note.Modified)
	}
	if err != nil {
		return err
	}
	return st.place(s, d.note, d.name)
}

// place makes a whole file the content that n tells of, unless that is here
// already, and writes n down. The note comes second: without it the image is
// only fetched once more.
func (st *Store) place(s source, n note, file string) error {
	st.placing.Lock()
	defer st.placing.Unlock()
	if !st.Has(n.SHA256) {
		dir := path.Join(folder, n.SHA256)
		if err := st.makeFolder(dir); err != nil {
			return err
		}
		for _, name := range st.options.Names {
			if err := st.root.Symlink(contentFile, path.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
		}
		if err := st.root.Rename(file, path.Join(dir, contentFile)); err != nil {
			return err
		}
		st.mu.Lock()
		st.contents[n.SHA256] = &entry{size: n.Size}
		st.mu.Unlock()
	} else if err := st.root.Remove(file); err != nil {
		return err
	}
	if err := st.writeNote(s.key, n); err != nil {
		return err
	}
	return st.remember(s, n)
}

func (st *Store) writeNote(key string, n note) error {
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	temporary := path.Join(private, partPrefix+rand.Text())
	if err = st.root.WriteFile(temporary, text, 0o600); err == nil {
		err = st.root.Rename(temporary, path.Join(private, key+noteSuffix))
	}
	if err != nil {
		_ = st.root.Remove(temporary)
	}
	return err
}
