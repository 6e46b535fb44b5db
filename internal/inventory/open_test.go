package inventory

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/testenv"
)

// detects follows a database from empty to Usher's own; several processes
// migrate it at once.
func detects(t *testing.T, url string) {
	ctx := t.Context()
	if kind, err := Detect(ctx, Options{URL: url}); kind != Empty || err != nil {
		t.Errorf("at first: %v, %v", kind, err)
	}
	if _, err := OpenReader(ctx, Options{URL: url}); err == nil {
		t.Error("OpenReader on an empty database succeeded")
	}
	var stores []*Store
	for range 3 {
		s, err := OpenStore(ctx, Options{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if current, latest, err := s.MigrationStatus(ctx); current != 0 || latest == 0 || err != nil {
			t.Errorf("status before: %d of %d, %v", current, latest, err)
		}
		stores = append(stores, s)
		if s.d.name == "sqlite" {
			break // one process has it
		}
	}
	var wg sync.WaitGroup
	for _, s := range stores {
		wg.Go(func() {
			if err := s.Migrate(ctx); err != nil {
				t.Errorf("migrate: %v", err)
			}
		})
	}
	wg.Wait()
	if kind, err := Detect(ctx, Options{URL: url}); kind != Own || err != nil {
		t.Errorf("migrated: %v, %v", kind, err)
	}
	r, err := OpenReader(ctx, Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestDetectSQLite(t *testing.T)     { detects(t, sqliteURL(t)) }
func TestDetectMariaDB(t *testing.T)    { detects(t, testenv.MariaDB(t)) }
func TestDetectPostgreSQL(t *testing.T) { detects(t, testenv.PostgreSQL(t)) }

// TestDetectCreatesNothing looks at a file that does not exist.
func TestDetectCreatesNothing(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "usher.sqlite")
	if kind, err := Detect(t.Context(), Options{URL: "sqlite:///" + file}); kind != Empty || err != nil {
		t.Errorf("%v, %v", kind, err)
	}
	if _, err := OpenReader(t.Context(), Options{URL: "sqlite:///" + file}); !errors.Is(err, usher.ErrUnavailable) {
		t.Errorf("OpenReader: %v", err)
	}
	if left, err := os.ReadDir(dir); len(left) != 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestUnreachable wants an outage to look like one, with no password in it.
func TestUnreachable(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "socket")
	for _, url := range []string{
		"mysql://u:hunter2@/db?unix_socket=" + missing,
		"mysql+pymysql://u:hunter2@127.0.0.1:1/db",
		"postgresql://u:hunter2@/db?host=" + missing,
		"postgresql://u:hunter2@127.0.0.1:1/db",
	} {
		_, err := OpenReader(t.Context(), Options{URL: url})
		if !errors.Is(err, usher.ErrUnavailable) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want ErrUnavailable without the password", url, err)
		}
	}
}

// TestPostgreSQLFiles connects by what a service file and a password file say,
// as libpq reads them.
func TestPostgreSQLFiles(t *testing.T) {
	s := testenv.SharedPostgreSQL(t)
	name := s.Database(t)
	openStore(t, s.URL(name))
	dir := t.TempDir()
	services, passwords := filepath.Join(dir, "services"), filepath.Join(dir, "pass")
	for file, content := range map[string]string{
		services:  "[ironic]\nhost=127.0.0.1\nport=" + s.Port + "\ndbname=" + name + "\nuser=" + testenv.Account + "\n",
		passwords: "127.0.0.1:" + s.Port + ":*:" + testenv.Account + ":" + strings.ReplaceAll(testenv.Password, ":", `\:`) + "\n",
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PGSERVICEFILE", services)
	url := "postgresql+psycopg2://?service=ironic&passfile=" + passwords + "&keepalives=1&ssl_min_protocol_version=TLSv1.3"
	r, err := OpenReader(t.Context(), Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if statements, err := Grants(url, "x", "%"); err != nil || !strings.Contains(strings.Join(statements, ";"), name) {
		t.Errorf("Grants: %v, %v", statements, err)
	}
}
