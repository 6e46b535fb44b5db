// Package membership knows which conductors there are: Rings reads them and
// says which one owns a node, Member makes this process one of them. It
// follows ironic/common/hash_ring.py, ironic/conductor/base_manager.py and
// _filter_active_conductors in ironic/db/sqlalchemy/api.py.
//
// There is no protocol among conductors. What holds them together is the
// conductors table, and a clock on each host that is right to some seconds.
package membership

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/usher-boot/usher"
)

// Source reads all rows of the conductors table, with their interfaces. It
// bounds the time that this takes.
type Source interface {
	Conductors(ctx context.Context) ([]usher.Conductor, error)
}

// RingOptions are Ironic's options for hash rings.
type RingOptions struct {
	Algorithm string // [DEFAULT]hash_ring_algorithm
	Exponent  int    // [DEFAULT]hash_partition_exponent
	// ResetInterval is how long what was read from the database is used.
	ResetInterval time.Duration // [DEFAULT]hash_ring_reset_interval
	// HeartbeatTimeout is the age of a heartbeat from which a conductor counts
	// as dead; with 0 being online is enough, as Ironic has it for SQLite.
	HeartbeatTimeout time.Duration // [conductor]heartbeat_timeout
}

// Rings is a cache of the conductors and their hash rings. Within
// ResetInterval it answers from memory; then, and when a conductor is missing
// from it, it reads them again, one caller for all. While the database is down
// it answers no longer than ResetInterval.
type Rings struct {
	source  Source
	o       RingOptions
	current atomic.Pointer[Snapshot] // nil after Reset
	reading singleflight.Group

	mu      sync.Mutex
	last    *Snapshot // as current, but kept by Reset: its rings can be reused
	resets  int
	changes uint64
}

// NewRings returns Rings that have read nothing yet.
func NewRings(source Source, o RingOptions) *Rings { return &Rings{source: source, o: o} }

// Snapshot returns the conductors as of at most ResetInterval ago. Its error is
// usher.ErrUnavailable, or usher.ErrInvalid for a wrong algorithm or exponent.
func (r *Rings) Snapshot(ctx context.Context) (*Snapshot, error) {
	if s := r.fresh(); s != nil {
		return s, nil
	}
	return r.rebuild(ctx, nil)
}

// fresh is the current snapshot unless it is too old.
func (r *Rings) fresh() *Snapshot {
	if s := r.current.Load(); s != nil && time.Since(s.taken) < r.o.ResetInterval {
		return s
	}
	return nil
}

// rebuild returns a fresh snapshot that is not the one that the caller found
// lacking. All who ask at the same time wait for one reading, each no longer
// than its own context; the reading ends with nobody's.
func (r *Rings) rebuild(ctx context.Context, lacking *Snapshot) (*Snapshot, error) {
	for {
		reading := r.reading.DoChan("", func() (any, error) {
			if s := r.fresh(); s != nil && s != lacking { // another one has just read it
				return s, nil
			}
			return r.read(context.WithoutCancel(ctx))
		})
		select {
		case result := <-reading:
			if result.Err != nil {
				return nil, result.Err
			}
			// Whoever began the reading may have found another one lacking.
			if s := result.Val.(*Snapshot); s != lacking {
				return s, nil
			}
		case <-ctx.Done():
			return nil, unavailable(ctx.Err())
		}
	}
}

// read reads the conductors, again where Reset was called meanwhile: what was
// read may be older than that, and does not count.
func (r *Rings) read(ctx context.Context) (_ *Snapshot, err error) {
	defer func() { // as net/http does for a request: singleflight would end the process
		if p := recover(); p != nil {
			err = unavailable(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	for {
		r.mu.Lock()
		resets, last := r.resets, r.last
		r.mu.Unlock()
		now := time.Now() // before the reading, so that no heartbeat is from later
		rows, err := r.source.Conductors(ctx)
		if err != nil {
			return nil, unavailable(err)
		}
		s, err := newSnapshot(rows, now, r.o, last)
		if err != nil {
			return nil, err
		}
		if r.land(s, resets) {
			return s, nil
		}
	}
}

// land makes s the current snapshot, unless Reset was called since.
func (r *Rings) land(s *Snapshot, resets int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if resets != r.resets {
		return false
	}
	if r.last != nil && r.last.fingerprint != s.fingerprint {
		r.changes++
	}
	r.last = s
	r.current.Store(s)
	return true
}

// Reset forgets what was read, so that the next caller reads again.
func (r *Rings) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.resets++
	r.current.Store(nil)
}

// Owners returns the host names of the conductors that may serve a node: the
// owner first, then the next ones on the ring. Where there is none it reads
// the conductors once more, and fails with usher.ErrUnavailable, of class
// NoValidHost where the database did answer.
func (r *Rings) Owners(ctx context.Context, group, driver, key string) ([]string, error) {
	s, err := r.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if owners := s.Owners(group, driver, key); owners != nil {
		return owners, nil
	}
	if s, err = r.rebuild(ctx, s); err != nil {
		return nil, err
	}
	if owners := s.Owners(group, driver, key); owners != nil {
		return owners, nil
	}
	return nil, usher.Errorf(usher.ErrUnavailable, "No valid host was found. Reason: No conductor service registered "+
		"which supports driver %s for conductor group \"%s\".", driver, group).WithClass("NoValidHost")
}

// Conductor returns the conductor with this conductors.id and whether it is
// active, reading once more where it is not known.
func (r *Rings) Conductor(ctx context.Context, id int64) (usher.Conductor, bool, error) {
	s, err := r.Snapshot(ctx)
	if err != nil {
		return usher.Conductor{}, false, err
	}
	c, ok := s.conductors[id]
	if !ok {
		if s, err = r.rebuild(ctx, s); err != nil {
			return usher.Conductor{}, false, err
		}
		if c, ok = s.conductors[id]; !ok {
			return usher.Conductor{}, false, usher.Errorf(usher.ErrNotFound,
				"Conductor %d could not be found.", id).WithClass("ConductorNotFound")
		}
	}
	return c.Conductor, c.active, nil
}

// Active lists the active conductors by host name.
func (r *Rings) Active(ctx context.Context) ([]usher.Conductor, error) {
	s, err := r.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return slices.Clone(s.active), nil
}

// unavailable is usher.ErrUnavailable with its cause in the chain, except that
// a source's "not found" must not be taken for an answer about a node.
func unavailable(err error) error {
	switch {
	case errors.Is(err, usher.ErrUnavailable):
		return fmt.Errorf("read conductors: %w", err)
	case errors.Is(err, usher.ErrNotFound):
		return fmt.Errorf("read conductors: %w: %v", usher.ErrUnavailable, err)
	}
	return fmt.Errorf("read conductors: %w: %w", usher.ErrUnavailable, err)
}
