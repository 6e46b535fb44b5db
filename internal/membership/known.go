package membership

import (
	"context"
	"strings"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/hashring"
)

// knownRing is the hash ring of all conductors of a group and hardware type
// that the database knows, active or not. Taking hosts away from a ring leaves
// the order of the others as it is, so every ring that there has been among
// them can be read from it.
type knownRing struct {
	byHost map[string]usher.Conductor
	ring   *hashring.Ring
}

func knownRings(rows []usher.Conductor, o RingOptions) map[ringName]*knownRing {
	rings := map[ringName]*knownRing{}
	for _, c := range rows {
		for _, driver := range c.HardwareTypes() {
			name := ringName{strings.ToLower(c.Group), driver}
			if rings[name] == nil {
				rings[name] = &knownRing{byHost: map[string]usher.Conductor{}}
			}
			rings[name].byHost[c.Hostname] = c
		}
	}
	// A conductor that stops in good order takes its interfaces back, so one
	// without any may have had whatever there is in its group.
	for _, c := range rows {
		for name, ring := range rings {
			if len(c.Interfaces) == 0 && name.group == strings.ToLower(c.Group) {
				ring.byHost[c.Hostname] = c
			}
		}
	}
	for _, r := range rings {
		hosts := make([]string, 0, len(r.byHost))
		for host := range r.byHost {
			hosts = append(hosts, host)
		}
		ring, err := hashring.New(o.Algorithm, o.Exponent, hosts)
		if err != nil {
			panic(err) // newSnapshot checked the same values
		}
		r.ring = ring
	}
	return rings
}

// Known returns every conductor, active or not, that could ever have owned the
// node with this key, in the order of the ring of all of them: at any time the
// owner was the first one that was active then.
func (r *Rings) Known(ctx context.Context, group, driver, key string) ([]usher.Conductor, error) {
	s, err := r.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	known := s.known()[ringName{strings.ToLower(group), driver}]
	if known == nil {
		return nil, nil
	}
	var all []usher.Conductor
	for _, host := range known.ring.Owners(key) {
		all = append(all, known.byHost[host])
	}
	return all, nil
}
