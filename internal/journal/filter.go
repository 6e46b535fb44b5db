package journal

import (
	"strings"

	"github.com/usher-boot/usher"
)

// Filter narrows entries; empty fields do not. What it asks for is compared
// with what the entries hold.
type Filter struct {
	MAC     string // in any spelling; what is no MAC is compared as it was asked
	Node    string // UUID or name
	Outcome string
	Cause   string
	After   uint64 // only entries with a higher number
	Limit   int    // at most that many, the latest; 0 for all
}

// matcher is a filter made ready.
type matcher struct {
	Filter
	mac   usher.MAC
	isMAC bool
}

func (f Filter) matcher() matcher {
	m := matcher{Filter: f}
	if f.MAC != "" {
		mac, err := usher.ParseMAC(f.MAC)
		m.mac, m.isMAC = mac, err == nil
	}
	return m
}

func (m *matcher) matches(r *record) bool {
	switch {
	case m.Outcome != "" && m.Outcome != string(r.outcome), m.Cause != "" && m.Cause != string(r.cause):
		return false
	case m.isMAC && m.mac != r.mac, m.MAC != "" && !m.isMAC && m.MAC != string(r.get(textAskedMAC)):
		return false
	case m.Node == "", m.Node == string(r.get(textName)):
		return true
	}
	return strings.EqualFold(m.Node, string(r.get(textNode)))
}
