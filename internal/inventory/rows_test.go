package inventory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"modernc.org/sqlite"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/testenv"
)

// loadRowsOf does what KeepRows begins with.
func loadRowsOf(tb testing.TB, s *Store) {
	tb.Helper()
	for more := true; more; {
		var err error
		if more, err = s.keepRows(tb.Context()); err != nil {
			tb.Fatal(err)
		}
	}
}

// sameRows holds what is in memory against what SELECT says.
func sameRows(tb testing.TB, s *Store) {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context()) // also from a Cleanup
	selected := map[usher.MAC]usher.BootNode{}
	err := rows(ctx, s.db, "SELECT p.address, "+selectList("n", bootNodeFields())+", p.pxe_enabled FROM ports p JOIN nodes n ON n.id = p.node_id", nil,
		func(scan func(...any) error) error {
			var mac usher.MAC
			var n usher.BootNode
			err := scan(append([]any{hardware{&mac}}, append(dests(&n, bootNodeFields()), disabled{&n.PXEDisabled})...)...)
			selected[mac] = n
			return err
		})
	if err != nil {
		tb.Fatal(err)
	}
	c := &s.rows.cache
	c.mu.RLock()
	defer c.mu.RUnlock()
	for mac, r := range c.rows {
		if r == nil {
			tb.Errorf("%s is in doubt", mac)
		} else if diff := cmp.Diff(selected[mac], r.node()); diff != "" {
			tb.Errorf("%s (-selected +in memory):\n%s", mac, diff)
		}
	}
	if c.complete && len(c.rows) != len(selected) {
		tb.Errorf("%d rows are in memory, %d in the database", len(c.rows), len(selected))
	}
}

// wantRow wants memory alone to tell of an address; state "" is for one that
// no port has.
func wantRow(t *testing.T, s *Store, mac usher.MAC, state usher.State) {
	t.Helper()
	r, known, err := s.rows.cache.find(mac)
	if !known || err != nil {
		t.Errorf("%s: memory cannot tell, %v", mac, err)
		return
	}
	if (r == nil) != (state == "") || r != nil && r.node().ProvisionState != state {
		t.Errorf("%s: %+v in memory, want state %q", mac, r, state)
	}
}

// onCommit has SQLite call f at each COMMIT, before anything of it is visible.
// Where f returns an error, the COMMIT fails.
func onCommit(t *testing.T, s *Store, f func() error) {
	t.Helper()
	conn, err := s.w.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	err = conn.Raw(func(c any) error {
		var hook sqlite.CommitHookFn
		if f != nil {
			hook = func() int32 {
				if f() != nil {
					return 1
				}
				return 0
			}
		}
		c.(sqlite.HookRegisterer).RegisterCommitHook(hook)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func setState(t *testing.T, s *Store, n *usher.Node, state usher.State) error {
	t.Helper()
	_, err := s.UpdateNode(t.Context(), n.UUID, "", func(n *usher.Node) error { n.ProvisionState = state; return nil })
	return err
}

// TestRowsAtCommit: a change is not visible before its commit. While it is
// being committed the database is asked, and as soon as the writer has its
// answer memory tells. Each kind of write keeps to that.
func TestRowsAtCommit(t *testing.T) {
	s := openStore(t, sqliteURL(t))
	one, two := createNode(t, s, "one"), createNode(t, s, "two")
	a, b, c := usher.MAC{2, 0, 0, 0, 0, 1}, usher.MAC{2, 0, 0, 0, 0, 2}, usher.MAC{2, 0, 0, 0, 0, 3}
	var port *usher.Port
	now := map[usher.MAC]usher.State{}
	for _, step := range []struct {
		name  string
		write func() error
		want  map[usher.MAC]usher.State // "" for an address that nobody has
	}{
		{"create a port", func() error { port = createPort(t, s, one, a.String()); return nil }, map[usher.MAC]usher.State{a: usher.Enroll}},
		{"create another", func() error { createPort(t, s, one, b.String()); return nil }, map[usher.MAC]usher.State{b: usher.Enroll}},
		{"change the node", func() error { return setState(t, s, one, usher.DeployWait) },
			map[usher.MAC]usher.State{a: usher.DeployWait, b: usher.DeployWait}},
		{"change a port's address", func() error {
			_, err := s.UpdatePort(t.Context(), port.UUID, func(p *usher.Port) error { p.Address = c; return nil })
			return err
		}, map[usher.MAC]usher.State{a: "", c: usher.DeployWait}},
		{"move it to another node", func() error {
			_, err := s.UpdatePort(t.Context(), port.UUID, func(p *usher.Port) error { p.NodeUUID = two.UUID; return nil })
			return err
		}, map[usher.MAC]usher.State{c: usher.Enroll}},
		{"change that node", func() error { return setState(t, s, two, usher.CleanWait) }, map[usher.MAC]usher.State{c: usher.CleanWait}},
		{"delete the port", func() error { return s.DeletePort(t.Context(), port.UUID) }, map[usher.MAC]usher.State{c: ""}},
		{"delete the node", func() error { return s.DeleteNode(t.Context(), one.UUID, "") }, map[usher.MAC]usher.State{b: ""}},
	} {
		t.Run(step.name, func(t *testing.T) {
			committed := false
			onCommit(t, s, func() error {
				committed = true
				for mac := range step.want {
					if r, known, err := s.rows.cache.find(mac); known || err != nil {
						t.Errorf("%s: memory tells %+v, %v while the commit is going on", mac, r, err)
					}
					got, err := s.BootNodeByMAC(t.Context(), mac)
					if got.ProvisionState != now[mac] || (err != nil) != (now[mac] == "") {
						t.Errorf("%s: %q, %v before the commit, want %q", mac, got.ProvisionState, err, now[mac])
					}
				}
				return nil
			})
			if err := step.write(); err != nil {
				t.Fatal(err)
			}
			for mac, state := range step.want {
				wantRow(t, s, mac, state)
				now[mac] = state
			}
			onCommit(t, s, nil)
			if !committed {
				t.Error("nothing was committed")
			}
			sameRows(t, s)
		})
	}
}

// TestRowsUntouched: what boot requests do not read puts nothing in doubt, and
// neither does a change that is refused.
func TestRowsUntouched(t *testing.T) {
	s := openStore(t, sqliteURL(t))
	n := createNode(t, s, "n")
	mac := createPort(t, s, n, "02:00:00:00:00:01").Address
	onCommit(t, s, func() error {
		wantRow(t, s, mac, usher.Enroll)
		return nil
	})
	if _, err := s.ReserveNode(t.Context(), n.UUID, "h"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RegisterConductor(t.Context(), usher.Conductor{Hostname: "h"}); err != nil {
		t.Fatal(err)
	}
	if err := setState(t, s, n, usher.DeployWait); err == nil {
		t.Fatal("a node that somebody has reserved was changed")
	}
	wantRow(t, s, mac, usher.Enroll)
	mine := errors.New("mine")
	_, err := s.UpdateNode(t.Context(), n.UUID, "h", func(n *usher.Node) error {
		n.ProvisionState = usher.DeployWait
		wantRow(t, s, mac, usher.Enroll)
		return mine
	})
	if err != mine {
		t.Fatal(err)
	}
	wantRow(t, s, mac, usher.Enroll)
	if freed, err := s.ReleaseReservations(t.Context(), "h"); freed != 1 || err != nil {
		t.Fatal(freed, err)
	}
	onCommit(t, s, nil)
}

// TestRowsFailedCommit: a commit that fails changes nothing that a machine is
// answered by. Until a later commit has read the rows again the database is
// asked.
func TestRowsFailedCommit(t *testing.T) {
	s := openStore(t, sqliteURL(t))
	n := createNode(t, s, "n")
	mac, other := createPort(t, s, n, "02:00:00:00:00:01").Address, usher.MAC{2, 0, 0, 0, 0, 2}
	onCommit(t, s, func() error { return errors.New("no") })
	for range 2 { // in doubt already, the second time
		if err := setState(t, s, n, usher.DeployWait); err == nil {
			t.Fatal("no error")
		}
		if err := s.CreatePort(t.Context(), &usher.Port{NodeUUID: n.UUID, Address: other}); err == nil {
			t.Fatal("no error")
		}
		for _, mac := range []usher.MAC{mac, other} {
			if _, known, _ := s.rows.cache.find(mac); known {
				t.Errorf("%s: memory tells after a failed commit", mac)
			}
		}
		if got, err := s.BootNodeByMAC(t.Context(), mac); err != nil || got.ProvisionState != usher.Enroll {
			t.Errorf("%+v, %v after a failed commit", got, err)
		}
		if _, err := s.BootNodeByMAC(t.Context(), other); !errors.Is(err, usher.ErrNotFound) {
			t.Errorf("%s: %v after a failed commit", other, err)
		}
	}
	onCommit(t, s, nil)
	if _, err := s.RegisterConductor(t.Context(), usher.Conductor{Hostname: "h"}); err != nil { // any write
		t.Fatal(err)
	}
	wantRow(t, s, mac, usher.Enroll)
	wantRow(t, s, other, "")
}

// TestRowsDiskFull runs into a full disk, at a statement or at COMMIT, many
// times.
func TestRowsDiskFull(t *testing.T) {
	url := sqliteURL(t)
	s := openStore(t, url)
	n := createNode(t, s, "n")
	mac := createPort(t, s, n, "02:00:00:00:00:01").Address
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var unlimited syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &unlimited); err != nil {
		t.Fatal(err)
	}
	full, state := 0, usher.Enroll
	for i := range 40 {
		log, err := os.Stat(strings.TrimPrefix(url, "sqlite:///") + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		limit := syscall.Rlimit{Cur: uint64(log.Size()) + rand.Uint64N(20000), Max: unlimited.Max}
		next := usher.WaitStates()[i%2]
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
		_, err = s.UpdateNode(t.Context(), n.UUID, "", func(n *usher.Node) error {
			n.ProvisionState, n.Description = next, strings.Repeat("x", rand.N(20000))
			return nil
		})
		if limitErr := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &unlimited); limitErr != nil {
			t.Fatal(limitErr)
		}
		if err == nil {
			state = next
		} else if full++; !errors.Is(err, usher.ErrUnavailable) {
			t.Errorf("a full disk: %v, want ErrUnavailable", err)
		}
		if got, err := s.BootNodeByMAC(t.Context(), mac); err != nil || got.ProvisionState != state {
			t.Fatalf("%q, %v, want %q", got.ProvisionState, err, state)
		}
	}
	if full == 0 || full == 40 {
		t.Errorf("%d of 40 writes met a full disk", full)
	}
	if err := setState(t, s, n, usher.Active); err != nil {
		t.Fatal(err)
	}
	wantRow(t, s, mac, usher.Active)
}

// TestRowsLoading: while rows are loaded the database tells of what memory
// cannot tell, and writes between two steps are not undone by the next.
func TestRowsLoading(t *testing.T) {
	url := sqliteURL(t)
	s := openClosing(t, url)
	const ports = 2*loadRows + 500
	fillPorts(t, s, ports)
	closeStore(t, s)
	s, err := OpenStore(t.Context(), Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	steps := 0
	for more := true; more; steps++ {
		for range 50 {
			mac := numbered(rand.N(ports + 100))
			want, wantErr := s.Reader.BootNodeByMAC(t.Context(), mac)
			got, err := s.BootNodeByMAC(t.Context(), mac)
			if diff := cmp.Diff(want, got); diff != "" || (err == nil) != (wantErr == nil) {
				t.Errorf("step %d, %s: %v, want %v\n%s", steps, mac, err, wantErr, diff)
			}
		}
		for range 3 {
			if p, err := s.PortByAddress(t.Context(), numbered(rand.N(ports))); err == nil {
				if err := setState(t, s, &usher.Node{UUID: p.NodeUUID}, usher.DeployWait); err != nil {
					t.Fatal(err)
				}
			}
			if p, err := s.PortByAddress(t.Context(), numbered(rand.N(ports))); err == nil {
				if err := s.DeletePort(t.Context(), p.UUID); err != nil {
					t.Fatal(err)
				}
			}
		}
		if more, err = s.keepRows(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if steps < 3 {
		t.Errorf("loaded in %d steps, so nothing came between", steps)
	}
	wantRow(t, s, numbered(ports+1), "")
}

func numbered(i int) usher.MAC { return usher.MAC{2, 0, 0, byte(i >> 16), byte(i >> 8), byte(i)} }

// fillPorts makes a node with a port for each number, by SQL: memory is not
// told, and begins anew.
func fillPorts(tb testing.TB, s *Store, n int) {
	tb.Helper()
	const from = " FROM (WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c LIMIT ?) SELECT i FROM c)"
	err := s.write(tb.Context(), "fill", func(ctx context.Context, tx *transaction) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO nodes (id, uuid, name, driver, boot_interface, provision_state, provision_updated_at)"+
			" SELECT i + 1, printf('%08d-0000-4000-8000-000000000000', i), 'node-' || i, 'manual-management', 'ipxe', 'wait call-back',"+
			" '2026-11-22 16:29:57.123456'"+from, n)
		if err == nil {
			_, err = tx.ExecContext(ctx, "INSERT INTO ports (uuid, address, node_id, pxe_enabled) SELECT printf('%08d-0000-4000-9000-000000000000', i),"+
				" printf('02:00:00:%02x:%02x:%02x', i >> 16, (i >> 8) & 255, i & 255), i + 1, 1"+from, n)
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	s.rows.forget()
}

// TestRowsByHand: rows that Usher would not have written are told of by the
// database, as before.
func TestRowsByHand(t *testing.T) {
	s := openClosing(t, sqliteURL(t))
	defer s.Close() // without closeStore: some rows stay in doubt
	macs := make([]usher.MAC, 6)
	nodes := make([]*usher.Node, len(macs))
	for i := range macs {
		macs[i] = numbered(i)
		nodes[i] = createNode(t, s, fmt.Sprintf("n%d", i))
		createPort(t, s, nodes[i], macs[i].String())
	}
	for _, statement := range []string{
		"UPDATE nodes SET provision_updated_at = 'yesterday' WHERE name = 'n0'",
		"UPDATE nodes SET uuid = 'short' WHERE name = 'n1'",
		"UPDATE nodes SET provision_updated_at = '9999-01-01 00:00:00' WHERE name = 'n2'",
		"UPDATE ports SET address = '02-00-00-00-00-03' WHERE address = '02:00:00:00:00:03'",
		"UPDATE ports SET node_id = NULL WHERE address = '02:00:00:00:00:04'",
		"INSERT INTO ports (uuid, address) VALUES ('x', 'no address')",
	} {
		if _, err := s.w.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	s.rows.forget()
	loadRowsOf(t, s)
	for i, want := range []struct {
		known bool
		err   error
	}{{false, nil}, {false, nil}, {false, nil}, {true, usher.ErrNotFound}, {true, usher.ErrNotFound}, {true, nil}} {
		if _, known, _ := s.rows.cache.find(macs[i]); known != want.known {
			t.Errorf("n%d: known %v, want %v", i, known, want.known)
		}
		got, err := s.BootNodeByMAC(t.Context(), macs[i])
		selected, selectErr := s.Reader.BootNodeByMAC(t.Context(), macs[i])
		if diff := cmp.Diff(selected, got); diff != "" || fmt.Sprint(err) != fmt.Sprint(selectErr) || want.err != nil && !errors.Is(err, want.err) {
			t.Errorf("n%d: %v, SELECT says %v\n%s", i, err, selectErr, diff)
		}
	}
	// Somebody mends them with Usher.
	for i, n := range nodes {
		if i == 1 { // has lost its UUID
			continue
		}
		_, err := s.UpdateNode(t.Context(), n.UUID, "", func(n *usher.Node) error { n.ProvisionUpdatedAt = time.Now(); return nil })
		if err != nil && i != 0 { // the node API cannot read the time of n0 either
			t.Error(err)
		}
	}
	if _, known, _ := s.rows.cache.find(macs[2]); !known {
		t.Error("n2 is still in doubt")
	}
}

// TestRowsForeignWrite: what another program commits is noticed.
func TestRowsForeignWrite(t *testing.T) {
	url := sqliteURL(t)
	s := openStore(t, url)
	n := createNode(t, s, "n")
	mac := createPort(t, s, n, "02:00:00:00:00:01").Address
	other, err := sql.Open("sqlite", strings.TrimPrefix(url, "sqlite:///"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for _, state := range []usher.State{usher.DeployWait, usher.CleanWait} {
		if _, err := other.ExecContext(t.Context(), "UPDATE nodes SET provision_state = ?", string(state)); err != nil {
			t.Fatal(err)
		}
		if err := s.Heartbeat(t.Context(), "nobody"); !errors.Is(err, usher.ErrNotFound) { // our own commits hide nothing
			t.Fatal(err)
		}
		loadRowsOf(t, s)
		wantRow(t, s, mac, state)
	}
	// The count of another connection of our own says nothing, even where it is
	// the same number.
	dropIdle(s.w)
	if _, err := other.ExecContext(t.Context(), "UPDATE nodes SET provision_state = ?", string(usher.Active)); err != nil {
		t.Fatal(err)
	}
	if err := s.w.QueryRowContext(t.Context(), "PRAGMA data_version").Scan(&s.rows.version); err != nil {
		t.Fatal(err)
	}
	loadRowsOf(t, s)
	wantRow(t, s, mac, usher.Active)
}

// TestRowsFileMoved: with another file in its place the database is not the
// one that was opened any more, and nobody is answered from either.
func TestRowsFileMoved(t *testing.T) {
	url := sqliteURL(t)
	s := openStore(t, url)
	n := createNode(t, s, "n")
	mac := createPort(t, s, n, "02:00:00:00:00:01").Address
	path := strings.TrimPrefix(url, "sqlite:///")
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, usher.ErrUnavailable) || !strings.Contains(err.Error(), path+" was moved or replaced") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	for _, replace := range []bool{false, true} {
		if replace {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := s.keepRows(t.Context())
		refused("look", err)
		_, err = s.BootNodeByMAC(t.Context(), mac)
		refused("read", err)
		refused("write", setState(t, s, n, usher.DeployWait))
		refused("ping", s.Ping(t.Context()))
	}
	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	loadRowsOf(t, s)
	wantRow(t, s, mac, usher.Enroll)
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if err := setState(t, s, n, usher.DeployWait); err != nil {
		t.Error(err)
	}
	wantRow(t, s, mac, usher.DeployWait)
}

// TestKeepRows runs it as the program does.
func TestKeepRows(t *testing.T) {
	s, err := OpenStore(t.Context(), Options{URL: sqliteURL(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	n := createNode(t, s, "n")
	mac := createPort(t, s, n, "02:00:00:00:00:01").Address
	if len(s.rows.cache.rows) != 0 {
		t.Error("rows are kept before anybody asked for that")
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.KeepRows(ctx) }()
	testenv.Until(t, time.Minute, "the row is in memory", func() bool {
		_, known, _ := s.rows.cache.find(mac)
		return known
	})
	if err := setState(t, s, n, usher.DeployWait); err != nil {
		t.Fatal(err)
	}
	wantRow(t, s, mac, usher.DeployWait)
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := setState(t, s, n, usher.Active); err != nil { // while it stops
		t.Fatal(err)
	}
	wantRow(t, s, mac, usher.Active)
}

// TestRowsCallerLeaves: a caller who leaves while a write is going on neither
// stops it nor costs the connection.
func TestRowsCallerLeaves(t *testing.T) {
	s := openStore(t, sqliteURL(t))
	n := createNode(t, s, "n")
	mac := createPort(t, s, n, "02:00:00:00:00:01").Address
	ctx, leave := context.WithCancel(t.Context())
	_, err := s.UpdateNode(ctx, n.UUID, "", func(n *usher.Node) error {
		leave()
		n.ProvisionState = usher.DeployWait
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	wantRow(t, s, mac, usher.DeployWait)
	conn := s.rows.conn
	loadRowsOf(t, s)
	if s.rows.conn != conn {
		t.Error("the connection was thrown away")
	}
}

// TestRowsClosed: a closed inventory may be closed again, and says that it is
// closed to who asks on.
func TestRowsClosed(t *testing.T) {
	s := openClosing(t, sqliteURL(t))
	mac := createPort(t, s, createNode(t, s, "n"), "02:00:00:00:00:01").Address
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.BootNodeByMAC(t.Context(), mac); err == nil {
		t.Error("an answer after Close")
	}
}

// TestRowsConcurrent: with writers at work no answer is older than what SELECT
// said before it, older than what a writer was told before it, or newer than
// what SELECT says after it.
func TestRowsConcurrent(t *testing.T) {
	s := openStore(t, sqliteURL(t))
	const nodes, writes = 8, 60
	var written [nodes]atomic.Int64
	all := make([]*usher.Node, nodes)
	for i := range all {
		all[i] = createNode(t, s, fmt.Sprintf("n%d", i))
		createPort(t, s, all[i], numbered(i).String())
		if _, err := s.UpdateNode(t.Context(), all[i].UUID, "", func(n *usher.Node) error { n.BootInterface = "0"; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	version := func(ask func(context.Context, usher.MAC) (usher.BootNode, error), i int) int64 {
		n, err := ask(t.Context(), numbered(i))
		v, parseErr := strconv.ParseInt(n.BootInterface, 10, 64)
		if err != nil || parseErr != nil {
			t.Errorf("%+v, %v", n, err)
		}
		return v
	}
	var writers, readers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			for v := int64(1); v <= writes; v++ {
				i := w*nodes/2 + rand.N(nodes/2)
				n, err := s.UpdateNode(t.Context(), all[i].UUID, "", func(n *usher.Node) error {
					old, _ := strconv.ParseInt(n.BootInterface, 10, 64)
					n.BootInterface = strconv.FormatInt(old+1, 10)
					return nil
				})
				if err != nil {
					t.Error(err)
					return
				}
				told, _ := strconv.ParseInt(n.BootInterface, 10, 64)
				written[i].Store(told)
			}
		})
	}
	var stop atomic.Bool
	for range 2 {
		readers.Go(func() {
			for !stop.Load() {
				i := rand.N(nodes)
				told, before := written[i].Load(), version(s.Reader.BootNodeByMAC, i)
				got := version(s.BootNodeByMAC, i)
				after := version(s.Reader.BootNodeByMAC, i)
				if got < told || got < before || got > after {
					t.Errorf("n%d: version %d after a writer was told %d and SELECT said %d, and before SELECT said %d", i, got, told, before, after)
				}
			}
		})
	}
	writers.Wait()
	stop.Store(true)
	readers.Wait()
}

// TestLocked: a SQLite file has one Store at a time, by whatever path; readers
// are welcome.
func TestLocked(t *testing.T) {
	url := sqliteURL(t)
	s := openStore(t, url)
	link := filepath.Join(t.TempDir(), "link.sqlite")
	if err := os.Symlink(strings.TrimPrefix(url, "sqlite:///"), link); err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{url, "sqlite:///" + link} {
		_, err := OpenStore(t.Context(), Options{URL: other})
		want := fmt.Sprintf("the database %s is in use by another usher (pid %d)", strings.TrimPrefix(other, "sqlite:///"), os.Getpid())
		if !errors.Is(err, usher.ErrConflict) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want ErrConflict and %q", other, err, want)
		}
		r, err := OpenReader(t.Context(), Options{URL: other})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	createNode(t, s, "n") // it still has its locks of SQLite
}
