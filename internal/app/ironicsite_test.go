package app

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/dispatch"
	"github.com/usher-boot/usher/internal/membership"
	"github.com/usher-boot/usher/internal/testenv"
)

// ironicSite is a database with Ironic's own tables, and hosts on each of which
// an Ironic conductor would write its files. Their [json_rpc]port is 6189.
type ironicSite struct {
	t        *testing.T
	dir      string
	url      string // of the database
	exec     func(statements ...string)
	hosts    []string // [DEFAULT]host of each
	port     string   // of all agents
	programs []*running
	log      testenv.Log
	nodes    int
}

// onMariaDB makes a site where heartbeats decide who is active.
func onMariaDB(t *testing.T) *ironicSite {
	server := testenv.SharedMariaDB(t)
	name := server.Database(t)
	exec := func(statements ...string) { server.Admin(t, name, statements...) }
	statements := []string{"SET foreign_key_checks = 0"} // the dump is in the order of names
	for statement := range strings.SplitSeq(ironicDump(t, "mariadb.sql"), ";\n") {
		if statement = strings.TrimSpace(statement); statement != "" && !strings.HasPrefix(statement, "/*!") {
			statements = append(statements, statement)
		}
	}
	exec(statements...)
	return newIronicSite(t, server.URL(name), exec)
}

// onSQLite makes a site where, as Ironic has it, being online is enough.
func onSQLite(t *testing.T) *ironicSite {
	file := filepath.Join(t.TempDir(), "ironic.sqlite")
	exec := func(statements ...string) {
		t.Helper()
		db, err := sql.Open("sqlite", file)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for _, s := range statements {
			if _, err := db.ExecContext(t.Context(), s); err != nil {
				t.Fatalf("%s: %v", s, err)
			}
		}
	}
	exec(ironicDump(t, "sqlite.sql"))
	return newIronicSite(t, "sqlite:///"+file, exec)
}

func ironicDump(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../inventory/testdata/ironic/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func newIronicSite(t *testing.T, url string, exec func(...string)) *ironicSite {
	s := &ironicSite{t: t, dir: t.TempDir(), url: url, exec: exec}
	for n := range 3 {
		s.hosts = append(s.hosts, testenv.Loopback(11+n))
	}
	s.port = testenv.FreePort(t, s.hosts[0])
	s.exec("DELETE FROM ports", "DELETE FROM nodes", "DELETE FROM conductor_hardware_interfaces", "DELETE FROM conductors")
	return s
}

// conf is a configuration file: Ironic's, with what a test has of its own.
func (s *ironicSite) conf(name string, options ...string) string {
	s.t.Helper()
	file := filepath.Join(s.dir, name+".conf")
	all := append([]string{"[database]connection=" + s.url, "[json_rpc]port=6189", "[json_rpc]auth_strategy=noauth",
		"[deploy]http_root=" + s.root(name), "[pxe]tftp_root=" + s.root(name), "[DEFAULT]host=" + name, "[DEFAULT]my_ip=127.0.0.1",
		"[usher]boot_listen=127.0.0.1:0", "[usher]files_listen=127.0.0.1:0", "[usher]admin_listen=127.0.0.1:0", "[usher]rpc_listen=127.0.0.1:" + s.port}, options...)
	if err := os.MkdirAll(s.root(name), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(testenv.Config(all...)), 0o644); err != nil {
		s.t.Fatal(err)
	}
	return file
}

func (s *ironicSite) root(name string) string {
	return filepath.Join(s.dir, strings.ReplaceAll(name, ":", "_"))
}

// start runs a process until the test ends. Whether it is ready is the test's
// to see.
func (s *ironicSite) start(role Role, name string, options ...string) *running {
	s.t.Helper()
	file := s.conf(name, options...)
	a, err := New(s.t.Context(), Options{Role: role, Version: "test", Log: &s.log,
		Load: func() (*config.Config, error) { return config.Load(config.Sources{Files: []string{file}}) }})
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	r := &running{App: a, t: s.t, stop: sync.OnceValue(func() error { cancel(); return <-done })}
	s.t.Cleanup(func() {
		if err := r.stop(); err != nil {
			s.t.Errorf("Run: %v", err)
		}
	})
	s.programs = append(s.programs, r)
	return r
}

// agent runs 'usher conductor' beside the conductor of a host.
func (s *ironicSite) agent(host string, options ...string) *running {
	s.t.Helper()
	return s.start(Role{Conductor: true}, host,
		append([]string{"[usher]rpc_listen=" + net.JoinHostPort(usher.ConductorHost(host), s.port)}, options...)...)
}

// row is a conductor's. Ages are in days; a heartbeat of age 0 is of now.
type row struct {
	name      string
	created   int
	heartbeat int
	stopped   bool
}

func (s *ironicSite) time(daysAgo int) time.Time {
	return time.Now().UTC().AddDate(0, 0, -daysAgo).Truncate(time.Second)
}

func quotedTime(t time.Time) string { return t.Format("'2006-01-02 15:04:05'") }

// conductors replaces the conductors, whose ids are their places from 1 on, as
// if Usher's processes had looked just now.
func (s *ironicSite) conductors(rows ...row) {
	s.t.Helper()
	statements := []string{"DELETE FROM ports", "DELETE FROM nodes", "DELETE FROM conductor_hardware_interfaces", "DELETE FROM conductors"}
	for i, r := range rows {
		id, online := i+1, 1
		if r.stopped {
			online = 0
		}
		statements = append(statements, fmt.Sprintf("INSERT INTO conductors (id, hostname, online, conductor_group, created_at, updated_at) "+
			"VALUES (%d, '%s', %d, '', %s, %s)", id, r.name, online, quotedTime(s.time(r.created)), quotedTime(s.time(r.heartbeat))))
		if !r.stopped { // Ironic takes them back when it stops
			statements = append(statements, fmt.Sprintf("INSERT INTO conductor_hardware_interfaces VALUES "+
				"(NULL, NULL, NULL, %d, %[1]d, 'manual-management', 'boot', 'ipxe', 1)", id))
		}
	}
	s.exec(statements...)
	s.reset()
}

// reset makes the processes look anew, as they do each hash_ring_reset_interval.
func (s *ironicSite) reset() {
	for _, p := range s.programs {
		p.rings.Reset()
	}
}

// ironicNode is a node that waits, and where its boot file was written.
type ironicNode struct {
	uuid, mac, host string
	state           usher.State
}

// node makes a node that came to wait some days ago and was prepared by the
// conductor on host, of affinity's row or of none.
func (s *ironicSite) node(host string, state usher.State, affinity, days int) ironicNode {
	s.t.Helper()
	s.nodes++
	n := ironicNode{uuid: fmt.Sprintf("%08d-2222-4333-8444-555555555555", s.nodes),
		mac: fmt.Sprintf("52:54:00:77:%02x:%02x", s.nodes>>8, s.nodes&0xff), host: host, state: state}
	of := "NULL"
	if affinity > 0 {
		of = strconv.Itoa(affinity)
	}
	s.exec(fmt.Sprintf("INSERT INTO nodes (id, uuid, name, provision_state, provision_updated_at, driver, boot_interface, conductor_group, conductor_affinity) "+
		"VALUES (%d, '%s', 'n%[1]d', '%[3]s', %[4]s, 'manual-management', 'ipxe', '', %[5]s)", s.nodes, n.uuid, state, quotedTime(s.time(days)), of),
		fmt.Sprintf("INSERT INTO ports (id, uuid, address, node_id, pxe_enabled) VALUES (%d, '%s', '%s', %[1]d, 1)", s.nodes, n.uuid, n.mac))
	s.write(host, n, s.time(days))
	return n
}

// write puts a node's boot file on a host's disk.
func (s *ironicSite) write(host string, n ironicNode, at time.Time) {
	s.t.Helper()
	file := filepath.Join(s.root(host), n.uuid, "config")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(s.content(host, n)), 0o644); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Chtimes(file, at, at); err != nil {
		s.t.Fatal(err)
	}
}

func (s *ironicSite) content(host string, n ironicNode) string {
	return "#!ipxe\n# of " + n.uuid + " by " + host + "\nboot\n"
}

// served wants every node's own boot file, from the host that wrote it.
func (s *ironicSite) served(api *running, nodes ...ironicNode) {
	s.t.Helper()
	for _, n := range nodes {
		got := api.get(DoorMachines, "/v1/boot/"+n.mac+"/boot.ipxe")
		if want := s.content(n.host, n); got.status != http.StatusOK || got.body != want {
			s.t.Errorf("node in %s prepared on %s: %d, %q\n%s", n.state, n.host, got.status, got.body, s.lastLine(n.uuid))
		}
	}
}

// refused wants 503 and a cause for a node.
func (s *ironicSite) refused(api *running, n ironicNode, cause dispatch.Cause, words string) {
	s.t.Helper()
	if got := api.get(DoorMachines, "/v1/boot/"+n.mac+"/boot.ipxe"); got.status != http.StatusServiceUnavailable {
		s.t.Errorf("%d, want 503 for %s", got.status, cause)
	}
	// The process writes the line after its answer.
	testenv.Until(s.t, 20*time.Second, fmt.Sprintf("the log has %s with %q about %s:\n%s", cause, words, n.uuid, s.lastLine(n.uuid)), func() bool {
		line := s.lastLine(n.uuid)
		return strings.Contains(line, "cause="+string(cause)) && strings.Contains(line, words)
	})
}

// lastLine is the last one of the log about a node.
func (s *ironicSite) lastLine(uuid string) string {
	lines := slices.Collect(strings.Lines(s.log.String()))
	for _, line := range slices.Backward(lines) {
		if strings.Contains(line, "boot request") && strings.Contains(line, uuid) {
			return line
		}
	}
	return "nothing"
}

// each makes one node for each host, in a state. firstRow is the id of the
// first host's row.
func (s *ironicSite) each(state usher.State, firstRow, days int) (nodes []ironicNode) {
	s.t.Helper()
	for i, host := range s.hosts {
		nodes = append(nodes, s.node(host, state, firstRow+i, days))
	}
	return nodes
}

// byRing makes nodes that a conductor prepared because the ring named it, when
// these rows were the active ones; none has an affinity.
func (s *ironicSite) byRing(state usher.State, days int, rows ...row) (nodes []ironicNode) {
	s.t.Helper()
	var table fixed
	for i, r := range rows {
		table = append(table, usher.Conductor{ID: int64(i), Hostname: r.name, Online: true,
			Interfaces: []usher.HardwareInterface{{HardwareType: "manual-management", Type: "boot", Name: "ipxe"}}})
	}
	rings := membership.NewRings(table, membership.RingOptions{Algorithm: "md5", Exponent: 5})
	for range 8 {
		uuid := fmt.Sprintf("%08d-2222-4333-8444-555555555555", s.nodes+1)
		owners, err := rings.Owners(s.t.Context(), "", "manual-management", uuid)
		if err != nil {
			s.t.Fatal(err)
		}
		nodes = append(nodes, s.node(usher.ConductorHost(owners[0]), state, 0, days))
	}
	return nodes
}

// rows are one for each host.
func (s *ironicSite) rows(format string, r row) (rows []row) {
	for _, host := range s.hosts {
		r.name = fmt.Sprintf(format, host)
		rows = append(rows, r)
	}
	return rows
}
