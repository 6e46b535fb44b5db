package images

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	// staleFile is how long a file that nobody knows may lie untouched: longer
	// than any download stands still.
	staleFile = time.Hour
	// scanEvery is how often it is found out what is in use where nothing is
	// to be removed, so that the last use of an image is known about as well.
	scanEvery = time.Hour
)

// Use is what nodes need.
type Use struct {
	Images  map[Image]bool  // by where it comes from
	Digests map[string]bool // by content
}

// Sweep removes what nobody needs: images that no node uses, once they have
// been unused for the time to live, or the longest unused first while the
// store is larger than its limit; and what interrupted downloads left. inUse
// tells what nodes need; it is only asked where that counts. An image that is
// in use, or was until a moment ago, is never removed.
func (st *Store) Sweep(ctx context.Context, inUse func(context.Context) (Use, error)) error {
	err := st.tidy(ctx, time.Now().Add(-staleFile))
	if err == nil && (time.Since(st.scanned) >= scanEvery || len(st.removable(nil)) > 0) {
		err = st.sweep(ctx, inUse)
	}
	if err != nil {
		return fmt.Errorf("sweep images: %w", err)
	}
	return nil
}

func (st *Store) sweep(ctx context.Context, inUse func(context.Context) (Use, error)) error {
	use, err := inUse(ctx)
	if err != nil {
		return err
	}
	needed, err := st.mark(use)
	if err != nil {
		return err
	}
	st.scanned = time.Now()
	for _, digest := range st.removable(needed) {
		if err := st.remove(digest); err != nil {
			return err
		}
	}
	if size, limit := st.size(), st.options.MaxSize; limit > 0 && size > limit {
		st.options.Logger.Warn("the image store is larger than its limit, but all of it is in use", "bytes", size, "limit", limit)
	}
	return st.removeOlder(use)
}

// mark notes what is in use now, and gives its digests.
func (st *Store) mark(use Use) (digests map[string]bool, err error) {
	now := time.Now()
	st.mu.Lock()
	digests = map[string]bool{}
	for digest := range use.Digests {
		digests[digest] = true
	}
	for image := range use.Images {
		if s, err := parse(image); err == nil {
			digests[st.notes[s.key].SHA256] = true
		}
	}
	for digest := range digests {
		if c := st.contents[digest]; c != nil {
			c.used = now
		} else {
			delete(digests, digest)
		}
	}
	st.mu.Unlock()
	for digest := range digests {
		if err := st.touch(digest, now); err != nil {
			return nil, err
		}
	}
	return digests, nil
}

// removable are the contents to be removed, but for those that are needed.
func (st *Store) removable(needed map[string]bool) []string {
	st.mu.RLock()
	defer st.mu.RUnlock()
	var digests []string
	var size int64
	for digest, c := range st.contents {
		digests = append(digests, digest)
		size += c.size
	}
	slices.SortFunc(digests, func(a, b string) int { return st.contents[a].used.Compare(st.contents[b].used) })
	limit := st.options.MaxSize
	return slices.DeleteFunc(digests, func(digest string) bool {
		c := st.contents[digest]
		tooMuch := limit > 0 && size > limit
		unused := time.Since(c.used)
		if needed[digest] || unused < st.recent || !tooMuch && unused < st.options.TTL {
			return true
		}
		size -= c.size
		return false
	})
}

func (st *Store) size() (bytes int64) {
	st.mu.RLock()
	defer st.mu.RUnlock()
	for _, c := range st.contents {
		bytes += c.size
	}
	return bytes
}

// remove removes a content and the notes of its sources, unless it has been
// used since it was found to be removable.
func (st *Store) remove(digest string) error {
	st.placing.Lock()
	defer st.placing.Unlock()
	st.mu.Lock()
	c := st.contents[digest]
	if c == nil || time.Since(c.used) < st.recent {
		st.mu.Unlock()
		return nil
	}
	delete(st.contents, digest)
	var keys []string
	for key, n := range st.notes {
		if n.SHA256 == digest {
			keys = append(keys, key)
			delete(st.notes, key)
		}
	}
	st.mu.Unlock()
	for _, key := range keys {
		if err := st.root.Remove(path.Join(private, key+noteSuffix)); err != nil && !gone(err) {
			return err
		}
	}
	if err := st.root.RemoveAll(path.Join(folder, digest)); err != nil {
		return err
	}
	st.options.Logger.Info("removed an unused image", "sha256", digest, "bytes", c.size, "last_used", c.used)
	return nil
}

// tidy removes what interrupted downloads and removals left in the private
// folder, if it has not changed since a time.
func (st *Store) tidy(ctx context.Context, before time.Time) error {
	files, err := fs.ReadDir(st.root.FS(), private)
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range files {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if st.needs(f.Name()) {
			continue
		}
		if changed, ok := changed(f); ok && changed.Before(before) {
			if err := st.root.Remove(path.Join(private, f.Name())); err != nil && !gone(err) {
				return err
			}
		}
	}
	return nil
}

// needs says whether a file of the private folder is known.
func (st *Store) needs(name string) bool {
	st.mu.RLock()
	defer st.mu.RUnlock()
	key, _ := strings.CutSuffix(name, noteSuffix)
	_, note := st.notes[key]
	_, older := st.older[key]
	return note && key != name || older
}

// removeOlder removes images of an older version that nobody has asked for
// since.
func (st *Store) removeOlder(use Use) error {
	wanted := map[string]bool{}
	for image := range use.Images {
		if s, err := parse(image); err == nil {
			wanted[s.key] = true
		}
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	for key := range st.older {
		info, err := st.root.Stat(path.Join(private, key))
		if wanted[key] || err == nil && time.Since(changedAt(info)) < st.options.TTL {
			continue
		}
		for _, name := range []string{key + noteSuffix, key} {
			if err := st.root.Remove(path.Join(private, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		delete(st.older, key)
	}
	return nil
}

// changed is when a file was last changed in any way.
func changed(f fs.DirEntry) (time.Time, bool) {
	info, err := f.Info()
	if err != nil {
		return time.Time{}, false // gone meanwhile
	}
	return changedAt(info), true
}

func changedAt(info fs.FileInfo) time.Time {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(stat.Ctim.Unix())
	}
	return info.ModTime()
}
