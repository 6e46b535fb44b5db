package membership

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/usher-boot/usher"
)

// Registry writes this process's own row of the conductors table.
type Registry interface {
	RegisterConductor(ctx context.Context, c usher.Conductor) (int64, error)
	Heartbeat(ctx context.Context, hostname string) error
	SetOffline(ctx context.Context, hostname string) error
}

// MemberOptions are the settings of a Member.
type MemberOptions struct {
	// Conductor is what to register: Hostname ([DEFAULT]host), Group and
	// Interfaces.
	Conductor usher.Conductor
	// Source reads the other conductors, to find a second process of the same
	// host name and clocks that differ. Required unless Exclusive.
	Source Source
	// Exclusive says that there can be no other process of this host name
	// (SQLite, where a lock file is held): nothing is looked for.
	Exclusive bool
	// HeartbeatInterval is [conductor]heartbeat_interval; 0 means 10 s.
	HeartbeatInterval time.Duration
	// HeartbeatTimeout is as in RingOptions.
	HeartbeatTimeout time.Duration
	// StopTimeout bounds the last write on stop; 0 means 5 s.
	StopTimeout time.Duration
	Logger      *slog.Logger // required
}

// Member keeps this process's row in the conductors table alive.
type Member struct {
	registry Registry
	o        MemberOptions
	id       atomic.Int64
	failures atomic.Uint64
	watch    watch
}

// NewMember returns a Member that has written nothing yet.
func NewMember(registry Registry, o MemberOptions) *Member {
	if o.HeartbeatInterval == 0 {
		o.HeartbeatInterval = 10 * time.Second
	}
	if o.StopTimeout == 0 {
		o.StopTimeout = 5 * time.Second
	}
	return &Member{registry: registry, o: o, watch: watch{o: o}}
}

// ID is the conductors.id of this process, 0 before it is registered.
func (m *Member) ID() int64 { return m.id.Load() }

// HeartbeatFailures is how many heartbeats could not be written.
func (m *Member) HeartbeatFailures() uint64 { return m.failures.Load() }

// Register writes the row of this conductor, once, and returns its id. Where
// the row says that a conductor of this host name was alive a moment ago, it
// waits for up to one and a half heartbeats to see whether that one still is,
// and then refuses with usher.ErrConflict. While the database is down it fails
// with usher.ErrUnavailable.
func (m *Member) Register(ctx context.Context) (int64, error) {
	if !m.o.Exclusive {
		if err := m.watch.alone(ctx); err != nil {
			return 0, err
		}
	}
	return m.register(ctx)
}

func (m *Member) register(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, m.o.HeartbeatInterval)
	defer cancel()
	id, err := m.registry.RegisterConductor(ctx, m.o.Conductor)
	if err != nil {
		return 0, fmt.Errorf("register conductor %s: %w", m.o.Conductor.Hostname, err)
	}
	m.id.Store(id)
	m.o.Logger.InfoContext(ctx, "conductor registered", "host", m.o.Conductor.Hostname, "id", id)
	return id, nil
}

// Run registers, unless Register has done so, and heartbeats until ctx ends.
// Then it sets the row offline. It returns early only where registering is
// refused; an outage of the database it waits out.
func (m *Member) Run(ctx context.Context) (err error) {
	if m.ID() == 0 {
		if err := m.registerInTime(ctx); err != nil || ctx.Err() != nil {
			return err
		}
	}
	defer func() { err = m.leave(ctx) }()
	var outage time.Time // when the heartbeats began to fail
	for pause := m.jitter(m.o.HeartbeatInterval); sleep(ctx, pause); {
		switch err := m.beat(ctx); {
		case err == nil:
			if !outage.IsZero() {
				m.o.Logger.InfoContext(ctx, "heartbeats are written again", "after", time.Since(outage))
				outage = time.Time{}
			}
			pause = m.jitter(m.o.HeartbeatInterval)
		case ctx.Err() != nil:
		default:
			m.failures.Add(1)
			if outage.IsZero() {
				outage = time.Now()
				m.o.Logger.WarnContext(ctx, "heartbeat failed; without one for heartbeat_timeout, "+
					"others take over this conductor's nodes", "error", err)
			}
			pause = m.jitter(m.o.HeartbeatInterval / 5)
		}
	}
	return nil
}

// registerInTime registers as soon as the database allows.
func (m *Member) registerInTime(ctx context.Context) error {
	pause, told := 100*time.Millisecond, false
	for {
		_, err := m.Register(ctx)
		switch {
		case err == nil || ctx.Err() != nil:
			return nil
		case !errors.Is(err, usher.ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded):
			return err
		case !told:
			told = true
			m.o.Logger.WarnContext(ctx, "cannot register yet, trying on", "error", err)
		}
		if !sleep(ctx, m.jitter(pause)) {
			return nil
		}
		pause = min(2*pause, m.o.HeartbeatInterval/2)
	}
}

// beat writes one heartbeat.
func (m *Member) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, m.o.HeartbeatInterval)
	defer cancel()
	if !m.o.Exclusive {
		m.watch.before(ctx)
	}
	err := m.registry.Heartbeat(ctx, m.o.Conductor.Hostname)
	if errors.Is(err, usher.ErrNotFound) {
		// An operator deleted the row, or the database is an older copy.
		m.o.Logger.WarnContext(ctx, "this conductor's row is gone, registering again")
		_, err = m.register(ctx)
	}
	if !m.o.Exclusive {
		m.watch.after(ctx, err)
	}
	return err
}

// leave sets the row offline, so that others take over at once.
func (m *Member) leave(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.o.StopTimeout)
	defer cancel()
	if err := m.registry.SetOffline(ctx, m.o.Conductor.Hostname); err != nil {
		return fmt.Errorf("set conductor %s offline, others will notice after heartbeat_timeout: %w",
			m.o.Conductor.Hostname, err)
	}
	m.o.Logger.InfoContext(ctx, "conductor is offline", "host", m.o.Conductor.Hostname)
	return nil
}

// jitter shortens d by up to a quarter, so that conductors started together
// do not write together for ever. Never longer: a late heartbeat is a death.
func (m *Member) jitter(d time.Duration) time.Duration {
	return d - rand.N(d/4+1)
}

// sleep waits for d, or returns false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
