package ironicdisk

import (
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/usher-boot/usher/internal/bootiface"
)

// cache keeps boot files that were read lately, with their operands resolved.
// Whether a file is still the one that was read its own inode tells, at each
// request: the disk stays what answers, only reading and resolving are saved.
// Its zero value is ready.
//
// The files of nodes that boot the same image differ by the node's UUID alone,
// so what is kept of all of them is one text, and for each of them little more
// than its identity: ten thousand machines are a few megabytes.
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

// fileKey is a boot file of a node below a root.
type fileKey struct {
	root       bootiface.Root
	uuid, name string
}

type cached struct {
	file   identity
	text   string // the content, with uuidMark for the node's UUID
	size   int    // of the content
	images []Image
}

// uuidMark stands for the UUID in a text. No boot file has a zero byte.
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

// identityAt is the identity of the file at path, zero where there is none.
func identityAt(path string) identity {
	var s unix.Stat_t
	if err := unix.Stat(path, &s); err != nil {
		return identity{}
	}
	return identify(&s)
}

func (id identity) written() time.Time { return time.Unix(id.mtime.Unix()) }

const (
	// mostCached bounds the bytes of each generation.
	mostCached = 3 << 20
	// entryBytes is about what a file takes beside its text.
	entryBytes = 256
)

// settledAge is how old a file must be to be kept: two writings within one tick
// of the file system's clock could look the same. One second, and one for the
// fraction that is cut off.
const settledAge = 2 * time.Second

// lookup returns what was read of the file at path, if it still is that file.
func (c *cache) lookup(key fileKey, path string) (File, bool) {
	c.mu.Lock()
	got, ok := c.files[0].files[key]
	if !ok {
		if got, ok = c.files[1].files[key]; ok {
			c.keep(key, got)
		}
	}
	c.mu.Unlock()
	if !ok || identityAt(path) != got.file {
		return File{}, false
	}
	return File{Root: key.root, Path: path, Written: got.file.written(), Content: got.content(key.uuid), Images: got.images}, true
}

// add keeps a file, unless it may be changing.
func (c *cache) add(key fileKey, id identity, f *File) {
	changed := time.Unix(max(id.mtime.Sec, id.ctime.Sec), 0)
	if time.Since(changed) < settledAge || strings.Contains(f.Content, uuidMark) {
		return
	}
	entry := cached{file: id, text: strings.ReplaceAll(f.Content, key.uuid, uuidMark), size: len(f.Content), images: f.Images}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(key, entry)
}

// content puts the UUID back.
func (e *cached) content(uuid string) string {
	var b strings.Builder
	b.Grow(e.size)
	for rest := e.text; ; {
		before, after, marked := strings.Cut(rest, uuidMark)
		b.WriteString(before)
		if !marked {
			return b.String()
		}
		b.WriteString(uuid)
		rest = after
	}
}

func (c *cache) keep(key fileKey, entry cached) {
	size := entryBytes
	for _, i := range entry.images {
		size += len(i.Name)
	}
	g := &c.files[0]
	if g.files == nil || g.bytes+size+len(entry.text) > mostCached {
		c.files[1] = *g
		*g = generation{files: map[fileKey]cached{}, texts: map[string]string{}}
	}
	g.bytes += size
	text, ok := g.texts[entry.text]
	if !ok {
		text = entry.text
		g.texts[text] = text
		g.bytes += len(text)
	}
	entry.text = text
	g.files[key] = entry
}
