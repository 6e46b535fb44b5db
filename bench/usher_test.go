package bench

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/usher-boot/usher/internal/testenv"
)

// site is where one installation's configuration, state and images lie.
type site struct{ dir, image string }

func newSite(b *testing.B) *site {
	b.Helper()
	s := &site{dir: b.TempDir()}
	s.image = filepath.Join(s.dir, "image")
	if err := os.WriteFile(s.image, []byte("image"), 0o644); err != nil {
		b.Fatal(err)
	}
	return s
}

// usher is one process of a role, with a configuration of its own. All that
// is not about where things are is as it comes.
func (s *site) usher(b *testing.B, role, boot, extra string) *process {
	b.Helper()
	admin := "127.0.0.1:" + testenv.FreePort(b, "127.0.0.1")
	file := filepath.Join(s.dir, role+".conf")
	text := fmt.Sprintf(`[DEFAULT]
state_path = %[1]s/%[2]s
my_ip = 127.0.0.1
[api]
port = %[3]s
[conductor]
file_url_allowed_paths = %[1]s
[usher]
boot_listen = 127.0.0.1:%[4]s
admin_listen = %[5]s
profiling = %[6]t
%[7]s`, s.dir, role, testenv.FreePort(b, "127.0.0.1"), boot, admin, *profileFlag > 0, extra)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	return &process{part: role, admin: admin, args: []string{program, "--config-file", file, role}}
}

// rows are the fleet's rows in our own inventory.
func (s *site) rows(f fleet) []string {
	return f.rows("driver_info", fmt.Sprintf(`'{"deploy_kernel": "file://%s", "deploy_ramdisk": "file://%[1]s"}'`, s.image))
}

// upgrade makes the schema.
func upgrade(b *testing.B, p *process) {
	b.Helper()
	args := append(p.args[1:len(p.args)-1:len(p.args)-1], "db", "upgrade")
	if out, err := exec.CommandContext(b.Context(), program, args...).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
}

// newSQLite is all of Usher in one process.
func newSQLite(b *testing.B, f fleet) *subject {
	b.Helper()
	s, boot := newSite(b), testenv.FreePort(b, "127.0.0.1")
	serve := s.usher(b, "serve", boot, "")
	upgrade(b, serve)
	db, err := sql.Open("sqlite", filepath.Join(s.dir, "serve", "usher.sqlite"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for _, statement := range s.rows(f) {
		if _, err := db.ExecContext(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
	}
	return &subject{fleet: f, address: "127.0.0.1:" + boot, path: bootPath, processes: []*process{serve}}
}

func newMariaDB(b *testing.B, f fleet) *subject {
	b.Helper()
	return newShared(b, f, mariaDB(b))
}

// mariaDB has the buffer pool that MariaDB comes with; testenv's is smaller
// than 100,000 nodes.
func mariaDB(b *testing.B) *testenv.Server {
	b.Helper()
	s := testenv.NewMariaDB(b)
	s.Admin(b, "", "SET GLOBAL innodb_buffer_pool_size = 134217728")
	return s
}

func newPostgreSQL(b *testing.B, f fleet) *subject {
	b.Helper()
	return newShared(b, f, testenv.NewPostgreSQL(b))
}

// newShared is one API and one conductor on a database server; all three
// have a part in each answer.
func newShared(b *testing.B, f fleet, server *testenv.Server) *subject {
	b.Helper()
	s, database, boot := newSite(b), server.Database(b), testenv.FreePort(b, "127.0.0.1")
	common := fmt.Sprintf("[database]\nconnection = %s\n[json_rpc]\nhost_ip = 127.0.0.1\nport = %s\n[DEFAULT]\nhost = 127.0.0.1\n",
		strings.ReplaceAll(server.URL(database), "$", "$$"), testenv.FreePort(b, "127.0.0.1"))
	conductor, api := s.usher(b, "conductor", testenv.FreePort(b, "127.0.0.1"), common), s.usher(b, "api", boot, common)
	upgrade(b, api)
	server.Admin(b, database, s.rows(f)...)
	analyze(b, server, database)
	return &subject{fleet: f, address: "127.0.0.1:" + boot, path: bootPath,
		processes: []*process{conductor, api}, database: server.Pid}
}

// analyze gives the planner what it would have in a database that was not
// filled a second ago. Both engines know this statement for tables; only
// MariaDB wants the word.
func analyze(b *testing.B, server *testenv.Server, database string) {
	b.Helper()
	for _, table := range []string{"nodes", "ports"} {
		word := ""
		if strings.HasPrefix(server.URL(database), "mysql") {
			word = "TABLE "
		}
		server.Admin(b, database, "ANALYZE "+word+table)
	}
}
