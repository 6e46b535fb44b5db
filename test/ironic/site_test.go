package ironic

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/usher-boot/usher/internal/testenv"
)

// layout is how a site's Ironic is set up.
type layout struct {
	number    int    // of the sites of this package, each with addresses of its own
	rpcPort   string // Ironic's default is 8089, Metal3's 6189
	algorithm string
	exponent  int
	groups    [conductors]string
	// secure is JSON-RPC with http_basic and TLS, and API and agent of the
	// first host in one process.
	secure bool
}

const conductors = 3

// site is an Ironic and an Usher beside it.
type site struct {
	tb       testing.TB
	release  release
	layout   layout
	dir      string
	server   *testenv.Server
	database string

	hosts  [conductors]string // addresses, which are [DEFAULT]host too
	names  [conductors]string // as the conductors register
	apiURL string
	// addresses is [usher]rpc_addresses.
	addresses string
	cert      string // with its key, where JSON-RPC has TLS
	door      string // where the restricted Usher API listens for machines
	api       *process
	ironic    [conductors]*process
	agents    [conductors]*process
	usher     *usherAPI // with [api]restrict_boot_config, the default
	open      *usherAPI // without

	confs [conductors]string   // ironic.conf of each conductor
	mine  [conductors][]string // and all the files that Usher is given there
}

// newSite installs an Ironic, whose processes are not started yet.
func newSite(t *testing.T, r release, l layout) *site {
	t.Helper()
	s := &site{tb: t, release: r, layout: l, dir: t.TempDir(), server: testenv.SharedMariaDB(t)}
	s.database = s.server.Database(t)
	for _, image := range []string{"kernel", "ramdisk"} {
		s.write(image, image)
	}
	for i := range s.hosts {
		s.hosts[i] = testenv.Loopback(10*l.number + i + 1)
		s.names[i] = s.hosts[i]
		if r.current() && l.rpcPort != "8089" {
			s.names[i] += ":" + l.rpcPort
		}
	}
	port := func() string { return testenv.FreePort(t, s.hosts[0]) }
	apiPort, usherPort := port(), port()
	// The last agent listens elsewhere than the others.
	s.addresses = fmt.Sprintf("%s:%[1]s:%s", s.hosts[conductors-1], port())
	s.apiURL = fmt.Sprintf("http://%s:%s", s.hosts[0], apiPort)
	s.door = s.hosts[0] + ":" + port()

	script := s.write("boot.ipxe", s.run("root-script"))
	for i := range s.hosts {
		for _, sub := range []string{"http", "state/tftp/master_images", "images/master"} {
			if err := os.MkdirAll(filepath.Join(s.folder(i), sub), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		s.confs[i] = s.conf(i, apiPort, script)
	}
	dbsync := r.command(s.dir, "ironic-dbsync", "--config-file", s.confs[0], "create_schema")
	if out, err := exec.CommandContext(t.Context(), dbsync[0], dbsync[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("ironic-dbsync: %v\n%s", err, out)
	}
	s.grant()
	for i, host := range s.hosts {
		s.ironic[i] = newProcess(t, "ironic-conductor "+host, r.command(s.dir, "ironic-conductor", "--config-file", s.confs[i])...)
		s.mine[i] = []string{"--config-file", s.confs[i], "--config-file", s.write(fmt.Sprintf("host%d/usher.conf", i+1), s.usherConf(host, usherPort))}
		role := "conductor"
		if l.secure && i == 0 {
			role = "serve"
		}
		s.agents[i] = newProcess(t, "usher "+role+" on "+host, append([]string{program, role}, s.mine[i]...)...)
		s.agents[i].env = []string{"OS_USHER__BOOT_LISTEN=" + host + ":0"}
	}
	s.api = newProcess(t, "ironic-api", r.command(s.dir, "ironic-api", "--config-file", s.confs[0])...)
	s.usher, s.open = s.newAPI("true", s.door), s.newAPI("false", s.hosts[0]+":0")
	return s
}

// grant makes Usher's account, as an administrator would.
func (s *site) grant() {
	s.tb.Helper()
	statements := s.run("--config-file", s.confs[0], "db", "grants", "--account", "sidecar"+s.database)
	for statement := range strings.SplitSeq(strings.TrimSpace(statements), ";\n") {
		s.server.Admin(s.tb, s.database, strings.TrimSuffix(statement, ";"))
	}
}

// sidecarURL is the database through the account of grant.
func (s *site) sidecarURL() string {
	url := s.server.URL(s.database)
	return "mysql+pymysql://sidecar" + s.database + ":CHANGE-ME" + url[strings.LastIndex(url, "@"):]
}

// start starts all of it.
func (s *site) start() {
	s.tb.Helper()
	for _, p := range s.ironic {
		p.launch()
	}
	s.api.launch()
	var all sync.WaitGroup
	for i := range s.agents {
		all.Go(func() { s.agents[i].start(upMark) })
	}
	all.Go(s.usher.start)
	all.Go(s.open.start)
	all.Wait()
	testenv.Until(s.tb, patience, "all conductors are registered and the API answers", func() bool { return len(s.alive()) == conductors })
}

const upMark = `"msg":"usher is up"`

// write makes a file below the site's folder.
func (s *site) write(name, content string) (path string) {
	s.tb.Helper()
	path = filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.tb.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		s.tb.Fatal(err)
	}
	return path
}

// run runs a command of usher and returns what it prints.
func (s *site) run(args ...string) string {
	s.tb.Helper()
	out, code := s.runs(nil, args...)
	if code != 0 {
		s.tb.Fatalf("usher %s: exit code %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

// runs runs a command that may fail.
func (s *site) runs(env []string, args ...string) (out string, code int) {
	s.tb.Helper()
	cmd := exec.CommandContext(s.tb.Context(), program, args...)
	cmd.Env = append(append(os.Environ(), "OS_USHER__BOOT_LISTEN="+s.door), env...)
	cmd.Stderr = os.Stderr
	raw, err := cmd.Output()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		s.tb.Fatal(err)
	}
	return string(raw), cmd.ProcessState.ExitCode()
}

// index is which conductor has a name.
func (s *site) index(name string) int {
	s.tb.Helper()
	i := slices.Index(s.names[:], name)
	if i < 0 {
		s.tb.Fatalf("no conductor %q", name)
	}
	return i
}

// folder is where a host has its disk.
func (s *site) folder(i int) string { return filepath.Join(s.dir, fmt.Sprintf("host%d", i+1)) }

// config is the boot file that a conductor wrote for a node.
func (s *site) config(name string, n *node) string {
	s.tb.Helper()
	content, err := os.ReadFile(filepath.Join(s.folder(s.index(name)), n.root(), n.uuid, "config"))
	if err != nil {
		s.tb.Errorf("%s is to have a file for %s: %v", name, n.name, err)
	}
	return string(content)
}
