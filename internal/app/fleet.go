package app

import (
	"context"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/admin"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/dispatch"
	"github.com/usher-boot/usher/internal/inventory"
	"github.com/usher-boot/usher/internal/journal"
	"github.com/usher-boot/usher/internal/membership"
)

// adminDoor is the operator's door.
func (a *App) adminDoor(cfg *config.Config, d *door) *admin.Door {
	// What is shown of conductors moves at the pace of their heartbeats.
	interval := max(cfg.Conductor.HeartbeatInterval, time.Second)
	var answersTo func(string) bool
	if address, ok := d.listener.Addr().(*net.TCPAddr); ok && address.IP.IsLoopback() {
		answersTo = a.hostNames(cfg).Allows
	}
	return admin.New(admin.Options{
		Metrics: a.metrics.Handler(),
		Ready:   a.ready,
		Process: admin.Process{Version: a.version, Role: a.role.String(), Host: a.host,
			Answers: a.role.API, BesideIronic: a.ironic},
		Journal:   a.journal,
		Fleet:     fleet{a.reader, a.rings, a.heartbeatTimeout(cfg), a.ironic},
		Evidence:  a.evidence(),
		Interval:  interval,
		Profiling: func() bool { return a.cfg.Load().Usher.Profiling },
		AnswersTo: answersTo,
	})
}

// fleet is what the operator's door shows of the whole site.
type fleet struct {
	*inventory.Reader
	rings            *membership.Rings
	heartbeatTimeout time.Duration
	ironic           bool
}

// Conductors reads the conductors anew, and tells their shares of the rings
// that this process routes by.
func (f fleet) Conductors(ctx context.Context) ([]admin.Conductor, error) {
	now := time.Now()
	rows, err := f.Reader.Conductors(ctx)
	if err != nil {
		return nil, err
	}
	snapshot, err := f.rings.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]admin.Conductor, 0, len(rows))
	for _, c := range rows {
		if f.ironic && c.PresentName(rows, now, f.heartbeatTimeout) != "" {
			continue // an upgrade of Ironic left it behind; it is there by its name of now
		}
		of := admin.Conductor{Conductor: c, Active: c.Active(now, f.heartbeatTimeout)}
		for _, driver := range c.HardwareTypes() {
			ring := snapshot.Ring(c.Group, driver)
			if ring == nil {
				continue
			}
			if i := slices.Index(ring.Hosts(), c.Hostname); i >= 0 {
				of.Shares = append(of.Shares, admin.Share{HardwareType: driver, Part: ring.Share()[i]})
			}
		}
		all = append(all, of)
	}
	return all, nil
}

// watchedConductors are those that dispatch asks, their failed calls noted.
func (a *App) watchedConductors() dispatch.Conductors {
	if a.journal == nil {
		return a.conductors
	}
	return watched{a.conductors, a.journal}
}

// watched notes the calls of conductors that brought no answer about a node.
type watched struct {
	dispatch.Conductors
	journal *journal.Journal
}

func (w watched) GetBootConfig(ctx context.Context, host string, node usher.BootNode, file string) (string, error) {
	text, err := w.Conductors.GetBootConfig(ctx, host, node, file)
	if err != nil && !errors.Is(err, usher.ErrNotFound) && !errors.Is(err, usher.ErrUnsupported) &&
		!errors.Is(ctx.Err(), context.Canceled) { // the machine gave up
		w.journal.CallFailed(host, err)
	}
	return text, err
}
