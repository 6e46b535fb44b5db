package inventory

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
)

// TestParseURL compares with what SQLAlchemy itself reads in the same URLs.
func TestParseURL(t *testing.T) {
	raw, err := os.ReadFile("testdata/urls/sqlalchemy.json")
	if err != nil {
		t.Fatal(err)
	}
	type parts struct {
		URL, Backend, User, Password, Host, Database string
		Port                                         int
		Query                                        map[string]string
	}
	var wants []parts
	if err := json.Unmarshal(raw, &wants); err != nil {
		t.Fatal(err)
	}
	for _, want := range wants {
		if want.Backend == "mariadb" {
			want.Backend = "mysql" // one and the same here
		}
		loc, err := parseURL(want.URL)
		if err != nil {
			t.Errorf("%s: %v", want.URL, err)
			continue
		}
		got := parts{want.URL, loc.backend, loc.user, loc.password, loc.host, loc.database, loc.port, map[string]string{}}
		for key := range loc.query {
			got.Query[key] = loc.query.Get(key)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-SQLAlchemy +Usher):\n%s", want.URL, diff)
		}
	}
}

// TestBadURLs wants each mistake named, and the password in no error.
func TestBadURLs(t *testing.T) {
	noCA := filepath.Join(t.TempDir(), "ca.pem")
	for _, tt := range []struct{ url, want string }{
		{"", "is empty"},
		{"/var/lib/usher.sqlite", "not of the form"},
		{"oracle://u:hunter2@h/db", `"oracle"`},
		{"sqlite://", "in memory"},
		{"sqlite:///:memory:", "in memory"},
		{"sqlite://var/lib/usher.sqlite", "too few slashes"},
		{"sqlite:////x?mode=rwc", `"mode"`},
		{"sqlite:////x?timeout=soon", "timeout"},
		{"mysql://u:hunter2@h", "names no database"},
		{"postgresql://u:hunter2@h/", "names no database"},
		{"mysql://u:hunter2%zz@h/db", "password with a bad %-escape"},
		{"mysql://u:x@hunter2:y@h/db", "port"},
		{"mysql://u:hunter2@h:99999/db", "port"},
		{"mysql://u:hunter2@h/db?read_default_fil=/x", `"read_default_fil"`},
		{"mysql://u:hunter2@h/db?read_default_file=/", "read_default_file that cannot be read"},
		{"mysql://u:hunter2@h/db?server_public_key=/x", `"server_public_key"`},
		{"mysql://u:hunter2@h/db?port=many", "option port"},
		{"mysql://u:hunter2@h/db?ssl_cipher=HIGH:!aNULL", `ssl_cipher: "HIGH" is no cipher`},
		{"mysql://u:hunter2@h/db?ssl_capath=" + filepath.Dir(noCA), "openssl rehash"},
		{"mysql://u:hunter2@h/db?ssl_capath=" + noCA, "ssl_capath"},
		{"sqlite:///file:/x?uri=true", "write its path"},
		{"sqlite:////x?timeout=-1", "timeout"},
		{"postgresql://u:hunter2@h/db?ssl_min_protocol_version=SSLv3", "ssl_min_protocol_version"},
		{"postgresql://u:hunter2@h/db?service=none-of-that-name", "cannot be used"},
		{"mysql://u:hunter2@h/db?ssl_cax=/x", `"ssl_cax"`},
		{"mysql://u:hunter2@h/db?ssl_verify_cert=maybe", "ssl_verify_cert"},
		{"mysql://u:hunter2@h/db?ssl_ca=" + noCA, "ssl_ca"},
		{"mysql://u:hunter2@h/db?ssl_cert=" + noCA, "ssl_cert"},
		{"postgresql://u:hunter2@h/db?sslmode=sometimes", "sslmode"},
		{"postgresql://u:hunter2@h/db?sslrootcert=" + noCA + "&sslmode=verify-full", "no such file"},
		{"postgresql://u@h/db?password=hunter2&sslmod=x", `"sslmod"`},
	} {
		for name, open := range map[string]func() error{
			"Detect":     func() error { _, err := Detect(t.Context(), Options{URL: tt.url}); return err },
			"OpenReader": func() error { _, err := OpenReader(t.Context(), Options{URL: tt.url}); return err },
			"OpenStore":  func() error { _, err := OpenStore(t.Context(), Options{URL: tt.url}); return err },
		} {
			err := open()
			if !errors.Is(err, usher.ErrInvalid) || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s(%s): %v, want ErrInvalid with %q and without the password", name, tt.url, err, tt.want)
			}
		}
	}
}

func TestSQLiteFile(t *testing.T) {
	for url, want := range map[string]string{
		"sqlite:////var/lib/usher.sqlite": "/var/lib/usher.sqlite", "sqlite+pysqlite:///rel.sqlite?timeout=0.5": "rel.sqlite",
		"mysql://u@h/db": "", "nonsense": "",
	} {
		if got := SQLiteFile(url); got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}

// FuzzParseURL wants no panic, and the password in no error.
func FuzzParseURL(f *testing.F) {
	f.Add("mysql+pymysql://ironic:", "p%40ss", "@db/ironic?charset=utf8")
	f.Add("postgresql://u:", "x@y:z", "@[::1]:5432/db?host=/run")
	f.Add("sqlite:///", "a", "?timeout=5")
	f.Fuzz(func(t *testing.T, before, password, after string) {
		_, err := newDialect(before + "secret" + password + "secret" + after)
		if err != nil && strings.Contains(err.Error(), "secret"+password+"secret") && !strings.Contains(before, "/") {
			t.Errorf("shown: %v", err)
		}
	})
}
