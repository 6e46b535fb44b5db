package membership

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/hashring"
)

// Fingerprint stands for all the hash rings of a Snapshot: two snapshots with
// the same one name the same conductors for every node.
type Fingerprint [sha256.Size]byte

// Snapshot is the conductors as they were read from the database once, and
// their hash rings. It is immutable and safe for concurrent use.
type Snapshot struct {
	taken       time.Time
	conductors  map[int64]conductor
	active      []usher.Conductor
	rings       map[ringName]*ring
	known       func() map[ringName]*knownRing
	fingerprint Fingerprint
}

type conductor struct {
	usher.Conductor
	active bool
}

// ringName is Ironic's "<conductor group>:<hardware type>".
type ringName struct{ group, driver string }

// ring is a hash ring that is built when it is first asked. Rings of the same
// hosts are the same, also from one snapshot to the next.
type ring struct {
	hosts []string // sorted
	build func() *hashring.Ring
}

// newSnapshot sorts the rows into rings, taking over those of before whose
// hosts are the same. It fails only for a wrong algorithm or exponent.
func newSnapshot(rows []usher.Conductor, now time.Time, o RingOptions, before *Snapshot) (*Snapshot, error) {
	if _, err := hashring.New(o.Algorithm, o.Exponent, nil); err != nil {
		return nil, err
	}
	s := &Snapshot{taken: now, conductors: make(map[int64]conductor, len(rows)), rings: map[ringName]*ring{}}
	hosts := map[ringName][]string{}
	for _, c := range rows {
		active := c.Active(now, o.HeartbeatTimeout)
		s.conductors[c.ID] = conductor{c, active}
		if !active {
			continue
		}
		s.active = append(s.active, c)
		for _, driver := range c.HardwareTypes() {
			name := ringName{strings.ToLower(c.Group), driver}
			hosts[name] = append(hosts[name], c.Hostname)
		}
	}
	slices.SortFunc(s.active, func(a, b usher.Conductor) int { return strings.Compare(a.Hostname, b.Hostname) })

	known := map[string]*ring{}
	if before != nil {
		for _, r := range before.rings {
			known[strings.Join(r.hosts, "\x00")] = r
		}
	}
	for name, of := range hosts {
		slices.Sort(of)
		key := strings.Join(of, "\x00")
		r, ok := known[key]
		if !ok {
			r = &ring{hosts: of, build: sync.OnceValue(func() *hashring.Ring {
				built, err := hashring.New(o.Algorithm, o.Exponent, of)
				if err != nil {
					panic(err) // checked above with the same values
				}
				return built
			})}
			known[key] = r
		}
		s.rings[name] = r
	}
	s.fingerprint = s.print()
	s.known = sync.OnceValue(func() map[ringName]*knownRing { return knownRings(rows, o) })
	return s, nil
}

func (s *Snapshot) print() Fingerprint {
	names := slices.SortedFunc(maps.Keys(s.rings), func(a, b ringName) int {
		return cmp.Or(strings.Compare(a.group, b.group), strings.Compare(a.driver, b.driver))
	})
	var b []byte
	add := func(word string) {
		b = binary.AppendUvarint(b, uint64(len(word)))
		b = append(b, word...)
	}
	for _, name := range names {
		add(name.group)
		add(name.driver)
		hosts := s.rings[name].hosts
		b = binary.AppendUvarint(b, uint64(len(hosts)))
		for _, host := range hosts {
			add(host)
		}
	}
	return sha256.Sum256(b)
}

// Owners returns the host names of the conductors that may serve the node with
// this key, its UUID: the owner first, then the next ones on the ring. It is
// nil where no active conductor of the group has the hardware type.
func (s *Snapshot) Owners(group, driver, key string) []string {
	if r := s.Ring(group, driver); r != nil {
		return r.Owners(key)
	}
	return nil
}

// Ring returns the hash ring of a conductor group and hardware type, or nil.
func (s *Snapshot) Ring(group, driver string) *hashring.Ring {
	if r, ok := s.rings[ringName{strings.ToLower(group), driver}]; ok {
		return r.build()
	}
	return nil
}

// Fingerprint tells whether the rings of another snapshot differ.
func (s *Snapshot) Fingerprint() Fingerprint { return s.fingerprint }

// Active lists the active conductors by host name. It must not be modified.
func (s *Snapshot) Active() []usher.Conductor { return s.active }

// Taken is when the conductors were read.
func (s *Snapshot) Taken() time.Time { return s.taken }
