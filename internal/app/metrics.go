package app

import (
	"context"
	"slices"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/images"
	"github.com/usher-boot/usher/internal/metrics"
)

// buildMetrics declares the metrics of what this process consists of. What
// they read is built after them.
func (a *App) buildMetrics(_ context.Context, cfg *config.Config) error {
	o := metrics.Options{
		Version: a.version, Commit: a.commit,
		Disk:  a.role.Conductor,
		Ready: a.ready, Rings: a.ringMetrics, Certificates: a.certificateMetrics,
	}
	if a.role.API {
		o.Files = bootFileNames()
		if cfg.Usher.JournalSize > 0 {
			o.JournalDropped = a.journal.Dropped
		}
	}
	if a.role.API || !a.ironic {
		o.Connections, o.ConnectionsRefused = a.connectionMetrics, a.connections.Refused
	}
	if a.role.Conductor && !a.ironic {
		o.HeartbeatFailures = func() uint64 { return a.member.HeartbeatFailures() }
		for _, r := range images.Results() {
			o.ImageResults = append(o.ImageResults, string(r))
		}
	}
	a.metrics = metrics.New(o)
	return nil
}

// bootFileNames are those of all boot interfaces.
func bootFileNames() []string {
	var names []string
	for _, name := range bootiface.Names() {
		if i, ok := bootiface.Lookup(name); ok {
			names = append(names, i.Files()...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// ringMetrics are the conductors as this process sees them.
func (a *App) ringMetrics(ctx context.Context) (metrics.Rings, error) {
	s, err := a.rings.Snapshot(ctx)
	if err != nil {
		return metrics.Rings{}, err
	}
	r := metrics.Rings{Changes: a.rings.Changes()}
	for _, ring := range s.RingSizes() {
		r.Rings = append(r.Rings, metrics.Ring{Group: ring.Group, HardwareType: ring.HardwareType, Conductors: ring.Conductors})
	}
	all := s.All()
	rows := make([]usher.Conductor, len(all))
	for i, c := range all {
		rows[i] = c.Conductor
	}
	timeout := a.heartbeatTimeout(a.cfg.Load())
	for _, c := range all {
		if a.ironic && c.PresentName(rows, s.Taken(), timeout) != "" {
			continue // what an upgrade of Ironic left behind would look dead for ever
		}
		r.Conductors = append(r.Conductors, metrics.Conductor{Host: c.Hostname, Online: c.Online, Active: c.Active, HeartbeatAge: c.HeartbeatAge})
	}
	return r, nil
}

// connectionMetrics are the connections at the machines' doors.
func (a *App) connectionMetrics() []metrics.Connections {
	var all []metrics.Connections
	for _, d := range a.doors {
		if d.limit != nil {
			all = append(all, metrics.Connections{Door: d.name, Open: d.limit.Open(), Limit: d.limit.Limit()})
		}
	}
	return all
}

// certificateMetrics are the certificates of the listeners that have TLS.
func (a *App) certificateMetrics() []metrics.Certificate {
	var all []metrics.Certificate
	for _, d := range a.doors {
		if d.cert == nil {
			continue
		}
		expires, broken := d.cert.state()
		all = append(all, metrics.Certificate{Listener: d.name, Expires: expires, Usable: broken == nil})
	}
	return all
}
