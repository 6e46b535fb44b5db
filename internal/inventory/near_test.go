package inventory

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
)

// addresses are the addresses of what was found, in its order.
func addresses(found []usher.KnownAddress) (all []string) {
	for _, p := range found {
		all = append(all, p.Address.String())
	}
	return all
}

func testNear(t *testing.T, s *Store) {
	ctx := t.Context()
	n := createNode(t, s, "n")
	other := createNode(t, s, "other")
	for _, mac := range []string{"52:54:00:00:00:00", "52:54:00:12:34:55", "52:54:00:12:34:57", "52:54:00:12:34:9f",
		"52:54:00:ab:00:00", "52:54:00:ff:ff:ff", "52:54:01:00:00:00", "52:53:ff:ff:ff:ff"} {
		createPort(t, s, n, mac)
	}
	asked := parseMAC(t, "52:54:00:12:34:56")
	beside, err := s.PortsBeside(ctx, asked, 3)
	want := []string{"52:54:00:12:34:55", "52:54:00:00:00:00", "52:54:00:12:34:57", "52:54:00:12:34:9f", "52:54:00:ab:00:00"}
	if diff := cmp.Diff(want, addresses(beside)); err != nil || diff != "" {
		t.Errorf("PortsBeside: %v\n%s", err, diff)
	}
	at, err := s.PortsAt(ctx, []usher.MAC{asked, parseMAC(t, "52:54:00:12:34:9f")})
	wantAt := []usher.KnownAddress{{Address: parseMAC(t, "52:54:00:12:34:9f"), PXEEnabled: true, NodeUUID: n.UUID, NodeName: "n", State: n.ProvisionState}}
	if diff := cmp.Diff(wantAt, at); err != nil || diff != "" {
		t.Errorf("PortsAt: %v\n%s", err, diff)
	}
	all, err := s.Addresses(ctx)
	wantAll := []string{"52:53:ff:ff:ff:ff", "52:54:00:00:00:00", "52:54:00:12:34:55", "52:54:00:12:34:57", "52:54:00:12:34:9f",
		"52:54:00:ab:00:00", "52:54:00:ff:ff:ff", "52:54:01:00:00:00"}
	if diff := cmp.Diff(wantAll, addresses(all)); err != nil || diff != "" {
		t.Errorf("Addresses: %v\n%s", err, diff)
	}
	if at, err := s.PortsAt(ctx, nil); len(at) > 0 || err != nil {
		t.Errorf("PortsAt of nothing: %v, %v", at, err)
	}
	p := createPort(t, s, other, "52:54:00:12:34:77")
	of, err := s.PortsOf(ctx, other.UUID, 10)
	wantOf := []usher.KnownAddress{{Address: p.Address, PortUUID: p.UUID, PXEEnabled: p.PXEEnabled, NodeUUID: other.UUID,
		NodeName: "other", State: other.ProvisionState}}
	if diff := cmp.Diff(wantOf, of); err != nil || diff != "" {
		t.Errorf("PortsOf: %v\n%s", err, diff)
	}
	if of, err := s.PortsOf(ctx, n.UUID, 2); len(of) != 2 || err != nil {
		t.Errorf("PortsOf, at most two: %v, %v", of, err)
	}
	if groups, err := s.PortgroupsAt(ctx, []usher.MAC{asked}); len(groups) > 0 || err != nil {
		t.Errorf("port groups without their table: %v, %v", groups, err)
	}
	full := fullNode()
	if err := s.CreateNode(ctx, full); err != nil {
		t.Fatal(err)
	}
	condition, err := s.NodeCondition(ctx, full.UUID)
	if diff := cmp.Diff(usher.NodeCondition{DeployInterface: "direct", Maintenance: true, LastError: "no\nluck"}, condition); err != nil || diff != "" {
		t.Errorf("NodeCondition: %v\n%s", err, diff)
	}
	_, err = s.NodeCondition(ctx, "nobody")
	wantError(t, err, usher.ErrNotFound, "NodeNotFound", "Node nobody could not be found.")
	nearByIndex(t, s)
}

// nearByIndex asks the engine how it looks for addresses among 10,000 nodes: by
// the index of addresses, which makes it as fast among ten times as many.
func nearByIndex(t *testing.T, s *Store) {
	t.Helper()
	err := s.write(t.Context(), "fill", func(ctx context.Context, tx *transaction) error {
		for first := 1000; first < 11000; first += 500 {
			var nodes, ports []string
			for id := first; id < first+500; id++ {
				uuid := fmt.Sprintf("'%08d-0000-4000-8000-000000000000'", id)
				nodes = append(nodes, fmt.Sprintf("(%d, %s, '')", id, uuid))
				ports = append(ports, fmt.Sprintf("(%s, '02:00:00:00:%02x:%02x', %d)", uuid, id>>8, id&255, id))
			}
			for _, statement := range []string{"INSERT INTO nodes (id, uuid, conductor_group) VALUES " + strings.Join(nodes, ", "),
				"INSERT INTO ports (uuid, address, node_id) VALUES " + strings.Join(ports, ", ")} {
				if _, err := tx.ExecContext(ctx, statement); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if s.rows != nil {
		s.rows.forget() // SQL of a test's own told it nothing
	}
	for _, table := range []string{"nodes", "ports"} {
		analyse := map[string]string{"sqlite": "ANALYZE ", "mysql": "ANALYZE TABLE ", "postgres": "ANALYZE "}[s.d.name]
		if _, err := s.w.ExecContext(t.Context(), analyse+table); err != nil {
			t.Fatal(err)
		}
	}
	var candidates []usher.MAC
	for i := range 250 {
		candidates = append(candidates, usher.MAC{2, 0, 0, 1, 0, byte(i)})
	}
	args := texts(candidates)
	query := "SELECT " + nearColumns + " FROM ports p JOIN nodes n ON n.id = p.node_id WHERE p.address IN (" + marks(len(args)) + ")"
	usesIndex(t, s, query, args)
	query = "SELECT " + nearColumns + " FROM ports p JOIN nodes n ON n.id = p.node_id WHERE p.address > ? AND p.address <= ?" +
		" ORDER BY p.address LIMIT ?"
	usesIndex(t, s, query, []any{"02:00:00:00:02:03", "02:00:00:ff:ff:ff", 3})
}

func usesIndex(t *testing.T, s *Store, query string, args []any) {
	t.Helper()
	prefix := map[string]string{"sqlite": "EXPLAIN QUERY PLAN ", "mysql": "EXPLAIN FORMAT=JSON ", "postgres": "EXPLAIN "}[s.d.name]
	var plan strings.Builder
	conn, err := s.db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if s.d.name == "postgres" {
		// A scan of so few rows is cheaper; ask what it does with more.
		if _, err := conn.ExecContext(t.Context(), "SET enable_seqscan = off"); err != nil {
			t.Fatal(err)
		}
	}
	found, err := conn.QueryContext(t.Context(), s.d.bind(prefix+query), args...)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	columns, err := found.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for found.Next() {
		row := make([]any, len(columns))
		for i := range row {
			row[i] = new(sql.RawBytes)
		}
		if err := found.Scan(row...); err != nil {
			t.Fatal(err)
		}
		plan.Write(*row[len(row)-1].(*sql.RawBytes))
		plan.WriteByte('\n')
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"sqlite": "(address", "mysql": `"key": "uniq_ports0address"`,
		"postgres": "uniq_ports0address"}[s.d.name]
	if !strings.Contains(plan.String(), want) {
		t.Errorf("%.80s does not use the index of addresses:\n%.2000s", query, plan.String())
	}
}

// nearInIronic looks for the rows of testdata/ironic/rows.py.
func nearInIronic(t *testing.T, r *Reader) {
	t.Helper()
	asked := parseMAC(t, "52:54:00:aa:f0:15")
	beside, err := r.PortsBeside(t.Context(), asked, 2)
	if diff := cmp.Diff([]string{"52:54:00:aa:f0:16", "52:54:00:aa:f0:17"}, addresses(beside)); err != nil || diff != "" {
		t.Errorf("PortsBeside: %v\n%s", err, diff)
	}
	at, err := r.PortsAt(t.Context(), []usher.MAC{asked, parseMAC(t, "52:54:00:aa:f0:16")})
	want := []usher.KnownAddress{{Address: parseMAC(t, "52:54:00:aa:f0:16"), PXEEnabled: true, NodeUUID: "8733b875-30ea-5929-9b3b-8c04ada0b065",
		NodeName: "ipxe-1", State: usher.DeployWait}}
	if diff := cmp.Diff(want, at); err != nil || diff != "" {
		t.Errorf("PortsAt: %v\n%s", err, diff)
	}
}

// TestPortgroups finds the address of a bond in a database of Ironic's.
func TestPortgroups(t *testing.T) {
	file := ironicSQLite(t)
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"INSERT INTO portgroups (id, uuid, name, node_id, address) VALUES (1, 'u1', 'bond0', 1, '52:54:00:bb:00:01')",
		"INSERT INTO portgroups (id, uuid, node_id, address) VALUES (2, 'u2', 1, '52:54:00:bb:00:02')",
		"INSERT INTO portgroups (id, uuid, node_id) VALUES (3, 'u3', 1)",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := OpenReader(t.Context(), Options{URL: "sqlite:///" + file})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := r.PortgroupsAt(t.Context(), []usher.MAC{parseMAC(t, "52:54:00:bb:00:01"), parseMAC(t, "52:54:00:bb:00:02")})
	node := usher.KnownAddress{NodeUUID: "8733b875-30ea-5929-9b3b-8c04ada0b065", NodeName: "ipxe-1", State: usher.DeployWait}
	bond, bare := node, node
	bond.Address, bond.Portgroup = parseMAC(t, "52:54:00:bb:00:01"), "bond0"
	bare.Address, bare.Portgroup = parseMAC(t, "52:54:00:bb:00:02"), "-"
	if diff := cmp.Diff([]usher.KnownAddress{bond, bare}, got); err != nil || diff != "" {
		t.Errorf("PortgroupsAt: %v\n%s", err, diff)
	}
	of, err := r.PortsOf(t.Context(), node.NodeUUID, 5)
	if err != nil || len(of) != 1 || !of[0].PXEEnabled || of[0].PortUUID != "aaaaaaaa-2222-3333-4444-555555555555" {
		t.Errorf("PortsOf: %+v, %v", of, err)
	}
	if _, err := r.NodeCondition(t.Context(), node.NodeUUID); err != nil {
		t.Error(err)
	}
}
