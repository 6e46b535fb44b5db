package ironic

import (
	"database/sql"
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
	bus    *rabbit // instead of JSON-RPC, where there is one
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
	rows     *sql.DB // of that database, as its administrator

	hosts      [conductors]string // addresses, which are [DEFAULT]host too
	names      [conductors]string // as the conductors register
	apiURL     string
	apiPort    string
	bootScript string // file of what every machine begins with
	agentPort  string
	lastPort   string // of the last agent
	cert       string // with its key, where JSON-RPC has TLS
	door       string // where the restricted Usher API listens for machines
	api        *process
	ironic     [conductors]*process
	agents     [conductors]*process
	usher      *usherAPI // with [api]restrict_boot_config, the default
	open       *usherAPI // without

	confs [conductors]string   // ironic.conf of each conductor
	mine  [conductors][]string // and all the files that Usher is given there
}

// newSite installs an Ironic, whose processes are not started yet.
func newSite(t *testing.T, r release, l layout) *site {
	t.Helper()
	s := &site{tb: t, layout: l, dir: t.TempDir(), server: testenv.SharedMariaDB(t)}
	s.database = s.server.Database(t)
	s.rows = s.server.Open(t, s.database)
	for _, image := range []string{"kernel", "ramdisk"} {
		s.write(image, image)
	}
	for i := range s.hosts {
		s.hosts[i] = testenv.Loopback(10*l.number + i + 1)
	}
	port := func() string { return testenv.FreePort(t, s.hosts[0]) }
	s.apiPort, s.agentPort, s.lastPort = port(), port(), port()
	s.apiURL = fmt.Sprintf("http://%s:%s", s.hosts[0], s.apiPort)
	s.door = s.hosts[0] + ":" + port()
	s.bootScript = s.write("boot.ipxe", s.run("root-script"))

	for i, host := range s.hosts {
		s.disk(i)
		s.install(i, r)
		s.mine[i] = []string{"--config-file", s.confs[i], "--config-file", s.write(fmt.Sprintf("host%d/usher.conf", i+1), s.usherConf(i))}
		role := "conductor"
		if l.secure && i == 0 {
			role = "serve"
		}
		s.agents[i] = newProcess(t, "usher "+role+" on "+host, append([]string{program, role}, s.mine[i]...)...)
		s.agents[i].env = []string{"OS_USHER__BOOT_LISTEN=" + host + ":0"}
	}
	s.dbsync(r, "create_schema")
	s.grant()
	s.installAPI(r)
	s.usher, s.open = s.newAPI("true", s.door), s.newAPI("false", s.hosts[0]+":0")
	return s
}

// install gives a host a release of Ironic: its conductor starts as that the
// next time.
func (s *site) install(i int, r release) {
	s.tb.Helper()
	s.confs[i] = s.write(fmt.Sprintf("host%d/ironic.conf", i+1), s.ironicConf(i, r))
	s.names[i] = s.host(i)
	if r.current() && s.layout.bus == nil && s.layout.rpcPort != "8089" {
		s.names[i] += ":" + s.layout.rpcPort
	}
	s.ironic[i] = newProcess(s.tb, "ironic-conductor "+s.names[i], r.command(s.dir, "ironic-conductor", "--config-file", s.confs[i])...)
}

func (s *site) installAPI(r release) {
	s.tb.Helper()
	s.release = r
	s.api = newProcess(s.tb, "ironic-api", r.command(s.dir, "ironic-api", "--config-file", s.confs[0])...)
}

func (s *site) dbsync(r release, command string) {
	s.tb.Helper()
	args := r.command(s.dir, "ironic-dbsync", "--config-file", s.confs[0], command)
	if out, err := exec.CommandContext(s.tb.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
		s.tb.Fatalf("ironic-dbsync %s: %v\n%s", command, err, out)
	}
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
