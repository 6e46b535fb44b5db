package inventory

import (
	"errors"
	"os"
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
	s, err := OpenStore(tb.Context(), Options{URL: url})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	if err := s.Migrate(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return s
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

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// suite is what every engine must do alike. Each part gets a Store on a
// database of its own.
func suite(t *testing.T, newURL func(testing.TB) string) {
	for name, part := range map[string]func(*testing.T, *Store){
		"nodes": testNodes,
	} {
		t.Run(name, func(t *testing.T) { part(t, openStore(t, newURL(t))) })
	}
}

func TestSQLite(t *testing.T)     { suite(t, sqliteURL) }
func TestMariaDB(t *testing.T)    { suite(t, testenv.MariaDB) }
func TestPostgreSQL(t *testing.T) { suite(t, testenv.PostgreSQL) }
