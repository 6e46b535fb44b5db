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

// stalePart is how long a partial file may lie untouched: longer than any
// download stands still.
const stalePart = time.Hour

// entry is an image in the cache.
type entry struct {
	key    string
	size   int64
	unused bool      // no node has a link to it
	since  time.Time // its last use: linking and unlinking change a file's ctime
}

// Sweep removes what nobody needs: images that no node links to, once they
// have been unused for the time to live, or the longest unused first while
// the cache is larger than its limit; and what interrupted downloads left.
// An image that a node links to is never removed.
func (c *Cache) Sweep(ctx context.Context) error {
	entries, err := c.list(ctx)
	if err != nil {
		return fmt.Errorf("sweep image cache: %w", err)
	}
	slices.SortFunc(entries, func(a, b entry) int { return a.since.Compare(b.since) })
	var total int64
	for _, e := range entries {
		total += e.size
	}
	limit := c.options.MaxSize
	for _, e := range entries {
		tooMuch := limit > 0 && total > limit
		if !e.unused || c.flying(e.key) || !tooMuch && time.Since(e.since) < c.options.TTL {
			continue
		}
		if err := c.remove(e.key); err != nil {
			return fmt.Errorf("sweep image cache: %w", err)
		}
		c.options.Logger.Info("removed unused image", "key", e.key, "bytes", e.size, "unused_since", e.since)
		total -= e.size
	}
	if limit > 0 && total > limit {
		c.options.Logger.Warn("image cache is larger than its limit, but all of it is in use", "bytes", total, "limit", limit)
	}
	return nil
}

func (c *Cache) remove(key string) error {
	for _, name := range []string{key + noteSuffix, key} {
		if err := c.root.Remove(path.Join(folder, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// list reads the cache, and removes stale partial files and lonely notes.
func (c *Cache) list(ctx context.Context) ([]entry, error) {
	files, err := fs.ReadDir(c.root.FS(), folder)
	if err != nil {
		return nil, err
	}
	var entries []entry
	for _, f := range files {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		info, err := f.Info()
		if err != nil {
			continue // gone meanwhile
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok || !info.Mode().IsRegular() {
			continue
		}
		since := time.Unix(stat.Ctim.Unix())
		key, isNote := strings.CutSuffix(f.Name(), noteSuffix)
		switch {
		case strings.HasPrefix(f.Name(), partPrefix):
			if time.Since(since) > stalePart {
				err = c.root.Remove(path.Join(folder, f.Name()))
			}
		case isNote:
			if _, statErr := c.root.Stat(path.Join(folder, key)); errors.Is(statErr, fs.ErrNotExist) && !c.flying(key) {
				err = c.root.Remove(path.Join(folder, f.Name()))
			}
		default:
			entries = append(entries, entry{key: f.Name(), size: info.Size(), unused: stat.Nlink == 1, since: since})
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return entries, nil
}
