package membership

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usher-boot/usher"
)

// ActiveAs returns the active conductors that can be the one of this name, the
// one with exactly this name first. There are several while Ironic is upgraded
// and registers its conductors by their other name (usher.SameConductor).
func (r *Rings) ActiveAs(ctx context.Context, name string) ([]usher.Conductor, error) {
	s, err := r.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return s.activeAs(name), nil
}

func (s *Snapshot) activeAs(name string) []usher.Conductor {
	var found []usher.Conductor
	for _, c := range s.active {
		switch {
		case c.Hostname == name:
			found = slices.Insert(found, 0, c)
		case usher.SameConductor(c.Hostname, name):
			found = append(found, c)
		}
	}
	return found
}

// Beside returns the active conductor that a process of this name, which
// usher.ConductorName has made, is beside. It reads the conductors once more
// where there is none, and fails with usher.ErrUnavailable, which says what was
// looked for and what there is.
func (r *Rings) Beside(ctx context.Context, name string) (usher.Conductor, error) {
	s, err := r.Snapshot(ctx)
	if err != nil {
		return usher.Conductor{}, err
	}
	found := s.activeAs(name)
	if len(found) == 0 {
		if s, err = r.rebuild(ctx, s); err != nil {
			return usher.Conductor{}, err
		}
		found = s.activeAs(name)
	}
	if len(found) == 0 {
		return usher.Conductor{}, s.nobody(name)
	}
	for _, c := range found[1:] {
		if !usher.SameConductor(c.Hostname, found[0].Hostname) {
			return usher.Conductor{}, usher.Errorf(usher.ErrUnavailable, "several conductors of Ironic's have this [DEFAULT]host, %s: %s. "+
				"Set [json_rpc]port here to the port of the one on this host.", usher.ConductorHost(name), registered(found, s))
		}
	}
	return found[0], nil
}

// nobody says why no active conductor is the one of this name.
func (s *Snapshot) nobody(name string) error {
	var mine, all []usher.Conductor
	for _, c := range s.All() {
		all = append(all, c.Conductor)
		if usher.SameConductor(c.Hostname, name) {
			mine = append(mine, c.Conductor)
		}
	}
	if len(mine) > 0 {
		return usher.Errorf(usher.ErrUnavailable, "the conductor of Ironic's with this [DEFAULT]host is not active: %s. "+
			"Start it; if it runs, compare the clocks of its host and of this one, and both [DEFAULT]host.", registered(mine, s))
	}
	host, names := usher.ConductorHost(name), name+" and "+usher.ConductorHost(name)
	if names == host+" and "+host {
		names = host + " without a port and with any"
	}
	return usher.Errorf(usher.ErrUnavailable, "no conductor of Ironic's has this [DEFAULT]host, %s. "+
		"Looked for: %s. Registered: %s. Set [DEFAULT]host to that of the ironic-conductor on this host, or start it.", host, names, registered(all, s))
}

// mostNamed bounds how many conductors a message names.
const mostNamed = 8

// registered names conductors and says how they are.
func registered(conductors []usher.Conductor, s *Snapshot) string {
	if len(conductors) == 0 {
		return "none"
	}
	var words []string
	for _, c := range conductors[:min(len(conductors), mostNamed)] {
		how := "active"
		switch {
		case !c.Online:
			how = "offline"
		case !s.conductors[c.ID].active:
			how = "silent since " + c.UpdatedAt.UTC().Format(time.RFC3339)
		}
		words = append(words, c.Hostname+" ("+how+")")
	}
	if more := len(conductors) - mostNamed; more > 0 {
		words = append(words, fmt.Sprintf("%d more", more))
	}
	return strings.Join(words, ", ")
}
