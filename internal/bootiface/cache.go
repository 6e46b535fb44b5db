package bootiface

import (
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// cache keeps the content of boot files that were read lately. Whether a file
// is still the one that was read its own inode tells, at each request: the
// disk stays what answers, only the reading is saved. Its zero value is ready.
//
// The files of nodes that boot the same image differ by the node's UUID and by
// the comment with its name alone, so what is kept of all of them is one text,
// and for each of them little more than its identity: ten thousand machines
// are a few megabytes.
type cache struct {
	mu    sync.Mutex
	files [2]generation // the one that is filled, and the one before it
}

// generation is what was kept until it was full.
type generation struct {
	files map[fileKey]cached
	texts map[string]string // each once
	bytes int
}

// fileKey is a node's boot file.
type fileKey struct {
	root Root
	uuid string
}

type cached struct {
	file identity
	text string // the content, with uuidMark for the node's UUID, without own
	own  string // the first comment with the node's UUID, likewise
	at   int    // where own belongs in text
}

// uuidMark stands for the UUID in a text. No boot file has a zero byte; one
// that has is not kept.
const uuidMark = "\x00"

// identity tells one writing of a file from any other.
type identity struct {
	dev, ino     uint64
	size         int64
	mtime, ctime unix.Timespec
}

func identify(s *unix.Stat_t) identity {
	return identity{s.Dev, s.Ino, s.Size, s.Mtim, s.Ctim}
}

const (
	// mostCached bounds the bytes of each generation.
	mostCached = 3 << 20
	// entryBytes is about what a file takes beside its text.
	entryBytes = 256
)

// settled is how old a file must be to be kept: two writings within one tick
// of the file system's clock could look the same.
const settled = time.Second

// lookup returns what was read of the file at path, if it still is that file.
func (c *cache) lookup(key fileKey, path string) (content string, written time.Time, ok bool) {
	c.mu.Lock()
	got, ok := c.files[0].files[key]
	if !ok {
		if got, ok = c.files[1].files[key]; ok {
			c.keep(key, got)
		}
	}
	c.mu.Unlock()
	if !ok {
		return "", time.Time{}, false
	}
	var now unix.Stat_t
	if err := unix.Stat(path, &now); err != nil || identify(&now) != got.file {
		return "", time.Time{}, false
	}
	return got.content(key.uuid), time.Unix(now.Mtim.Unix()), true
}

// add keeps what was read of a file, unless it may be changing.
func (c *cache) add(key fileKey, s *unix.Stat_t, content string) {
	changed := time.Unix(max(s.Mtim.Sec, s.Ctim.Sec), 0)
	if age := time.Since(changed); age < settled+time.Second { // the fraction was cut off
		return
	}
	if strings.Contains(content, uuidMark) {
		return
	}
	entry := split(content, key.uuid)
	entry.file = identify(s)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(key, entry)
}

// split takes out of a boot file what is its node's alone.
func split(content, uuid string) cached {
	text := strings.ReplaceAll(content, uuid, uuidMark)
	named := strings.Index(text, uuidMark)
	if named < 0 {
		return cached{text: text}
	}
	at := strings.LastIndexByte(text[:named], '\n') + 1
	end := strings.IndexByte(text[named:], '\n')
	if text[at] != '#' || end < 0 {
		return cached{text: text}
	}
	end += named
	return cached{text: text[:at] + text[end:], own: strings.Clone(text[at:end]), at: at}
}

// content puts together again what split took apart.
func (e *cached) content(uuid string) string {
	var b strings.Builder
	b.Grow(int(e.file.size))
	for _, part := range [...]string{e.text[:e.at], e.own, e.text[e.at:]} {
		for {
			before, after, marked := strings.Cut(part, uuidMark)
			b.WriteString(before)
			if !marked {
				break
			}
			b.WriteString(uuid)
			part = after
		}
	}
	return b.String()
}

func (c *cache) keep(key fileKey, entry cached) {
	g := &c.files[0]
	if g.files == nil || g.bytes+entryBytes+len(entry.own)+len(entry.text) > mostCached {
		c.files[1] = *g
		*g = generation{files: map[fileKey]cached{}, texts: map[string]string{}}
	}
	g.bytes += entryBytes + len(entry.own)
	text, ok := g.texts[entry.text]
	if !ok {
		text = entry.text
		g.texts[text] = text
		g.bytes += len(text)
	}
	entry.text = text
	g.files[key] = entry
}
