package app

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/systemd"
)

// manager is a service manager's end of the socket.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
}

// managed runs an App under a service manager that wants to hear from it, or
// not where watchdog is empty.
func (s *site) managed(watchdog string, options ...string) (*App, *manager, func() error) {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	environ := []string{"NOTIFY_SOCKET=" + path}
	if watchdog != "" {
		environ = append(environ, "WATCHDOG_USEC="+watchdog)
	}
	notifier, err := systemd.FromEnviron(environ)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(options...)
	a, err := New(s.t.Context(), Options{Role: Role{API: true, Conductor: true}, Version: "test", Log: &s.log, Notifier: notifier,
		Load: func() (*config.Config, error) { return config.Load(config.Sources{Files: []string{s.file}}) }})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	stop := func() error { cancel(); return <-done }
	return a, &manager{s.t, conn}, stop
}

// next is the next message that is not the watchdog's.
func (m *manager) next() string {
	m.t.Helper()
	for {
		if got := m.any(); got != "WATCHDOG=1" {
			return got
		}
	}
}

func (m *manager) any() string {
	m.t.Helper()
	if err := m.conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		m.t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, err := m.conn.Read(buf)
	if err != nil {
		m.t.Fatal(err)
	}
	return string(buf[:n])
}

func (m *manager) expect(parts ...string) {
	m.t.Helper()
	got := m.next()
	for _, part := range parts {
		if !strings.Contains(got, part) {
			m.t.Errorf("the manager was told %q, want %q in it", got, part)
		}
	}
}

// TestServiceManager: what a manager hears of a life, in order, and that ready
// means what it says.
func TestServiceManager(t *testing.T) {
	s := newSite(t)
	a, m, stop := s.managed("")
	m.expect("READY=1\nSTATUS=serve, doors: machines 127.0.0.1:", "conductor here")
	if answer, err := http.Get("http://" + a.Addr(DoorAdmin) + "/readyz"); err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("ready was said, but /readyz: %v, %v", answer, err)
	} else {
		answer.Body.Close()
	}
	if err := a.Reload(t.Context()); err != nil {
		t.Error(err)
	}
	m.expect("RELOADING=1\nMONOTONIC_USEC=")
	m.expect("READY=1")
	s.write("[usher]retry_after=never")
	if err := a.Reload(t.Context()); err == nil {
		t.Error("a bad configuration was taken")
	}
	m.expect("RELOADING=1")
	m.expect("READY=1", "was not reloaded", "retry_after")
	if err := stop(); err != nil {
		t.Error(err)
	}
	m.expect("STOPPING=1", "10s")
}

// TestReloadBeforeReady: the end of a reload must not look like the end of
// the start.
func TestReloadBeforeReady(t *testing.T) {
	s := newSite(t)
	a, m, stop := s.managed("")
	m.expect("READY=1")
	a.isUp.Store(false) // as it is until then
	if err := a.Reload(t.Context()); err != nil {
		t.Error(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	m.expect("STOPPING=1")
}

// TestWatchdog: the manager hears of us while everything moves, and is told
// why once something hangs.
func TestWatchdog(t *testing.T) {
	s := newSite(t)
	a, m, stop := s.managed("400000") // half of it bounds each check
	m.expect("READY=1")
	for got := ""; got != "WATCHDOG=1"; {
		got = m.any()
	}
	release := make(chan struct{})
	a.machine.set(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	m.expect("STATUS=not alive: the machines' door does not answer")
	close(release)
	for got := ""; got != "WATCHDOG=1"; { // it moves again
		got = m.any()
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// TestAlive: each part that may hang is noticed; a full door and a database
// that is down are not hanging.
func TestAlive(t *testing.T) {
	s := newSite(t)
	a := s.run("[usher]max_connections=1")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	full, err := net.Dial("tcp", a.Addr(DoorMachines))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.alive(ctx); err != nil {
		t.Errorf("with a door that is full: %v", err)
	}
	full.Close() // or the stop waits for it
	if err := a.pulse.check(time.Now().Add(time.Hour)); !errors.Is(err, errNoPulse) {
		t.Errorf("an hour without a heartbeat: %v", err)
	}
	if err := (*pulse)(nil).check(time.Now()); err != nil {
		t.Errorf("without a conductor: %v", err)
	}
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	if err := a.alive(ctx); err == nil || !strings.Contains(err.Error(), "the admin door") {
		t.Errorf("with its doors shut: %v", err)
	}
}
