package bench

import (
	"database/sql"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/usher-boot/usher/internal/testenv"
)

var bare = flag.String("bare", "", "be the bare net/http server at this address (for startBare)")

// TestBareServer is the reference's process; as a test it is nothing.
func TestBareServer(t *testing.T) {
	if *bare != "" {
		t.Fatal(serveBare(*bare))
	}
}

// rows writes the INSERT statements of an inventory: nodes with one port
// each, the first of which wait for a ramdisk.
func rows(nodes int, image string) []string {
	const batch = 1000
	info := fmt.Sprintf(`{"deploy_kernel": "file://%s", "deploy_ramdisk": "file://%[1]s"}`, image)
	var statements []string
	for first := 0; first < nodes; first += batch {
		var n, p strings.Builder
		for i := first; i < min(first+batch, nodes); i++ {
			state, address, comma := "available", fmt.Sprintf("04:00:00:%02x:%02x:%02x", i>>16, i>>8&255, i&255), ","
			if i < waiting {
				state, address = "wait call-back", strings.ReplaceAll(mac(i), "-", ":")
			}
			if i == first {
				comma = ""
			}
			fmt.Fprintf(&n, "%s(%d,'00000000-0000-4000-8000-%012d','node-%d','%s','manual-management','%s','','ipxe','direct','2026-01-01 00:00:00')",
				comma, i+1, i, i, state, info)
			fmt.Fprintf(&p, "%s('00000000-0000-4000-9000-%012d','%s',%d)", comma, i, address, i+1)
		}
		statements = append(statements,
			"INSERT INTO nodes (id, uuid, name, provision_state, driver, driver_info, conductor_group, boot_interface, deploy_interface, provision_updated_at) VALUES "+n.String(),
			"INSERT INTO ports (uuid, address, node_id) VALUES "+p.String())
	}
	return statements
}

// site is a configuration's environment and where its doors are.
type site struct {
	dir, boot, admin, image string
}

func newSite(b *testing.B) *site {
	b.Helper()
	s := &site{dir: b.TempDir(), boot: port(b), admin: port(b)}
	s.image = filepath.Join(s.dir, "image")
	if err := os.WriteFile(s.image, []byte("image"), 0o644); err != nil {
		b.Fatal(err)
	}
	return s
}

// config writes a configuration file of its own for one process.
func (s *site) config(b *testing.B, name, extra string) string {
	b.Helper()
	file := filepath.Join(s.dir, name+".conf")
	text := fmt.Sprintf("[DEFAULT]\nstate_path = %s/%s\nmy_ip = 127.0.0.1\n[conductor]\nfile_url_allowed_paths = %[1]s\n%[3]s",
		s.dir, name, extra)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	return file
}

// ready waits until the subject can answer and every waiting node is prepared.
func (s *site) ready(b *testing.B) {
	b.Helper()
	answers(b, "http://127.0.0.1:"+s.admin+"/readyz")
	for n := range waiting {
		answers(b, "http://127.0.0.1:"+s.boot+"/v1/boot/"+mac(n)+"/boot.ipxe")
	}
}

// startSQLite is all of Usher in one process.
func startSQLite(b *testing.B, nodes int) *subject {
	b.Helper()
	s := newSite(b)
	conf := s.config(b, "serve", fmt.Sprintf("[api]\nport = %s\n[usher]\nboot_listen = 127.0.0.1:%s\nadmin_listen = 127.0.0.1:%s\n",
		port(b), s.boot, s.admin))
	upgrade(b, conf)
	db, err := sql.Open("sqlite", filepath.Join(s.dir, "serve", "usher.sqlite"))
	if err != nil {
		b.Fatal(err)
	}
	for _, statement := range rows(nodes, s.image) {
		if _, err := db.ExecContext(b.Context(), statement); err != nil {
			b.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	subject := &subject{name: "usher on SQLite", address: "127.0.0.1:" + s.boot,
		pids: []int{start(b, program, "--config-file", conf, "serve")}}
	s.ready(b)
	return subject
}

// startShared is one API and one conductor on a database server; all three
// have a part in each answer.
func startShared(b *testing.B, nodes int, server *testenv.Server) *subject {
	b.Helper()
	s := newSite(b)
	database := server.Database(b)
	rpc, other, admin := port(b), port(b), port(b)
	common := fmt.Sprintf("[database]\nconnection = %s\n[json_rpc]\nhost_ip = 127.0.0.1\nport = %s\n",
		strings.ReplaceAll(server.URL(database), "$", "$$"), rpc)
	api := s.config(b, "api", common+fmt.Sprintf("[api]\nport = %s\n[usher]\nboot_listen = 127.0.0.1:%s\nadmin_listen = 127.0.0.1:%s\n",
		port(b), s.boot, s.admin))
	conductor := s.config(b, "conductor", common+fmt.Sprintf("[DEFAULT]\nhost = 127.0.0.1\n[usher]\nboot_listen = 127.0.0.1:%s\nadmin_listen = 127.0.0.1:%s\n",
		other, admin))
	upgrade(b, api)
	server.Admin(b, database, rows(nodes, s.image)...)
	subject := &subject{name: "usher on " + database, address: "127.0.0.1:" + s.boot, pids: []int{
		start(b, program, "--config-file", conductor, "conductor"),
		start(b, program, "--config-file", api, "api"),
		server.Pid(),
	}}
	s.ready(b)
	return subject
}

func upgrade(b *testing.B, conf string) {
	b.Helper()
	if out, err := exec.CommandContext(b.Context(), program, "--config-file", conf, "db", "upgrade").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
}
