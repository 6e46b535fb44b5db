package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-boot/usher/internal/testenv"
)

// newIronic is an API and an agent beside Ironic's own schema in MariaDB.
// Ironic itself does not run: what its conductor writes, its row in the
// database and its boot files, is written once.
func newIronic(b *testing.B, f fleet) *subject {
	b.Helper()
	s, server, boot := newSite(b), mariaDB(b), testenv.FreePort(b, "127.0.0.1")
	database := server.Database(b)
	root := filepath.Join(s.dir, "http")
	f.write(b, root)
	dbsync := testenv.NeedProgram(b, "ironic-dbsync")[0]
	conf := filepath.Join(s.dir, "ironic.conf")
	connection := strings.ReplaceAll(server.URL(database), "$", "$$")
	if err := os.WriteFile(conf, []byte("[database]\nconnection = "+connection+"\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	if out, err := exec.CommandContext(b.Context(), dbsync, "--config-file", conf, "create_schema").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	server.Admin(b, database,
		"INSERT INTO conductors (id, hostname, online, conductor_group, updated_at) VALUES (1, '127.0.0.1', 1, '', UTC_TIMESTAMP())",
		"INSERT INTO conductor_hardware_interfaces (conductor_id, hardware_type, interface_type, interface_name, `default`) "+
			"VALUES (1, 'manual-management', 'boot', 'ipxe', 1)")
	server.Admin(b, database, f.rows("conductor_affinity", "1")...)
	analyze(b, server, database)

	// Nobody writes heartbeats here, so the one above counts all day long.
	common := fmt.Sprintf("rpc_listen = 127.0.0.1:%s\nfiles_listen = 127.0.0.1:0\n[database]\nconnection = %s\n[deploy]\nhttp_root = %s\n"+
		"[DEFAULT]\nhost = 127.0.0.1\n[conductor]\nheartbeat_timeout = 86400\n", testenv.FreePort(b, "127.0.0.1"), connection, root)
	return &subject{fleet: f, address: "127.0.0.1:" + boot, path: bootPath,
		processes: []*process{s.usher(b, "conductor", testenv.FreePort(b, "127.0.0.1"), common), s.usher(b, "api", boot, common)}, database: server.Pid}
}
