package bootiface

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// cache keeps the content of boot files that were read lately. Whether a file
// is still the one that was read its own inode tells, at each request: the
// disk stays what answers, only the reading is saved. Its zero value is ready.
type cache struct {
	mu       sync.Mutex
	new, old map[string]cached // of paths; old is what new was before it was full
	bytes    int               // in new
}

type cached struct {
	file    identity
	content string
	written time.Time
}

// identity tells one writing of a file from any other.
type identity struct {
	dev, ino     uint64
	size         int64
	mtime, ctime unix.Timespec
}

func identify(s *unix.Stat_t) identity {
	return identity{s.Dev, s.Ino, s.Size, s.Mtim, s.Ctim}
}

// mostCached bounds the bytes in each half of the cache.
const mostCached = 1 << 20

// settled is how old a file must be to be kept: two writings within one tick
// of the file system's clock could look the same.
const settled = time.Second

// lookup returns what was read of the file at path, if it still is that file.
func (c *cache) lookup(path string) (cached, bool) {
	c.mu.Lock()
	got, ok := c.new[path]
	if !ok {
		if got, ok = c.old[path]; ok {
			c.keep(path, got)
		}
	}
	c.mu.Unlock()
	if !ok {
		return cached{}, false
	}
	var now unix.Stat_t
	if err := unix.Stat(path, &now); err != nil || identify(&now) != got.file {
		return cached{}, false
	}
	return got, true
}

// add keeps what was read of a file, unless it may be changing.
func (c *cache) add(path string, s *unix.Stat_t, content string) {
	changed := time.Unix(max(s.Mtim.Sec, s.Ctim.Sec), 0)
	if age := time.Since(changed); age < settled+time.Second { // the fraction was cut off
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(path, cached{identify(s), content, time.Unix(s.Mtim.Unix())})
}

func (c *cache) keep(path string, entry cached) {
	size := len(path) + len(entry.content)
	if c.new == nil || c.bytes+size > mostCached {
		c.old, c.new, c.bytes = c.new, map[string]cached{}, 0
	}
	c.bytes += size
	c.new[path] = entry
}
