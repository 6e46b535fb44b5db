package inventory

import (
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/testenv"
)

// TestGrants: an account with the printed rights on our own database, whose
// tables bear Ironic's names, can do what a Reader does, and nothing else.
// TestIronicOnMariaDB and test/ironic do the same on Ironic's.
func TestGrants(t *testing.T) {
	for _, server := range []*testenv.Server{testenv.SharedMariaDB(t), testenv.SharedPostgreSQL(t)} {
		name := server.Database(t)
		url := server.URL(name)
		store, err := OpenStore(t.Context(), Options{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		if err := store.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		server.Admin(t, name, "CREATE TABLE alembic_version (version_num varchar(32))",
			"CREATE TABLE portgroups (address varchar(18), node_id integer, name varchar(255))",
			"ALTER TABLE nodes ADD COLUMN inspect_interface varchar(255)")
		statements, err := Grants(url, "sidecar", "%")
		if err != nil {
			t.Fatal(err)
		}
		server.Admin(t, name, statements...)
		scheme, _, _ := strings.Cut(url, "://")
		account := scheme + "://sidecar:CHANGE-ME" + url[strings.LastIndex(url, "@"):]
		if kind, err := Detect(t.Context(), Options{URL: account}); kind != Ironic || err != nil {
			t.Errorf("%s: Detect: %v, %v", scheme, kind, err)
		}
		r, err := OpenReader(t.Context(), Options{URL: account})
		if err != nil {
			t.Fatalf("%s: %v", scheme, err)
		}
		defer r.Close()
		if _, err := r.Conductors(t.Context()); err != nil {
			t.Errorf("%s: %v", scheme, err)
		}
		if _, err := r.BootNodeByMAC(t.Context(), usher.MAC{}); !errors.Is(err, usher.ErrNotFound) {
			t.Errorf("%s: %v", scheme, err)
		}
		if _, err := r.PortgroupsAt(t.Context(), []usher.MAC{{}}); err != nil {
			t.Errorf("%s: %v", scheme, err)
		}
		if _, err := r.PortsOf(t.Context(), "none", 1); err != nil {
			t.Errorf("%s: %v", scheme, err)
		}
		if _, err := r.NodeCondition(t.Context(), "none"); !errors.Is(err, usher.ErrNotFound) {
			t.Errorf("%s: %v", scheme, err)
		}
		if _, err := r.InspectInterface(t.Context(), "none"); !errors.Is(err, usher.ErrNotFound) {
			t.Errorf("%s: %v", scheme, err)
		}
		if err := r.CheckMore(t.Context()); err != nil {
			t.Errorf("%s: %v", scheme, err)
		}
		refused(t, r.db, "SELECT driver_info FROM nodes", "SELECT extra FROM ports", "DELETE FROM ports WHERE 1 = 0")
	}
}

func refused(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err == nil {
			t.Errorf("the account may %s", s)
		}
	}
}

func TestGrantsRefused(t *testing.T) {
	for _, c := range []struct {
		url, account string
		want         error
	}{
		{"sqlite:////var/lib/ironic/ironic.sqlite", "usher", usher.ErrUnsupported},
		{"mysql+pymysql://i:s3cret@db/ironic", "a'b", usher.ErrInvalid},
		{"mysql+pymysql://i:s3cret@db/", "usher", usher.ErrInvalid},
		{"nonsense", "usher", usher.ErrInvalid},
	} {
		_, err := Grants(c.url, c.account, "%")
		if !errors.Is(err, c.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", c.url, err)
		}
	}
}
