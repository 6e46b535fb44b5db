package cluster

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-boot/usher/internal/testenv"
)

// TestServeTwice runs the whole of Usher on two hosts that share a database:
// each answers for every machine, and goes on alone when the other one dies.
func TestServeTwice(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, server *testenv.Server, offset int) {
		url := server.URL(server.Database(t))
		st := newSite(t, settings{conductors: 2, apis: 1, database: url, offset: offset + 100})
		for _, p := range st.conductors {
			p.role = "serve"
			p.start()
		}
		st.enrol(url, 20)
		managed := managementOf(t, st.conductors)
		st.deployAll(st.nodes, managed...)
		c := newChecker(st, st.bases...)
		for _, door := range st.bases {
			for _, n := range st.nodes {
				c.ask(n, door)
			}
		}
		st.conductors[0].kill()
		for _, n := range st.nodes {
			c.ask(n, st.bases[1])
		}
		st.deployAll(st.nodes[:4], managed[1])
		for _, n := range st.nodes {
			c.ask(n, st.bases[1])
		}
		if c.answers[http.StatusOK] != 4*len(st.nodes) {
			t.Errorf("answers %v, want %d that are right", c.answers, 4*len(st.nodes))
		}
		c.verdict("two that serve")
	})
}

// managementOf reads the URLs of the REST API from what processes say of them.
func managementOf(t *testing.T, processes []*process) []string {
	t.Helper()
	var urls []string
	for _, p := range processes {
		_, rest, found := strings.Cut(p.output.String(), "  management")
		if !found {
			t.Fatalf("%s tells no management door", p.name)
		}
		urls = append(urls, strings.Fields(rest)[0])
	}
	return urls
}

// TestImageServerDown: a conductor that takes a node over while the images'
// server is down serves it from its own cache, and hands over where it never
// had the image. Where nobody has it machines are told to ask again, and are
// served once the server is back.
func TestImageServerDown(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	images := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, "image %s", r.URL.Path)
	}))
	t.Cleanup(images.Close)
	server := testenv.SharedMariaDB(t)
	url := server.URL(server.Database(t))
	st := newSite(t, settings{conductors: 3, apis: 1, database: url, offset: 80, options: map[string]string{
		"[conductor]heartbeat_timeout": "60",
		"[conductor]deploy_kernel":     images.URL + "/kernel", "[conductor]deploy_ramdisk": images.URL + "/ramdisk"}})
	st.up()
	st.enrol(url, 12)
	st.deployAll(st.nodes, st.management...)
	c := newChecker(st, st.doors...)
	for _, n := range st.nodes {
		c.ask(n, st.doors[0])
	}

	down.Store(true)
	// One conductor loses its disk, cache and all, and comes back; another
	// one, which has cached the images for nodes of its own, takes over.
	st.conductors[0].kill()
	wipe(t, st.conductors[0])
	for _, n := range st.nodes {
		c.ask(n, st.doors[0])
	}
	st.conductors[0].start()
	for _, n := range st.nodes {
		c.ask(n, st.doors[0])
	}
	if got := c.answers[http.StatusOK]; got != 3*len(st.nodes) {
		t.Errorf("while the image server is down and one conductor has lost its cache: %v", c.answers)
	}

	// Nobody has it any more: not now, and never 404.
	n := st.nodes[0]
	for _, p := range st.conductors {
		p.stop()
		wipe(t, p)
		p.start()
	}
	status, body, retry, err := c.get(t.Context(), st.doors[0], n)
	if err != nil || status != http.StatusServiceUnavailable || retry == "" {
		t.Errorf("an image that nobody has: %d, Retry-After %q, %v\n%s", status, retry, err, body)
	}
	down.Store(false)
	back := time.Now()
	for status != http.StatusOK {
		if time.Since(back) > patience {
			t.Fatalf("%v after the image server's return the node is not served: %d", patience, status)
		}
		time.Sleep(100 * time.Millisecond)
		if status, _, _, err = c.get(t.Context(), st.doors[0], n); err != nil {
			t.Fatal(err)
		}
	}
	c.verdict("image server")
}

// wipe empties a conductor's disk, cache and all.
func wipe(t *testing.T, p *process) {
	t.Helper()
	conf, err := os.ReadFile(p.conf)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(conf), "state_path = ")
	dir, _, _ := strings.Cut(rest, "\n")
	if err := os.RemoveAll(filepath.Join(dir, "httpboot")); err != nil {
		t.Fatal(err)
	}
}

// TestReadOnly: a database that takes no writes, as in the middle of a
// fail-over, serves machines as before; verbs are told to come again, and go
// through as soon as it writes.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	for _, e := range []struct {
		name    string
		server  func(testing.TB) *testenv.Server
		on, off string
		offset  int
	}{
		{"MariaDB", testenv.NewMariaDB, "SET GLOBAL read_only = ON", "SET GLOBAL read_only = OFF", 90},
		{"PostgreSQL", testenv.NewPostgreSQL, "ALTER SYSTEM SET default_transaction_read_only = on",
			"ALTER SYSTEM RESET default_transaction_read_only", 96},
	} {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			server := e.server(t)
			url := server.URL(server.Database(t))
			st := newSite(t, settings{conductors: 1, apis: 1, database: url, offset: e.offset,
				options: map[string]string{"[conductor]heartbeat_timeout": "60"}})
			st.up()
			st.enrol(url, 3)
			st.deployAll(st.nodes, st.management...)
			c := newChecker(st, st.doors...)
			turn := func(statement string) {
				server.Admin(t, "", statement)
				if e.name == "PostgreSQL" {
					server.Admin(t, "", "SELECT pg_reload_conf()")
				}
			}
			turn(e.on)
			deadline := time.Now().Add(patience)
			status, said := 0, ""
			for status != http.StatusServiceUnavailable { // until the setting has reached all sessions
				if status, said = st.verb(st.management[0], st.nodes[0].uuid, "deleted"); status != 503 || time.Now().After(deadline) {
					t.Fatalf("a verb while the database is read-only: %d %s", status, said)
				}
			}
			for _, n := range st.nodes {
				c.ask(n, st.doors[0])
			}
			if c.answers[http.StatusOK] != len(st.nodes) {
				t.Errorf("while the database is read-only: %v", c.answers)
			}
			turn(e.off)
			n := st.nodes[0]
			if err := st.deploy(st.management[0], n, n.change()); err != nil {
				t.Error(err)
			}
			c.ask(n, st.doors[0])
			c.verdict("read-only")
		})
	}
}
