package journal

import (
	"slices"
	"strings"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/dispatch"
)

// Stranger is a MAC address of no node that asked for a boot file.
type Stranger struct {
	MAC    usher.MAC
	First  time.Time
	Last   time.Time
	Count  uint64
	Remote string   // of its last request
	Files  []string // each once
}

type stranger struct{ Stranger }

// knocked notes a well-formed MAC of no node. Its file is one of the names
// that boot interfaces know, or it would not have come this far.
func (j *Journal) knocked(d *dispatch.Decision) {
	s, ok := j.strangers.get(d.MAC)
	if !ok {
		s = &stranger{Stranger{MAC: d.MAC, First: d.Time}}
	}
	s.Last = d.Time
	s.Count++
	if s.Remote != d.Remote {
		s.Remote = strings.Clone(d.Remote)
	}
	if !slices.Contains(s.Files, d.File) && len(s.Files) < maxFiles {
		s.Files = append(s.Files, strings.Clone(d.File))
	}
	j.strangers.put(d.MAC, s)
}

// maxFiles is more than there are boot file names.
const maxFiles = 8

// CountUnknown counts the MAC addresses of no node that asked.
func (j *Journal) CountUnknown() int {
	if j == nil {
		return 0
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.strangers.len()
}

// Unknown returns the MAC addresses of no node that asked, the last one first,
// at most limit of them, or all with 0. One that a node has got since leaves
// the list when it asks again.
func (j *Journal) Unknown(limit int) []Stranger {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if limit <= 0 {
		limit = j.strangers.len()
	}
	found := make([]Stranger, 0, min(limit, j.strangers.len()))
	for _, s := range j.strangers.each {
		if len(found) == limit {
			break
		}
		copied := s.Stranger
		copied.Files = slices.Clone(s.Files)
		found = append(found, copied)
	}
	return found
}
