package membership

import (
	"slices"
	"strings"
	"time"

	"github.com/usher-boot/usher"
)

// Status is a conductor as a Snapshot has it.
type Status struct {
	usher.Conductor
	Active bool
	// HeartbeatAge is how old its last heartbeat was when it was read.
	HeartbeatAge time.Duration
}

// All lists the conductors, active or not, by host name.
func (s *Snapshot) All() []Status {
	all := make([]Status, 0, len(s.conductors))
	for _, c := range s.conductors {
		all = append(all, Status{c.Conductor, c.active, s.taken.Sub(c.UpdatedAt)})
	}
	slices.SortFunc(all, func(a, b Status) int { return strings.Compare(a.Hostname, b.Hostname) })
	return all
}

// RingSize is how many conductors share a hash ring.
type RingSize struct {
	Group, HardwareType string
	Conductors          int
}

// RingSizes lists the hash rings, in no order: one for each conductor group and
// hardware type that an active conductor serves.
func (s *Snapshot) RingSizes() []RingSize {
	sizes := make([]RingSize, 0, len(s.rings))
	for name, ring := range s.rings {
		sizes = append(sizes, RingSize{name.group, name.driver, len(ring.hosts)})
	}
	return sizes
}

// Changes is how often what was read named other conductors for some node than
// what was read before it.
func (r *Rings) Changes() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changes
}
