package inventory

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
)

func testBootNodes(t *testing.T, s *Store) {
	ctx := t.Context()
	n := fullNode()
	if err := s.CreateNode(ctx, n); err != nil {
		t.Fatal(err)
	}
	p := createPort(t, s, n, "52:54:00:aa:00:01")
	want := usher.BootNode{UUID: n.UUID, Name: n.Name, Driver: n.Driver, BootInterface: n.BootInterface,
		ProvisionState: n.ProvisionState, ConductorGroup: n.ConductorGroup,
		ProvisionUpdatedAt: n.ProvisionUpdatedAt}
	for range 2 { // the second time with the prepared statement
		got, err := s.BootNodeByMAC(ctx, p.Address)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("BootNodeByMAC: %v\n%s", err, diff)
		}
		got, err = s.BootNode(ctx, n.UUID)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("BootNode: %v\n%s", err, diff)
		}
	}
	_, err := s.BootNodeByMAC(ctx, usher.MAC{})
	wantError(t, err, usher.ErrNotFound, "PortNotFound", "Port 00:00:00:00:00:00 could not be found.")
	_, err = s.BootNode(ctx, p.UUID)
	wantError(t, err, usher.ErrNotFound, "NodeNotFound", "Node "+p.UUID+" could not be found.")
	if err := s.Ping(ctx); err != nil {
		t.Error(err)
	}
	if got, want := s.HeartbeatRule(), s.d.name != "sqlite"; got != want {
		t.Errorf("HeartbeatRule %v, want %v", got, want)
	}
	explainsUnique(t, s.Reader, p.Address)
}

// testTogether asks for as many addresses at a time as a batch can have.
func testTogether(t *testing.T, s *Store) {
	const known = mostMACs - 7
	var macs []usher.MAC
	nodes := map[usher.MAC]string{}
	for i := range byte(known) {
		n := createNode(t, s, "")
		mac := usher.MAC{0x52, 0x54, 0, 0xbb, 0, i}
		createPort(t, s, n, mac.String())
		macs, nodes[mac] = append(macs, mac), n.UUID
	}
	for i := range byte(mostMACs - known) {
		macs = append(macs, usher.MAC{0x06, 0, 0, 0, 0, i})
	}
	for size := 1; size <= mostMACs; size++ {
		some := macs[mostMACs-size:]
		answers, err := s.bootNodesByMAC(t.Context(), some)
		if err != nil || len(answers) != size {
			t.Fatalf("%d addresses: %d answers, %v", size, len(answers), err)
		}
		for i, mac := range some {
			if answers[i].Value.UUID != nodes[mac] {
				t.Errorf("%d addresses: %s is node %q, want %q", size, mac, answers[i].Value.UUID, nodes[mac])
			}
			if nodes[mac] == "" {
				wantError(t, answers[i].Err, usher.ErrNotFound, "PortNotFound", "Port "+mac.String()+" could not be found.")
			}
		}
	}
}

// explainsUnique asks the engine how it runs the lean query: two look-ups in
// unique indexes, no scan.
func explainsUnique(t *testing.T, r *Reader, mac usher.MAC) {
	t.Helper()
	prefix := map[string]string{"sqlite": "EXPLAIN QUERY PLAN ", "mysql": "EXPLAIN FORMAT=JSON ", "postgres": "EXPLAIN "}[r.d.name]
	conn, err := r.db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if r.d.name == "postgres" {
		// With so few rows a scan is cheaper; ask what it does with many.
		if _, err := conn.ExecContext(t.Context(), "SET enable_seqscan = off"); err != nil {
			t.Fatal(err)
		}
	}
	var plan strings.Builder
	found, err := conn.QueryContext(t.Context(), prefix+r.byMAC.query, mac.String())
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	columns, _ := found.Columns()
	for found.Next() {
		row := make([]any, len(columns))
		for i := range row {
			row[i] = &[]byte{}
		}
		if err := found.Scan(row...); err != nil {
			t.Fatal(err)
		}
		plan.Write(*row[len(row)-1].(*[]byte))
		plan.WriteByte('\n')
	}
	wants := map[string][]string{
		"sqlite":   {"SEARCH p USING INDEX sqlite_autoindex_ports_", "(address=?)", "SEARCH n USING INTEGER PRIMARY KEY"},
		"mysql":    {`"access_type": "const"`, `"key": "uniq_ports0address"`, `"key": "PRIMARY"`},
		"postgres": {"uniq_ports0address", "nodes_pkey"},
	}[r.d.name]
	for _, want := range wants {
		if !strings.Contains(plan.String(), want) {
			t.Errorf("the plan has no %q:\n%s", want, plan.String())
		}
	}
	if strings.Contains(plan.String(), "SCAN") || strings.Contains(plan.String(), `"ALL"`) || strings.Contains(plan.String(), "Seq Scan") {
		t.Errorf("the plan scans a table:\n%s", plan.String())
	}
}

// testReadOnly tries to write through each of the Reader's connections.
func testReadOnly(t *testing.T, s *Store) {
	n := createNode(t, s, "n")
	for _, query := range []string{
		"UPDATE nodes SET name = 'hacked'", "DELETE FROM nodes", "INSERT INTO conductors (hostname) VALUES ('x')",
		"CREATE TABLE more (id INTEGER)",
	} {
		for range 3 {
			if _, err := s.db.ExecContext(t.Context(), query); err == nil {
				t.Errorf("the reader may run %s", query)
			} else if s.d.wrap(t.Context(), "write", err) == nil {
				t.Error("no error")
			}
		}
	}
	if got, err := s.Node(t.Context(), n.UUID); err != nil || got.Name != "n" {
		t.Errorf("after that: %+v, %v", got, err)
	}
}

func testValues(t *testing.T, s *Store) {
	long := strings.Repeat("x", 300)
	err := s.CreateNode(t.Context(), &usher.Node{Name: long})
	if s.d.name != "sqlite" && !errors.Is(err, usher.ErrInvalid) {
		t.Errorf("a name of 300 characters: %v, want ErrInvalid and not a cut name", err)
	}
	err = s.CreateNode(t.Context(), &usher.Node{Extra: map[string]any{"f": func() {}}})
	if !errors.Is(err, usher.ErrInvalid) {
		t.Errorf("what is not JSON: %v", err)
	}
}

func testCanceled(t *testing.T, s *Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.BootNodeByMAC(ctx, usher.MAC{})
	if !errors.Is(err, context.Canceled) || errors.Is(err, usher.ErrUnavailable) || errors.Is(err, usher.ErrNotFound) {
		t.Errorf("cancelled read: %v", err)
	}
	if err := s.Heartbeat(ctx, "x"); !errors.Is(err, context.Canceled) || errors.Is(err, usher.ErrUnavailable) {
		t.Errorf("cancelled write: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 0)
	defer cancel()
	if _, err := s.Conductors(ctx); !errors.Is(err, usher.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("read past its deadline: %v", err)
	}
}

func testMigrations(t *testing.T, s *Store) {
	ctx := t.Context()
	current, latest, err := s.MigrationStatus(ctx)
	if err != nil || current != latest || latest == 0 {
		t.Errorf("status %d of %d, %v", current, latest, err)
	}
	if err := s.Migrate(ctx); err != nil {
		t.Errorf("migrate again: %v", err)
	}
}
