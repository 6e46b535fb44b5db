package conductor

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/usher-boot/usher"
)

// bootFiles keeps the boot files that were rendered since the start of this
// process, each for the stamp (Node.ProvisionUpdatedAt) and the boot interface
// of its node's row. Its memory is bounded: what has not been asked for the
// longest goes first, and is rendered again when it is asked for. Its zero
// value is ready.
//
// The files of nodes that boot the same images differ by the node's UUID and by
// the comment with its name alone. So all of them are kept as one text, and
// each of them as little more than its stamp: a hundred thousand nodes take
// about 15 MiB.
type bootFiles struct {
	mu         sync.Mutex
	generation int      // of settings and templates
	kept       [2]shelf // the one that is filled, and the one before it
}

// shelf is what was kept until it was full.
type shelf struct {
	nodes map[uuid.UUID]bootFile
	texts map[textKey]*sharedText // each once
	bytes int
}

// bootFile is one node's.
type bootFile struct {
	stamp int64  // in microseconds, as every database keeps it
	own   string // the first comment with the node's UUID
	text  *sharedText
}

// sharedText is what boot files have in common. uuidMark stands in it, and in a
// node's own comment, for the node's UUID.
type sharedText struct {
	textKey
	at       int  // where a node's own comment belongs
	verbatim bool // it is one node's alone, and no mark in it stands for a UUID
	images   []namedImage
}

type textKey struct{ iface, content, images string }

// namedImage is an image that a boot file names.
type namedImage struct{ name, digest string }

// uuidMark stands for a UUID. A boot file that has a zero byte, which only an
// operator's template can bring, is kept as it is.
const uuidMark = "\x00"

const (
	// mostBytes bounds each shelf.
	mostBytes = 16 << 20
	// entryBytes is about what a node takes beside its own comment.
	entryBytes = 112
	// textBytes is about what a text takes beside its content.
	textBytes = 512
)

// get returns the boot file that was rendered for a node's row, and the images
// that it names.
func (f *bootFiles) get(n usher.BootNode) (content string, images []namedImage, ok bool) {
	id, err := uuid.Parse(n.UUID)
	if err != nil {
		return "", nil, false
	}
	f.mu.Lock()
	file, ok := f.find(id)
	f.mu.Unlock()
	if !ok || file.stamp != n.ProvisionUpdatedAt.UnixMicro() || file.text.iface != n.BootInterface {
		return "", nil, false
	}
	return file.join(n.UUID), file.text.images, true
}

// find looks on both shelves; what is found stays. The caller holds mu.
func (f *bootFiles) find(id uuid.UUID) (bootFile, bool) {
	if file, ok := f.kept[0].nodes[id]; ok {
		return file, true
	}
	file, ok := f.kept[1].nodes[id]
	if ok {
		f.keep(id, file)
	}
	return file, ok
}

// current is the generation of settings that counts now, for put.
func (f *bootFiles) current() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.generation
}

// put keeps a boot file, unless it was rendered with settings of before.
func (f *bootFiles) put(n usher.BootNode, content string, images []namedImage, generation int) {
	id, err := uuid.Parse(n.UUID)
	if err != nil {
		return
	}
	file := split(content, n.UUID)
	file.stamp = n.ProvisionUpdatedAt.UnixMicro()
	file.text.iface, file.text.images, file.text.textKey.images = n.BootInterface, images, fmt.Sprint(images)
	f.mu.Lock()
	defer f.mu.Unlock()
	if generation == f.generation {
		f.keep(id, file)
	}
}

// keep puts a file on the first shelf. The caller holds mu.
func (f *bootFiles) keep(id uuid.UUID, file bootFile) {
	s := &f.kept[0]
	if s.nodes == nil || s.bytes > mostBytes {
		f.kept[1] = *s
		*s = shelf{nodes: map[uuid.UUID]bootFile{}, texts: map[textKey]*sharedText{}}
	}
	known, ok := s.texts[file.text.textKey]
	if !ok {
		known = file.text
		s.texts[known.textKey] = known
		s.bytes += textBytes + len(known.content)
	}
	file.text = known
	if _, ok := s.nodes[id]; !ok {
		s.bytes += entryBytes + len(file.own)
	}
	s.nodes[id] = file
}

// stamp is what a node's boot file was last rendered for; zero where none is
// kept.
func (f *bootFiles) stamp(nodeUUID string) time.Time {
	id, err := uuid.Parse(nodeUUID)
	if err != nil {
		return time.Time{}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if file, ok := f.find(id); ok {
		return time.UnixMicro(file.stamp).UTC()
	}
	return time.Time{}
}

// forget makes a node's boot file be rendered again.
func (f *bootFiles) forget(nodeUUID string) {
	id, err := uuid.Parse(nodeUUID)
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.kept {
		delete(f.kept[i].nodes, id)
	}
}

// forgetAll makes every boot file be rendered again.
func (f *bootFiles) forgetAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.generation++
	f.kept = [2]shelf{}
}

// split takes out of a boot file what is its node's alone.
func split(content, nodeUUID string) bootFile {
	if strings.Contains(content, uuidMark) {
		return bootFile{text: &sharedText{verbatim: true, textKey: textKey{content: content}}}
	}
	common := strings.ReplaceAll(content, nodeUUID, uuidMark)
	whole := bootFile{text: &sharedText{textKey: textKey{content: common}}}
	named := strings.Index(common, uuidMark)
	if named < 0 {
		return whole
	}
	at := strings.LastIndexByte(common[:named], '\n') + 1
	end := strings.IndexByte(common[named:], '\n')
	if common[at] != '#' || end < 0 {
		return whole
	}
	end += named
	return bootFile{own: strings.Clone(common[at:end]), text: &sharedText{at: at, textKey: textKey{content: common[:at] + common[end:]}}}
}

// join puts together again what split took apart.
func (b bootFile) join(nodeUUID string) string {
	common, at := b.text.content, b.text.at
	if b.text.verbatim {
		return common
	}
	var whole strings.Builder
	whole.Grow(len(common) + len(b.own) + 4*len(nodeUUID))
	for _, part := range [...]string{common[:at], b.own, common[at:]} {
		for {
			before, after, marked := strings.Cut(part, uuidMark)
			whole.WriteString(before)
			if !marked {
				break
			}
			whole.WriteString(nodeUUID)
			part = after
		}
	}
	return whole.String()
}
