package inventory

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/testenv"
)

func dump(tb testing.TB, name string) string {
	tb.Helper()
	text, err := os.ReadFile("testdata/ironic/" + name)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// ironicSQLite makes an Ironic database of the golden dump.
func ironicSQLite(tb testing.TB) (file string) {
	tb.Helper()
	file = filepath.Join(tb.TempDir(), "ironic.sqlite")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(tb.Context(), dump(tb, "sqlite.sql")); err != nil {
		tb.Fatal(err)
	}
	return file
}

// ironicMariaDB makes an Ironic database of the golden dump.
func ironicMariaDB(t *testing.T) (s *testenv.Server, name string) {
	t.Helper()
	s = testenv.SharedMariaDB(t)
	name = s.Database(t)
	var statements []string
	for statement := range strings.SplitSeq(dump(t, "mariadb.sql"), ";\n") {
		statement = strings.TrimSpace(statement)
		if statement != "" && !strings.HasPrefix(statement, "/*!") {
			statements = append(statements, statement)
		}
	}
	// The dump is in the order of names; its foreign keys point ahead.
	s.Admin(t, name, append([]string{"SET foreign_key_checks = 0"}, statements...)...)
	return s, name
}

// readIronic reads the rows of testdata/ironic/rows.py.
func readIronic(t *testing.T, url string) {
	t.Helper()
	ctx := t.Context()
	kind, err := Detect(ctx, Options{URL: url})
	if kind != Ironic || err != nil {
		t.Errorf("Detect: %v, %v", kind, err)
	}
	if _, err := OpenStore(ctx, Options{URL: url}); !errors.Is(err, usher.ErrInvalid) {
		t.Errorf("OpenStore on Ironic's database: %v", err)
	}
	r, err := OpenReader(ctx, Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	got, err := r.BootNodeByMAC(ctx, parseMAC(t, "52-54-00-AA-F0-16"))
	want := usher.BootNode{UUID: "8733b875-30ea-5929-9b3b-8c04ada0b065", Name: "ipxe-1", Driver: "manual-management",
		BootInterface: "ipxe", ProvisionState: usher.DeployWait, ConductorGroup: "rack1", ConductorAffinity: 2}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("node: %v\n%s", err, diff)
	}
	// Nulls wherever Ironic allows them.
	got, err = r.BootNodeByMAC(ctx, parseMAC(t, "52:54:00:aa:f0:17"))
	want = usher.BootNode{UUID: "11111111-2222-3333-4444-555555555555", ProvisionState: usher.Enroll}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("bare node: %v\n%s", err, diff)
	}
	if _, err := r.BootNodeByMAC(ctx, usher.MAC{}); !errors.Is(err, usher.ErrNotFound) {
		t.Errorf("unknown MAC: %v", err)
	}

	conductors, err := r.Conductors(ctx)
	boot := []usher.HardwareInterface{
		{HardwareType: "manual-management", Type: "boot", Name: "ipxe", Default: true},
		{HardwareType: "manual-management", Type: "boot", Name: "pxe"},
	}
	wantConductors := []usher.Conductor{
		{ID: 1, Hostname: "127.0.0.11", Online: true, Interfaces: boot},
		{ID: 2, Hostname: "127.0.0.12", Group: "rack1", Interfaces: boot},
	}
	if diff := cmp.Diff(wantConductors, conductors, cmpopts.IgnoreFields(usher.Conductor{}, "CreatedAt", "UpdatedAt")); err != nil || diff != "" {
		t.Errorf("conductors: %v\n%s", err, diff)
	}
	for _, c := range conductors {
		if c.UpdatedAt.Year() != 2026 || c.UpdatedAt.Location() != time.UTC {
			t.Errorf("heartbeat of %s: %v", c.Hostname, c.UpdatedAt)
		}
	}
	explainsUnique(t, r, parseMAC(t, "52:54:00:aa:f0:16"))
	nearInIronic(t, r)
	waitingInIronic(t, r)
}

func TestIronicOnSQLite(t *testing.T) {
	file := ironicSQLite(t)
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	readIronic(t, "sqlite:///"+file)
	after, err := os.ReadFile(file)
	if err != nil || string(before) != string(after) {
		t.Errorf("the database changed, %v", err)
	}
	if left, _ := filepath.Glob(file + "-*"); len(left) > 0 {
		t.Errorf("files left beside it: %v", left)
	}
}

// TestIronicOnMariaDB reads with an account that may SELECT the columns of
// ReaderTables and nothing else.
func TestIronicOnMariaDB(t *testing.T) {
	s, name := ironicMariaDB(t)
	s.Admin(t, name, "DROP USER IF EXISTS reader@'%'", "CREATE USER reader@'%' IDENTIFIED BY 'reader'")
	for _, table := range ReaderTables() {
		if table.Name != "alembic_version" { // Detect must do without
			s.Admin(t, name, "GRANT SELECT (`"+strings.Join(table.Columns, "`, `")+"`) ON "+name+"."+table.Name+" TO reader@'%'")
		}
	}
	full := s.URL(name)
	account := "mysql+pymysql://reader:reader" + full[strings.LastIndex(full, "@"):]
	readIronic(t, account)
	more, err := OpenReader(t.Context(), Options{URL: account})
	if err != nil {
		t.Fatal(err)
	}
	defer more.Close()
	if err := more.CheckMore(t.Context()); err == nil || !strings.Contains(err.Error(), "column ports.uuid is missing or may not be read") {
		t.Errorf("an account without the columns of MoreTables: %v", err)
	}
	readIronic(t, s.SocketURL(name)) // and with one that may do more
	db, err := newDialect(account)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.open(true)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var secret string
	if err := pool.QueryRowContext(t.Context(), "SELECT driver_info FROM nodes").Scan(&secret); err == nil {
		t.Error("the account of this test may read secrets, so the test proves nothing")
	}
}

// TestMissingColumn wants the column's name, on a schema that lacks it.
func TestMissingColumn(t *testing.T) {
	for _, tt := range []struct{ statement, want string }{
		{"ALTER TABLE nodes RENAME COLUMN boot_interface TO boot_if", "nodes.boot_interface"},
		{"ALTER TABLE ports RENAME COLUMN node_id TO node", "ports.node_id"},
		{`ALTER TABLE conductor_hardware_interfaces RENAME COLUMN "default" TO d`, "conductor_hardware_interfaces.default"},
		{"ALTER TABLE conductors RENAME TO old", "conductors.id"},
	} {
		file := ironicSQLite(t)
		db, err := sql.Open("sqlite", file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), tt.statement); err != nil {
			t.Fatal(err)
		}
		db.Close()
		_, err = OpenReader(t.Context(), Options{URL: "sqlite:///" + file})
		if err == nil || !strings.Contains(err.Error(), tt.want) || errors.Is(err, usher.ErrUnavailable) {
			t.Errorf("%s: %v, want %q", tt.statement, err, tt.want)
		}
	}
}

// TestReaderNamesNoSecrets holds the list of columns against what must never
// be in it.
func TestReaderNamesNoSecrets(t *testing.T) {
	for _, table := range slices.Concat(ReaderTables(), MoreTables()) {
		for _, c := range table.Columns {
			if strings.Contains(c, "info") || c == "extra" || c == "properties" {
				t.Errorf("the reader needs %s.%s", table.Name, c)
			}
		}
	}
}

// TestPortsAndInspectionsOfIronic reads, on Ironic's own tables, which ports are
// to boot from and how nodes are inspected.
func TestPortsAndInspectionsOfIronic(t *testing.T) {
	const node, bare = "8733b875-30ea-5929-9b3b-8c04ada0b065", "11111111-2222-3333-4444-555555555555"
	statements := []string{
		"INSERT INTO ports (uuid, address, node_id, pxe_enabled) VALUES ('p1', '52:54:00:aa:f1:00', 1, 0)",
		"INSERT INTO ports (uuid, address, node_id, pxe_enabled) VALUES ('p2', '52:54:00:aa:f1:01', 1, NULL)",
		"UPDATE nodes SET inspect_interface = 'inspector' WHERE id = 1",
	}
	file := ironicSQLite(t)
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	s, name := ironicMariaDB(t)
	s.Admin(t, name, statements...)
	for _, url := range []string{"sqlite:///" + file, s.URL(name)} {
		r, err := OpenReader(t.Context(), Options{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for mac, disabled := range map[string]bool{"52:54:00:aa:f0:16": false, "52:54:00:aa:f1:00": true, "52:54:00:aa:f1:01": false} {
			if n, err := r.BootNodeByMAC(t.Context(), parseMAC(t, mac)); err != nil || n.UUID != node || n.PXEDisabled != disabled {
				t.Errorf("%s: %+v, %v", mac, n, err)
			}
		}
		for uuid, want := range map[string]string{node: "inspector", bare: ""} {
			if got, err := r.InspectInterface(t.Context(), uuid); got != want || err != nil {
				t.Errorf("%s: inspect interface %q, %v, want %q", uuid, got, err, want)
			}
		}
		if _, err := r.InspectInterface(t.Context(), "none"); !errors.Is(err, usher.ErrNotFound) {
			t.Errorf("no node: %v", err)
		}
		if err := r.CheckMore(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
