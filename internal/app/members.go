package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/inventory"
	"github.com/usher-boot/usher/internal/membership"
)

// Members looks at the conductors of a database, our own inventory or
// Ironic's, for commands. It writes nothing and is none of them.
type Members struct {
	*inventory.Reader
	cfg    *config.Config
	ironic bool
}

// OpenMembers opens the database of a configuration for reading.
func OpenMembers(ctx context.Context, cfg *config.Config) (*Members, error) {
	reader, err := inventory.OpenReader(ctx, databaseOptions(cfg, slog.New(slog.DiscardHandler)))
	if err != nil {
		return nil, databaseError(cfg, err)
	}
	ironic, err := besideIronic(ctx, cfg)
	if err != nil {
		return nil, errors.Join(err, reader.Close())
	}
	return &Members{reader, cfg, ironic}, nil
}

// HeartbeatTimeout is when a silent conductor counts as gone; 0 for never.
func (m *Members) HeartbeatTimeout() time.Duration {
	if !m.HeartbeatRule() {
		return 0
	}
	return m.cfg.Conductor.HeartbeatTimeout
}

// PresentName is the name by which Ironic has registered a conductor anew; empty
// where it has not, and in an inventory of our own.
func (m *Members) PresentName(c usher.Conductor, all []usher.Conductor, now time.Time) string {
	if !m.ironic {
		return ""
	}
	return c.PresentName(all, now, m.HeartbeatTimeout())
}

// Nodes lists all nodes, with what routing needs to know of them.
func (m *Members) Nodes(ctx context.Context) ([]usher.BootNode, error) { return m.BootNodes(ctx) }

// NodeByMAC finds a node by the address of any of its ports.
func (m *Members) NodeByMAC(ctx context.Context, mac usher.MAC) (usher.BootNode, error) {
	return m.BootNodeByMAC(ctx, mac)
}

// Rings are all hash rings of one moment, or of one that is supposed.
type Rings struct{ snapshot *membership.Snapshot }

// Share is a conductor's part of all keys of a ring, 0 to 1.
type Share struct {
	Group, Driver, Host string
	Part                float64
}

// Now are the rings as every API builds them at this moment.
func (m *Members) Now(ctx context.Context) (*Rings, error) {
	rows, err := m.Conductors(ctx)
	if err != nil {
		return nil, err
	}
	return m.rings(ctx, rows)
}

// Supposed are the rings without some conductors and with some others. One
// that the database knows is supposed to be active as it was registered, a new
// one to be in the group and to serve the hardware type; "" stands for those
// of the configuration. A conductor of Ironic's may be called by either of its
// names.
func (m *Members) Supposed(ctx context.Context, without, with []string, group, driver string) (*Rings, error) {
	rows, err := m.Conductors(ctx)
	if err != nil {
		return nil, err
	}
	for _, host := range without {
		if m.find(rows, host) < 0 {
			return nil, usher.Errorf(usher.ErrNotFound, "Conductor %s could not be found.", host)
		}
	}
	rows = slices.DeleteFunc(rows, func(c usher.Conductor) bool {
		return slices.ContainsFunc(without, func(host string) bool { return m.called(c, host) })
	})
	drivers := m.cfg.Default.EnabledHardwareTypes
	if driver != "" {
		drivers = []string{driver}
	}
	for _, host := range with {
		i := m.find(rows, host)
		if i < 0 {
			added := usher.Conductor{ID: -1 - int64(len(rows)), Hostname: host, Group: strings.ToLower(orElse(group, m.cfg.Conductor.ConductorGroup))}
			for _, d := range drivers {
				added.Interfaces = append(added.Interfaces, usher.HardwareInterface{HardwareType: d, Type: "boot", Name: "ipxe"})
			}
			rows, i = append(rows, added), len(rows)
		}
		rows[i].Online, rows[i].UpdatedAt = true, time.Now()
	}
	return m.rings(ctx, rows)
}

// find is the place of the conductor that is called so, by its name of now:
// the row with the latest heartbeat. -1 means that there is none.
func (m *Members) find(rows []usher.Conductor, host string) int {
	found := -1
	for i, c := range rows {
		if m.called(c, host) && (found < 0 || c.UpdatedAt.After(rows[found].UpdatedAt)) {
			found = i
		}
	}
	return found
}

// called says whether a conductor is the one of this name.
func (m *Members) called(c usher.Conductor, host string) bool {
	return c.Hostname == host || m.ironic && usher.SameConductor(c.Hostname, host)
}

func (m *Members) rings(ctx context.Context, rows []usher.Conductor) (*Rings, error) {
	snapshot, err := membership.NewRings(fixed(rows), membership.RingOptions{
		Algorithm: m.cfg.Default.HashRingAlgorithm, Exponent: m.cfg.Default.HashPartitionExponent,
		HeartbeatTimeout: m.HeartbeatTimeout(),
	}).Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return &Rings{snapshot}, nil
}

// fixed are conductors that stay as they are.
type fixed []usher.Conductor

func (f fixed) Conductors(context.Context) ([]usher.Conductor, error) { return f, nil }

// Owners are the conductors of a node, the owner first; nil where it has none.
func (r *Rings) Owners(n usher.BootNode) []string {
	return r.snapshot.Owners(n.ConductorGroup, n.Driver, n.UUID)
}

// Shares are the parts of all conductors in all rings.
func (r *Rings) Shares() []Share {
	var shares []Share
	for _, c := range r.snapshot.Active() {
		for _, driver := range c.HardwareTypes() {
			ring := r.snapshot.Ring(c.Group, driver)
			parts := ring.Share()
			if i := slices.Index(ring.Hosts(), c.Hostname); i >= 0 {
				shares = append(shares, Share{c.Group, driver, c.Hostname, parts[i]})
			}
		}
	}
	return shares
}
