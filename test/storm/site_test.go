package storm

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "modernc.org/sqlite"

	"github.com/usher-boot/usher/internal/storm"
	"github.com/usher-boot/usher/internal/testenv"
)

// site is three conductors and an API on one MariaDB, or one process that is
// both on its own SQLite.
type site struct {
	tb         testing.TB
	image      string          // every node's kernel and ramdisk
	server     *testenv.Server // nil with an SQLite of its own
	database   string
	conductors []*process
	manage     string   // URL of the management API
	roots      []string // [DEFAULT]state_path of each conductor
	api        *process
	door       string // URL of the API's machines' door
	admin      string // URL of the API's operator's door
	conf       string // for commands
	db         *sql.DB
}

// settings are what sites differ in.
type settings struct {
	nodes   int
	waiting int // of nodes, for a ramdisk; 0 means all
	// through is the address of the database for the API; empty means its own.
	through func(address string) string
	api     []string // more options of the API: "[group]name = value"
	environ []string // of the API
}

const conductors = 3

// newSite brings a site up and waits until its conductors have prepared every
// node. took is how long that was.
func newSite(tb testing.TB, server *testenv.Server, s settings) (st *site, took time.Duration) {
	tb.Helper()
	st = &site{tb: tb, server: server, image: filepath.Join(tb.TempDir(), "image")}
	if err := os.WriteFile(st.image, []byte("image"), 0o644); err != nil {
		tb.Fatal(err)
	}
	if s.waiting == 0 {
		s.waiting = s.nodes
	}
	st.database = st.server.Database(tb)
	direct := "[database]connection = " + strings.ReplaceAll(st.server.URL(st.database), "$", "$$")
	common := []string{"[json_rpc]port = " + testenv.FreePort(tb, testenv.Loopback(1)), "[usher]insecure_management = true", "[usher]insecure_rpc = true"}
	toAPI := direct
	if s.through != nil {
		address := "127.0.0.1:" + st.server.Port
		toAPI = strings.Replace(direct, address, s.through(address), 1)
	}
	ofAPI := st.options(testenv.Loopback(10), slices.Concat(common, s.api, []string{toAPI})...)
	st.conf = config(tb, "commands", st.options(testenv.Loopback(10), append(common, direct)...)...)
	st.upgrade()
	st.server.Admin(tb, st.database, rows(s.nodes, s.waiting, st.image)...)
	st.connect()

	began := time.Now()
	for i := range conductors {
		options := st.options(testenv.Loopback(1+i), append(common, direct)...)
		st.roots = append(st.roots, value(options, "[DEFAULT]state_path"))
		name := fmt.Sprintf("conductor-%d", i+1)
		st.conductors = append(st.conductors, start(tb, name, "conductor", config(tb, name, options...)))
	}
	for _, p := range st.conductors {
		p.await(tb)
	}
	st.prepared(s.waiting)
	took = time.Since(began)
	st.door, st.admin = "http://"+value(ofAPI, "[usher]boot_listen"), "http://"+value(ofAPI, "[usher]admin_listen")
	st.manage = "http://" + value(ofAPI, "[api]host_ip") + ":" + value(ofAPI, "[api]port")
	st.api = start(tb, "api", "api", config(tb, "api", ofAPI...), s.environ...)
	st.api.await(tb)
	return st, took
}

// newAlone is one process with an SQLite of its own.
func newAlone(tb testing.TB, s settings) (st *site, took time.Duration) {
	tb.Helper()
	st = &site{tb: tb, image: filepath.Join(tb.TempDir(), "image")}
	if err := os.WriteFile(st.image, []byte("image"), 0o644); err != nil {
		tb.Fatal(err)
	}
	options := st.options(testenv.Loopback(10))
	st.roots = []string{value(options, "[DEFAULT]state_path")}
	st.door, st.admin = "http://"+value(options, "[usher]boot_listen"), "http://"+value(options, "[usher]admin_listen")
	st.manage = "http://" + value(options, "[api]host_ip") + ":" + value(options, "[api]port")
	st.conf = config(tb, "serve", options...)
	st.upgrade()
	var err error
	if st.db, err = sql.Open("sqlite", filepath.Join(st.roots[0], "usher.sqlite")); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { st.db.Close() })
	for _, statement := range rows(s.nodes, s.nodes, st.image) {
		if _, err := st.db.ExecContext(tb.Context(), statement); err != nil {
			tb.Fatal(err)
		}
	}
	began := time.Now()
	st.api = start(tb, "serve", "serve", st.conf)
	st.api.await(tb)
	st.prepared(s.nodes)
	return st, time.Since(began)
}

// options are those of a process at an address of its own.
func (st *site) options(address string, more ...string) []string {
	return append([]string{
		"[DEFAULT]host = " + address, "[DEFAULT]my_ip = " + address, "[DEFAULT]state_path = " + st.tb.TempDir(),
		"[json_rpc]host_ip = " + address, "[conductor]file_url_allowed_paths = " + filepath.Dir(st.image),
		"[api]host_ip = " + address, "[api]port = " + testenv.FreePort(st.tb, address),
		"[usher]boot_listen = " + address + ":" + testenv.FreePort(st.tb, address),
		"[usher]admin_listen = " + address + ":" + testenv.FreePort(st.tb, address),
	}, more...)
}

func value(options []string, name string) string {
	i := slices.IndexFunc(options, func(o string) bool { return strings.HasPrefix(o, name+" = ") })
	return strings.TrimPrefix(options[i], name+" = ")
}

func (st *site) upgrade() {
	st.tb.Helper()
	if out, errs, code, _ := usher(st.tb, patience, st.conf, "db", "upgrade"); code != 0 {
		st.tb.Fatalf("usher db upgrade: %d\n%s%s", code, out, errs)
	}
}

func (st *site) connect() {
	st.tb.Helper()
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.DBName = testenv.Account, testenv.Password, "tcp", "127.0.0.1:"+st.server.Port, st.database
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		st.tb.Fatal(err)
	}
	st.db = sql.OpenDB(connector)
	st.tb.Cleanup(func() { st.db.Close() })
}

// number asks the database for one.
func (st *site) number(query string) (n float64) {
	st.tb.Helper()
	if err := st.db.QueryRowContext(st.tb.Context(), query).Scan(&n); err != nil {
		st.tb.Fatalf("%s: %v", query, err)
	}
	return n
}

// prepared waits until every node has a conductor that holds its files. That
// takes as long as it takes, as long as it goes on.
func (st *site) prepared(nodes int) {
	st.tb.Helper()
	for left := float64(nodes); left > 0; {
		testenv.Until(st.tb, patience, "another node is prepared", func() bool {
			now := st.number("SELECT COUNT(*) FROM nodes WHERE provision_state = 'wait call-back' AND conductor_affinity IS NULL")
			progress := now < left
			left = now
			return progress || now == 0
		})
	}
}

// storm plays the nodes by the real command.
func (st *site) storm(limit time.Duration, args ...string) (r *storm.Report, code int, used time.Duration) {
	st.tb.Helper()
	args = append([]string{"storm", "--from-db", "--json", "--api", st.door}, args...)
	out, errs, code, used := usher(st.tb, limit, st.conf, args...)
	if errs != "" {
		st.tb.Logf("usher storm: %s", errs)
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		st.tb.Fatalf("usher storm %v: %d, %v\n%s%s", args, code, err, out, errs)
	}
	return r, code, used
}

// processes are all that answer machines, with their process ids.
func (st *site) processes() map[string]int {
	all := map[string]int{st.api.name: st.api.cmd.Process.Pid}
	if st.server != nil {
		all["mariadb"] = st.server.Pid()
	}
	for _, p := range st.conductors {
		all[p.name] = p.cmd.Process.Pid
	}
	return all
}

// costs are what all processes have used until now.
func (st *site) costs() map[string]cost {
	all := map[string]cost{}
	for name, pid := range st.processes() {
		all[name] = costOf(pid)
	}
	return all
}

// describe lists what the processes used since before.
func describe(before, after map[string]cost) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(after)) {
		parts = append(parts, fmt.Sprintf("%s %.2f s CPU, %.0f MiB at most", name, (after[name].cpu-before[name].cpu).Seconds(), after[name].top))
	}
	return strings.Join(parts, "; ")
}

// rows writes the INSERT statements of nodes with one port each, of which some,
// spread over the tables, wait for a ramdisk and the others are available.
func rows(nodes, waiting int, image string) []string {
	const batch = 1000
	info := fmt.Sprintf(`{"deploy_kernel": "file://%s", "deploy_ramdisk": "file://%[1]s"}`, image)
	now := time.Now().UTC().Format(time.DateTime)
	var statements []string
	for first := 0; first < nodes; first += batch {
		var n, p strings.Builder
		for i := first; i < min(first+batch, nodes); i++ {
			comma := ","
			if i == first {
				comma = ""
			}
			// Neighbours in the tables are none in the indexes.
			mixed := i * 0x9e3779 & 0xffffff
			uuid := fmt.Sprintf("%08x-0000-4000-8000-%012x", mixed, i)
			state := "available"
			if (i+1)*waiting/nodes > i*waiting/nodes {
				state = "wait call-back"
			}
			fmt.Fprintf(&n, "%s(%d,'%s','node-%d','%s','manual-management','%s','','ipxe','direct','%s')", comma, i+1, uuid, i, state, info, now)
			fmt.Fprintf(&p, "%s('%08x-0000-4000-9000-%012x','52:54:00:%02x:%02x:%02x',%d)", comma, mixed, i, mixed>>16, mixed>>8&255, mixed&255, i+1)
		}
		statements = append(statements,
			"INSERT INTO nodes (id, uuid, name, provision_state, driver, driver_info, conductor_group, boot_interface, deploy_interface, provision_updated_at) VALUES "+n.String(),
			"INSERT INTO ports (uuid, address, node_id) VALUES "+p.String())
	}
	return statements
}
