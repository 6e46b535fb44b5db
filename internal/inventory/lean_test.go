package inventory

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/usher-boot/usher"
)

// TestLean: SQLite's own functions give what its driver gives, at once what
// has been committed, and to everybody who asks at the same time.
func TestLean(t *testing.T) {
	url := sqliteURL(t)
	s, err := OpenStore(t.Context(), Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, _, ok := s.lean.bootNode(t.Context(), usher.MAC{}); ok {
		t.Error("an answer without tables")
	}
	if _, err := s.BootNodeByMAC(t.Context(), usher.MAC{}); err == nil {
		t.Error("no error without tables")
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	var row [3]int
	var plan string
	err = s.db.QueryRowContext(t.Context(), "EXPLAIN QUERY PLAN "+leanQueries[0], "").Scan(&row[0], &row[1], &row[2], &plan)
	if want := "SEARCH p USING COVERING INDEX boot_request_idx (address=?)"; err != nil || plan != want {
		t.Errorf("the plan begins with %q, %v, want %q", plan, err, want)
	}
	var all sync.WaitGroup
	for i := range byte(8) {
		all.Go(func() {
			mac := usher.MAC{2, 0, 0, 0, 0, i}
			if _, found, ok := s.lean.bootNode(t.Context(), mac); found || !ok {
				t.Errorf("%s: found %v, ok %v before it is there", mac, found, ok)
			}
			n := &usher.Node{Name: "n" + strconv.Itoa(int(i)), Driver: "fake-hardware", BootInterface: "ipxe"}
			if i == 0 {
				n = &usher.Node{} // nulls
			}
			if err := s.CreateNode(t.Context(), n); err != nil {
				t.Error(err)
			}
			if err := s.CreatePort(t.Context(), &usher.Port{NodeUUID: n.UUID, Address: mac, PXEEnabled: i%2 == 0}); err != nil {
				t.Error(err)
			}
			for _, state := range []usher.State{usher.DeployWait, usher.Active, usher.CleanWait} {
				if _, err := s.UpdateNode(t.Context(), n.UUID, "", func(n *usher.Node) error {
					n.ProvisionState, n.ConductorGroup, n.ProvisionUpdatedAt = state, "rack", time.Now()
					return nil
				}); err != nil {
					t.Error(err)
				}
				got, found, ok := s.lean.bootNode(t.Context(), mac)
				want, err := s.bootNodeByMAC(t.Context(), mac)
				if diff := cmp.Diff(want, got); diff != "" || err != nil || !found || !ok || got.ProvisionState != state {
					t.Errorf("%s: found %v, ok %v, %v (-driver +lean):\n%s", mac, found, ok, err, diff)
				}
			}
		})
	}
	all.Wait()
}

// TestLeanBroken: of a file that is none any more the driver tells.
func TestLeanBroken(t *testing.T) {
	url := sqliteURL(t)
	s := openStore(t, url)
	createPort(t, s, createNode(t, s, "n"), "02:00:00:00:00:01")
	if _, err := s.w.ExecContext(t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		t.Fatal(err)
	}
	path := url[len("sqlite:///"):]
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, make([]byte, info.Size()), 0o600); err != nil {
		t.Fatal(err)
	}
	if n, found, ok := s.lean.bootNode(t.Context(), usher.MAC{2, 0, 0, 0, 0, 1}); ok {
		t.Errorf("%+v, found %v", n, found)
	}
	if _, err := s.BootNodeByMAC(t.Context(), usher.MAC{2, 0, 0, 0, 0, 1}); err == nil {
		t.Error("no error")
	}
}

// TestLeanHold: reading on for a moment hides no change, and keeps the log of
// changes from beginning anew only for that moment. A file without such a log
// is not held, for there its writer would wait.
func TestLeanHold(t *testing.T) {
	s := openStore(t, sqliteURL(t))
	mac := usher.MAC{2, 0, 0, 0, 0, 1}
	n := createNode(t, s, "n")
	createPort(t, s, n, mac.String())
	checkpoint := func() (busy int) {
		t.Helper()
		var pages [2]int
		if err := s.w.QueryRowContext(t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages[0], &pages[1]); err != nil {
			t.Fatal(err)
		}
		return busy
	}
	if _, err := s.w.ExecContext(t.Context(), "PRAGMA busy_timeout = 0"); err != nil {
		t.Fatal(err)
	}
	s.lean.bootNode(t.Context(), mac)
	s.lean.mu.Lock()
	s.lean.release.Stop() // the moment is over when this test says so
	s.lean.mu.Unlock()
	for _, state := range []usher.State{usher.DeployWait, usher.Active} {
		if _, err := s.UpdateNode(t.Context(), n.UUID, "", func(n *usher.Node) error { n.ProvisionState = state; return nil }); err != nil {
			t.Fatal(err)
		}
		if got, _, ok := s.lean.bootNode(t.Context(), mac); !ok || got.ProvisionState != state {
			t.Errorf("%q after it became %q", got.ProvisionState, state)
		}
	}
	if checkpoint() == 0 {
		t.Error("it does not read on")
	}
	s.lean.letGo()
	if checkpoint() != 0 {
		t.Error("it still reads")
	}
}

// TestLeanLongLog: a log of changes that has grown is left alone until it has
// begun anew.
func TestLeanLongLog(t *testing.T) {
	url := sqliteURL(t)
	s := openStore(t, url)
	mac := usher.MAC{2, 0, 0, 0, 0, 1}
	createPort(t, s, createNode(t, s, "n"), mac.String())
	log := url[len("sqlite:///"):] + "-wal"
	size := func() int64 {
		t.Helper()
		info, err := os.Stat(log)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	write := func(query string) {
		t.Helper()
		if _, err := s.w.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	reads := func() bool { // on
		t.Helper()
		s.lean.letGo()
		if _, found, ok := s.lean.bootNode(t.Context(), mac); !found || !ok {
			t.Fatal("no answer")
		}
		s.lean.mu.Lock()
		defer s.lean.mu.Unlock()
		s.lean.release.Stop() // the moment is over when this test says so
		return sqlite3.Xsqlite3_stmt_busy(s.lean.holder.tls, s.lean.holder.stmt) != 0
	}
	if !reads() {
		t.Error("it does not read on")
	}
	write("UPDATE nodes SET description = hex(zeroblob(5000000))") // the holder keeps the log
	if size() <= longLog {
		t.Fatalf("a log of %d bytes", size())
	}
	if reads() {
		t.Error("it reads on in a long log")
	}
	write("UPDATE nodes SET description = NULL") // begins anew
	write("UPDATE nodes SET description = 'n'")
	if size() > longLog {
		t.Errorf("the log still has %d bytes", size())
	}
	if !reads() {
		t.Error("it does not read on in a log that has begun anew")
	}
}

// TestLeanLocked: who may not read is told so soon, and who leaves is not
// waited for.
func TestLeanLocked(t *testing.T) {
	s := openStore(t, sqliteURL(t))
	s.lean.busy = 10 * time.Millisecond
	for range cap(s.lean.free) {
		c := <-s.lean.free // all are in use
		defer func() { s.lean.free <- c }()
	}
	ctx, leave := context.WithCancel(t.Context())
	if _, _, ok := s.lean.bootNode(ctx, usher.MAC{}); ok {
		t.Error("an answer without a connection")
	}
	s.lean.busy = time.Hour
	leave()
	if _, _, ok := s.lean.bootNode(ctx, usher.MAC{}); ok {
		t.Error("an answer to who has left")
	}
	if _, err := s.BootNodeByMAC(ctx, usher.MAC{}); err == nil || errors.Is(err, usher.ErrNotFound) {
		t.Errorf("who has left hears %v", err)
	}
}

// TestLeanClosed: a closed inventory may be closed again, and says that it is
// closed to who asks on.
func TestLeanClosed(t *testing.T) {
	s := openStore(t, sqliteURL(t))
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.BootNodeByMAC(t.Context(), usher.MAC{}); err == nil {
		t.Error("an answer after Close")
	}
}

// TestLeanForeign: a file of Ironic's has no write-ahead log.
func TestLeanForeign(t *testing.T) {
	path := filepath.Join(t.TempDir(), "foreign.sqlite")
	db, err := openSQLite(path, time.Second, false)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{"PRAGMA journal_mode = DELETE", "CREATE TABLE nodes (id INTEGER)"} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	l := newLean(path, 0)
	defer l.close()
	l.hold()
	if l.holder == nil || l.release != nil {
		t.Error("it would keep Ironic from writing")
	}
	if _, err := db.ExecContext(t.Context(), "PRAGMA busy_timeout = 0; CREATE TABLE ports (id INTEGER)"); err != nil {
		t.Error(err)
	}
}
