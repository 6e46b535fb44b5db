package inventory

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/testenv"
)

// openStore opens a migrated Store that the test closes.
func openStore(tb testing.TB, url string) *Store {
	tb.Helper()
	s := openClosing(tb, url)
	tb.Cleanup(func() { closeStore(tb, s) })
	return s
}

// openClosing opens a migrated Store that the caller closes with closeStore. On
// SQLite it knows its rows.
func openClosing(tb testing.TB, url string) *Store {
	tb.Helper()
	s, err := OpenStore(tb.Context(), Options{URL: url})
	if err != nil {
		tb.Fatal(err)
	}
	if err := s.Migrate(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	if s.rows != nil {
		loadRowsOf(tb, s)
	}
	return s
}

// closeStore closes a Store, and first holds the rows that it knows against
// its database.
func closeStore(tb testing.TB, s *Store) {
	tb.Helper()
	if s.rows != nil {
		sameRows(tb, s)
	}
	if err := s.Close(); err != nil {
		tb.Errorf("close: %v", err)
	}
}

func sqliteURL(tb testing.TB) string {
	return "sqlite:///" + filepath.Join(tb.TempDir(), "state", "usher.sqlite")
}

func parseMAC(tb testing.TB, s string) usher.MAC {
	tb.Helper()
	m, err := usher.ParseMAC(s)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

var equateEmptyMaps = cmpopts.EquateEmpty()

// wantError checks the kind, Ironic's class and the words of an error.
func wantError(tb testing.TB, err, kind error, class, message string) {
	tb.Helper()
	e, ok := errors.AsType[*usher.Error](err)
	if !ok || !errors.Is(err, kind) || e.Class != class || e.Message != message {
		tb.Errorf("error %v (%#v), want kind %v, class %s, message %q", err, err, kind, class, message)
	}
}

func fullNode() *usher.Node {
	return &usher.Node{
		UUID: "8733b875-30ea-5929-9b3b-8c04ada0b065", Name: "node-é😀", InstanceUUID: "0c8ee4d5-6f63-4b3c-9d51-30c3f4f0a0ab",
		Driver: "manual-management", ProvisionState: usher.DeployWait, TargetProvisionState: usher.Active,
		ProvisionUpdatedAt: time.Date(2026, 11, 22, 16, 29, 57, 0, time.UTC), LastError: "no\nluck",
		PowerState: "power on", TargetPowerState: "power off", Maintenance: true, MaintenanceReason: "fan",
		ConductorGroup: "rack1", Reservation: "", BootInterface: "ipxe", DeployInterface: "direct",
		ResourceClass: "baremetal", Owner: "me", Lessee: "you", Description: "a <b>box</b> & \"more\"",
		Properties:         map[string]any{"cpu_arch": "x86_64", "memory_mb": float64(4096)},
		DriverInfo:         map[string]any{"deploy_kernel": "http://x/k?a=1&b=2"},
		InstanceInfo:       map[string]any{"kernel_append_params": "quiet"},
		DriverInternalInfo: map[string]any{"agent_token": "s3cret"},
		Extra:              map[string]any{"nested": map[string]any{"list": []any{"a", nil, true}}},
	}
}

func testNodes(t *testing.T, s *Store) {
	ctx := t.Context()
	n := fullNode()
	if err := s.CreateNode(ctx, n); err != nil {
		t.Fatal(err)
	}
	if n.ID == 0 || n.CreatedAt.IsZero() || time.Since(n.CreatedAt) > time.Minute {
		t.Errorf("ID %d, CreatedAt %v were not filled in", n.ID, n.CreatedAt)
	}
	for _, ident := range []string{n.UUID, n.Name} {
		got, err := s.Node(ctx, ident)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(n, got); diff != "" {
			t.Errorf("Node(%s) (-created +read):\n%s", ident, diff)
		}
	}

	bare := &usher.Node{}
	if err := s.CreateNode(ctx, bare); err != nil {
		t.Fatal(err)
	}
	got, err := s.Node(ctx, bare.UUID)
	if err != nil {
		t.Fatal(err)
	}
	want := &usher.Node{UUID: bare.UUID, ProvisionState: usher.Enroll}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(usher.Node{}, "ID", "CreatedAt")); diff != "" {
		t.Errorf("bare node (-want +got):\n%s", diff)
	}
	got.Extra["safe"] = "maps are never nil"

	wantError(t, s.CreateNode(ctx, &usher.Node{UUID: n.UUID}), usher.ErrConflict,
		"NodeAlreadyExists", "A node with UUID "+n.UUID+" already exists.")
	wantError(t, s.CreateNode(ctx, &usher.Node{Name: n.Name}), usher.ErrConflict,
		"DuplicateName", "A node with name "+n.Name+" already exists.")
	wantError(t, s.CreateNode(ctx, &usher.Node{UUID: "11111111-2222-3333-4444-555555555555", InstanceUUID: n.InstanceUUID}), usher.ErrConflict,
		"InstanceAssociated", "Instance "+n.InstanceUUID+" is already associated with a node, "+
			"it cannot be associated with this other node 11111111-2222-3333-4444-555555555555")
	_, err = s.Node(ctx, "nobody")
	wantError(t, err, usher.ErrNotFound, "NodeNotFound", "Node nobody could not be found.")
}

func testUpdates(t *testing.T, s *Store) {
	ctx := t.Context()
	n := fullNode()
	if err := s.CreateNode(ctx, n); err != nil {
		t.Fatal(err)
	}
	id, err := s.RegisterConductor(ctx, usher.Conductor{Hostname: "c"})
	if err != nil {
		t.Fatal(err)
	}
	changed, err := s.UpdateNode(ctx, n.UUID, "", func(n *usher.Node) error {
		n.ProvisionState, n.TargetProvisionState, n.LastError, n.Name = usher.Active, "", "", ""
		n.ConductorAffinity, n.Reservation = id, "taken in the same step"
		n.Extra = nil
		n.DriverInternalInfo["new"] = []any{"x"}
		n.UUID, n.ID = "is not the caller's to change", 99
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if time.Since(changed.ProvisionUpdatedAt) > time.Minute {
		t.Errorf("provision_updated_at %v did not follow the state", changed.ProvisionUpdatedAt)
	}
	got, err := s.Node(ctx, n.UUID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(changed, got, equateEmptyMaps); diff != "" {
		t.Errorf("(-returned +read):\n%s", diff)
	}
	if got.Name != "" || got.ConductorAffinity != id || got.Reservation == "" || len(got.Extra) != 0 || got.DriverInternalInfo["new"] == nil {
		t.Errorf("after the change: %+v", got)
	}

	mine := errors.New("mine")
	if _, err := s.UpdateNode(ctx, n.UUID, got.Reservation, func(n *usher.Node) error { n.Owner = "lost"; return mine }); err != mine {
		t.Errorf("error of change came back as %v", err)
	}
	if again, err := s.Node(ctx, n.UUID); err != nil || again.Owner != "me" {
		t.Errorf("a refused change was written: %+v, %v", again, err)
	}
	other := createNode(t, s, "other")
	_, err = s.UpdateNode(ctx, other.UUID, "", func(o *usher.Node) error { o.InstanceUUID = n.InstanceUUID; return nil })
	wantError(t, err, usher.ErrConflict, "InstanceAssociated", "Instance "+n.InstanceUUID+" is already associated with a node, "+
		"it cannot be associated with this other node "+other.UUID)
	_, err = s.UpdateNode(ctx, other.UUID, "", func(o *usher.Node) error { o.ConductorAffinity = 4711; return nil })
	if !errors.Is(err, usher.ErrConflict) {
		t.Errorf("an affinity to no conductor: %v", err)
	}
	_, err = s.UpdateNode(ctx, "nobody", "", func(*usher.Node) error { return nil })
	wantError(t, err, usher.ErrNotFound, "NodeNotFound", "Node nobody could not be found.")
}

// suite is what every engine must do alike. Each part gets a Store on a
// database of its own.
func suite(t *testing.T, newURL func(testing.TB) string) {
	for name, part := range map[string]func(*testing.T, *Store){
		"nodes":        testNodes,
		"updates":      testUpdates,
		"ports":        testPorts,
		"pxe_enabled":  testPXEEnabled,
		"reservations": testReservations,
		"contention":   testContention,
		"conductors":   testConductors,
		"affinity":     testAffinity,
		"filters":      testFilters,
		"pages":        testPages,
		"boot nodes":   testBootNodes,
		"near":         testNear,
		"waiting":      testWaiting,
		"read only":    testReadOnly,
		"values":       testValues,
		"canceled":     testCanceled,
		"migrations":   testMigrations,
	} {
		t.Run(name, func(t *testing.T) { part(t, openStore(t, newURL(t))) })
	}
}

func TestSQLite(t *testing.T)     { suite(t, sqliteURL) }
func TestMariaDB(t *testing.T)    { server(t, testenv.MariaDB) }
func TestPostgreSQL(t *testing.T) { server(t, testenv.PostgreSQL) }

// server is the suite, and what only a server is asked.
func server(t *testing.T, newURL func(testing.TB) string) {
	suite(t, newURL)
	t.Run("together", func(t *testing.T) { testTogether(t, openStore(t, newURL(t))) })
}
