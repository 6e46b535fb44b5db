package membership

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-boot/usher"
)

// fakeRegistry writes fakeTable as inventory.Store writes the real one.
type fakeRegistry struct {
	*fakeTable
	ahead time.Duration // of the clock that writes
	beats []time.Time
	down  error
}

func (f *fakeRegistry) write(ctx context.Context, host string, online bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down != nil {
		return f.down
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for i := range f.rows {
		if f.rows[i].Hostname == host {
			if f.rows[i].Online = online; online {
				f.rows[i].UpdatedAt = time.Now().Add(f.ahead).UTC()
			}
			return nil
		}
	}
	return usher.Errorf(usher.ErrNotFound, "Conductor %s could not be found.", host)
}

func (f *fakeRegistry) RegisterConductor(ctx context.Context, c usher.Conductor) (int64, error) {
	if err := f.write(ctx, c.Hostname, true); !errors.Is(err, usher.ErrNotFound) {
		return 1, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c.ID, c.Online, c.UpdatedAt = 1, true, time.Now().Add(f.ahead).UTC()
	f.rows = append(f.rows, c)
	return c.ID, nil
}

func (f *fakeRegistry) Heartbeat(ctx context.Context, host string) error {
	err := f.write(ctx, host, true)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		f.beats = append(f.beats, time.Now())
	}
	return err
}

func (f *fakeRegistry) SetOffline(ctx context.Context, host string) error {
	return f.write(ctx, host, false)
}

func newMember(f *fakeRegistry, log *bytes.Buffer) *Member {
	return NewMember(f, MemberOptions{
		Conductor: row(0, "me", "", time.Time{}, "ipmi"), Source: f,
		HeartbeatInterval: 10 * time.Second, HeartbeatTimeout: time.Minute,
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
}

// run starts m.Run and returns how to stop it and get its error.
func run(t *testing.T, m *Member) func() error {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	return func() error { cancel(); return <-done }
}

func TestMemberLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		f := &fakeRegistry{fakeTable: &fakeTable{}}
		m := newMember(f, &log)
		stop := run(t, m)
		time.Sleep(10 * time.Minute)
		if m.ID() != 1 {
			t.Errorf("ID = %d", m.ID())
		}
		f.mu.Lock()
		beats := f.beats
		f.mu.Unlock()
		same := true
		for i := 1; i < len(beats); i++ {
			gap := beats[i].Sub(beats[i-1])
			if gap > 10*time.Second || gap < 7*time.Second {
				t.Errorf("heartbeat after %v", gap)
			}
			same = same && gap == beats[1].Sub(beats[0])
		}
		if len(beats) < 60 || same {
			t.Errorf("%d heartbeats, all at the same distance: %t", len(beats), same)
		}
		f.set(func(t *fakeTable) { t.rows = nil }) // as `conductor delete` would
		time.Sleep(11 * time.Second)
		if err := stop(); err != nil {
			t.Error(err)
		}
		if len(f.rows) != 1 || f.rows[0].Online {
			t.Errorf("rows at the end: %+v, want one that is offline", f.rows)
		}
		if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "row is gone") {
			t.Errorf("log: %s", got)
		}
	})
}

func TestMemberOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		f := &fakeRegistry{fakeTable: &fakeTable{err: errors.New("down")}, down: usher.Errorf(usher.ErrUnavailable, "down")}
		set := func(err error) { f.set(func(t *fakeTable) { t.err, f.down = err, err }) }
		m := newMember(f, &log)
		if _, err := m.Register(t.Context()); !errors.Is(err, usher.ErrUnavailable) {
			t.Errorf("Register: %v", err)
		}
		stop := run(t, m)
		time.Sleep(time.Hour) // the database comes up late
		set(nil)
		time.Sleep(6 * time.Second)
		if m.ID() == 0 {
			t.Error("not registered 6 s after the database came up")
		}
		time.Sleep(time.Minute)
		if n := m.HeartbeatFailures(); n != 0 {
			t.Errorf("%d failed heartbeats while the database was up", n)
		}
		set(usher.Errorf(usher.ErrUnavailable, "down again"))
		time.Sleep(time.Hour)
		if m.HeartbeatFailures() == 0 {
			t.Error("no failed heartbeat counted in an hour's outage")
		}
		set(nil)
		back := time.Now()
		time.Sleep(3 * time.Second)
		f.mu.Lock()
		if last := f.beats[len(f.beats)-1]; last.Before(back) {
			t.Error("no heartbeat within 3 s of the database's return")
		}
		f.mu.Unlock()
		if got := log.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, "cannot register yet") ||
			!strings.Contains(got, "heartbeat failed") {
			t.Errorf("want one line for each outage: %s", got)
		}
		set(usher.Errorf(usher.ErrUnavailable, "down at the end"))
		if err := stop(); !errors.Is(err, usher.ErrUnavailable) {
			t.Errorf("Run: %v", err)
		}
	})
}

// other heartbeats as another process of the same host name until stopped.
func other(t *testing.T, f *fakeRegistry, every time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for sleep(ctx, every) {
			_ = f.write(ctx, "me", true)
		}
	}()
	return func() { cancel(); <-done }
}

func TestSecondProcess(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name      string
		age       time.Duration // of the row's last heartbeat
		online    bool
		alive     bool // somebody writes it
		stops     bool // that one goes offline after 5 s
		exclusive bool
		refused   bool
		most      time.Duration // that Register may take
	}{
		{name: "alive", online: true, alive: true, refused: true, most: 11 * time.Second},
		{name: "killed a moment ago", online: true, age: 3 * time.Second, most: 17 * time.Second},
		{name: "killed long ago", online: true, age: 2 * time.Minute},
		{name: "stopped in good order", online: false},
		{name: "stops in good order meanwhile", online: true, stops: true, most: 7 * time.Second},
		{name: "exclusive", online: true, exclusive: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				old := row(1, "me", "", time.Now().Add(-tc.age), "ipmi")
				old.Online = tc.online
				f := &fakeRegistry{fakeTable: &fakeTable{rows: []usher.Conductor{old}}}
				m := newMember(f, &bytes.Buffer{})
				m.o.Exclusive = tc.exclusive
				if tc.alive {
					defer other(t, f, 10*time.Second)()
				}
				if tc.stops {
					time.AfterFunc(5*time.Second, func() { _ = f.SetOffline(t.Context(), "me") })
				}
				start := time.Now()
				_, err := m.Register(t.Context())
				took := time.Since(start)
				if !tc.refused && (err != nil || m.ID() != 1) {
					t.Errorf("Register = %v, id %d", err, m.ID())
				}
				if took > tc.most {
					t.Errorf("took %v, want at most %v", took, tc.most)
				}
				if tc.refused && (!errors.Is(err, usher.ErrConflict) || !strings.Contains(err.Error(), "Conductor me is already") ||
					!strings.Contains(err.Error(), "[DEFAULT]host") || m.ID() != 0 || !f.rows[0].Online) {
					t.Errorf("Register = %v, id %d, row %+v, want a refusal that leaves the row alone", err, m.ID(), f.rows[0])
				}
			})
		})
	}
}

// Two processes that started together have both registered; they find out.
func TestSecondProcessLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		f := &fakeRegistry{fakeTable: &fakeTable{}}
		stop := run(t, newMember(f, &log))
		time.Sleep(time.Minute)
		if log.Len() > 0 {
			t.Errorf("alone, and yet: %s", &log)
		}
		stopOther := other(t, f, 9*time.Second)
		time.Sleep(10 * time.Minute)
		stopOther()
		if err := stop(); err != nil {
			t.Error(err)
		}
		if got := log.String(); !strings.Contains(got, "another process heartbeats") || strings.Count(got, "\n") > 20 {
			t.Errorf("log: %s", got)
		}
	})
}

// TestCrashTakesHeartbeatBack: a database that lost its last second does not
// look like a second process.
func TestCrashTakesHeartbeatBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		f := &fakeRegistry{fakeTable: &fakeTable{}}
		stop := run(t, newMember(f, &log))
		time.Sleep(time.Minute)
		f.set(func(t *fakeTable) { t.rows[0].UpdatedAt = t.rows[0].UpdatedAt.Add(-time.Second) })
		time.Sleep(time.Minute)
		if err := stop(); err != nil {
			t.Error(err)
		}
		if log.Len() > 0 {
			t.Errorf("log: %s", &log)
		}
	})
}

func TestClockSkew(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name          string
		theirs, mine  time.Duration // ahead
		want, wantNot string
	}{
		{"within a third", 19 * time.Second, 0, "", "future"},
		{"theirs", 45 * time.Second, 0, "conductor other differ", "conductor me differ"},
		{"mine", 0, 25 * time.Second, "conductor me differ", "conductor other differ"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				f := &fakeRegistry{fakeTable: &fakeTable{}, ahead: tc.mine}
				stop := run(t, newMember(f, &log))
				time.Sleep(time.Second) // registered
				for range 30 {
					f.set(func(t *fakeTable) {
						t.rows = append(t.rows[:min(len(t.rows), 1):1], row(2, "other", "", time.Now().Add(tc.theirs), "ipmi"))
					})
					time.Sleep(2 * time.Second)
				}
				if err := stop(); err != nil {
					t.Error(err)
				}
				got := log.String()
				if !strings.Contains(got, tc.want) || strings.Contains(got, tc.wantNot) || strings.Count(got, "\n") > 1 {
					t.Errorf("log %q, want %q once", got, tc.want)
				}
			})
		})
	}
}
