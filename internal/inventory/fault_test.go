package inventory

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/testenv"
)

// survives stops, kills, halts and restarts a server under a Store that stays
// open.
func survives(t *testing.T, server *testenv.Server) {
	ctx := t.Context()
	name := server.Database(t)
	s := openStore(t, server.URL(name))
	r, err := OpenReader(ctx, Options{URL: server.SocketURL(name)})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	n := createNode(t, s, "n")
	mac := createPort(t, s, n, "52:54:00:aa:00:01").Address
	works := func(when string) {
		t.Helper()
		// Many at once, so that more than one stale connection is met.
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := s.BootNodeByMAC(ctx, mac); err != nil {
					t.Errorf("%s: read: %v", when, err)
				}
				if _, err := r.BootNodeByMAC(ctx, mac); err != nil {
					t.Errorf("%s: read over the socket: %v", when, err)
				}
				if _, err := s.UpdateNode(ctx, n.UUID, "", func(*usher.Node) error { return nil }); err != nil {
					t.Errorf("%s: write: %v", when, err)
				}
			})
		}
		wg.Wait()
	}
	unavailable := func(when string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
		defer cancel()
		_, one := s.BootNodeByMAC(ctx, mac)
		_, two := s.Conductors(ctx)
		for what, err := range map[string]error{"boot node": one, "conductors": two, "ping": s.Ping(ctx),
			"write": s.ReleaseNode(ctx, n.UUID, "x")} {
			if !errors.Is(err, usher.ErrUnavailable) || errors.Is(err, usher.ErrNotFound) {
				t.Errorf("%s: %s: %v, want ErrUnavailable", when, what, err)
			}
			if err != nil && strings.Contains(err.Error(), testenv.Password) {
				t.Errorf("%s: the password is in %v", when, err)
			}
		}
	}
	works("at first")
	server.Restart(t)
	works("after a restart")
	server.Stop(t)
	unavailable("stopped")
	if _, err := OpenReader(ctx, Options{URL: server.URL(name)}); !errors.Is(err, usher.ErrUnavailable) {
		t.Errorf("open while stopped: %v", err)
	}
	server.Start(t)
	works("after a stop")
	server.Kill(t)
	unavailable("killed")
	server.Start(t)
	works("after a kill")
	if s.d.name == "mysql" { // PostgreSQL's sessions are processes of their own and go on
		server.Signal(t, syscall.SIGSTOP)
		unavailable("halted")
		server.Signal(t, syscall.SIGCONT)
		works("after a halt")
	}

	// Restarted under load: each call works or says unavailable.
	var answered, refused atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				_, err := s.BootNodeByMAC(ctx, mac)
				if err == nil {
					_, err = s.UpdateNode(ctx, n.UUID, "", func(*usher.Node) error { return nil })
				}
				switch {
				case err == nil:
					answered.Add(1)
				case errors.Is(err, usher.ErrUnavailable):
					refused.Add(1)
				default:
					t.Errorf("under load: %v", err)
				}
			}
		})
	}
	server.Kill(t)
	server.Start(t)
	close(stop)
	wg.Wait()
	works("after a kill under load")
	t.Logf("under load: %d answered, %d unavailable", answered.Load(), refused.Load())
}

func TestMariaDBFaults(t *testing.T)    { survives(t, testenv.NewMariaDB(t)) }
func TestPostgreSQLFaults(t *testing.T) { survives(t, testenv.NewPostgreSQL(t)) }

// TestReadOnlyFailOver makes a server refuse writes, as a primary does that
// was demoted, and wants fresh connections once it takes them again.
func TestReadOnlyFailOver(t *testing.T) {
	for name, tt := range map[string]struct {
		start     func(testing.TB) *testenv.Server
		off, back []string
	}{
		"mariadb": {testenv.NewMariaDB, []string{"SET GLOBAL read_only = 1"}, []string{"SET GLOBAL read_only = 0"}},
		"postgresql": {testenv.NewPostgreSQL,
			[]string{"ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"},
			[]string{"SET default_transaction_read_only = off", "ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()"}},
	} {
		t.Run(name, func(t *testing.T) {
			server := tt.start(t)
			s := openStore(t, server.URL(server.Database(t)))
			n := createNode(t, s, "n")
			server.Admin(t, "", tt.off...)
			refused := false
			for range 100 { // a PostgreSQL session hears of it a moment later
				_, err := s.ReserveNode(t.Context(), n.UUID, "h")
				if err == nil {
					err = s.ReleaseNode(t.Context(), n.UUID, "h")
				}
				if refused = errors.Is(err, usher.ErrUnavailable); refused {
					break
				}
				if err != nil {
					t.Fatalf("read-only server: %v", err)
				}
			}
			if !refused {
				t.Fatal("the server never refused a write")
			}
			if _, err := s.Node(t.Context(), n.UUID); err != nil {
				t.Errorf("reading from a read-only server: %v", err)
			}
			if open := s.w.Stats().OpenConnections; open != 0 {
				t.Errorf("%d connections to the read-only server were kept", open)
			}
			server.Admin(t, "", tt.back...)
			for try := 0; ; try++ {
				_, err := s.UpdateNode(t.Context(), n.UUID, "", func(*usher.Node) error { return nil })
				if err == nil {
					break
				}
				if try == 100 || !errors.Is(err, usher.ErrUnavailable) && !errors.Is(err, usher.ErrConflict) {
					t.Fatalf("writable again: %v", err)
				}
				_ = s.StealReservation(t.Context(), n.UUID, "h", "")
			}
		})
	}
}
