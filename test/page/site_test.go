package page

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/inventory"
	"github.com/usher-boot/usher/internal/testenv"
)

// patience is how long anything may take on a busy machine.
const patience = 2 * time.Minute

// site is one usher on SQLite, with the inventory behind it.
type site struct {
	tb    testing.TB
	conf  string
	page  string            // URL of the operator's door
	boot  string            // URL of the machines' door
	rest  string            // URL of the management door
	store *inventory.Store  // until the program starts
	nodes map[string]string // UUIDs by name
	api   *process
}

// process is one run of the program.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
	output testenv.Log
}

// newSite makes a site to which nodes may be added before it starts.
func newSite(tb testing.TB) *site {
	tb.Helper()
	dir := tb.TempDir()
	// Addresses of this test process alone: its ports stay free over a restart.
	address := testenv.Loopback(7)
	port := func() string { return testenv.FreePort(tb, address) }
	s := &site{tb: tb, conf: filepath.Join(dir, "usher.conf")}
	boot, admin, rest := address+":"+port(), address+":"+port(), port()
	s.boot, s.page, s.rest, s.nodes = "http://"+boot, "http://"+admin, "http://"+address+":"+rest, map[string]string{}
	text := fmt.Sprintf(`[DEFAULT]
state_path = %[1]s/state
host = conductor-1
my_ip = %[2]s
[api]
host_ip = %[2]s
port = %[3]s
[conductor]
heartbeat_interval = 1
deploy_kernel = file://%[1]s/image
deploy_ramdisk = file://%[1]s/image
file_url_allowed_paths = %[1]s
[usher]
boot_listen = %[4]s
admin_listen = %[5]s
`, dir, address, rest, boot, admin)
	for file, content := range map[string]string{s.conf: text, filepath.Join(dir, "image"): "image"} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	var err error
	if s.store, err = inventory.OpenStore(tb.Context(), inventory.Options{URL: "sqlite:///" + dir + "/state/usher.sqlite"}); err != nil {
		tb.Fatal(err)
	}
	if err := s.store.Migrate(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return s
}

// start runs the program and waits until it answers.
func (s *site) start() {
	s.tb.Helper()
	if err := s.store.Close(); err != nil { // nobody else may have the file
		s.tb.Fatal(err)
	}
	p := &process{exited: make(chan struct{})}
	p.cmd = exec.Command(program, "--config-file", s.conf, "serve")
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	if err := testenv.Start(p.cmd, nil, func(error) { close(p.exited) }); err != nil {
		s.tb.Fatal(err)
	}
	s.api = p
	s.tb.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
		if s.tb.Failed() {
			s.tb.Logf("usher said:\n%s", p.output.String())
		}
	})
	s.until("usher is ready", func() bool {
		select {
		case <-p.exited:
			s.tb.Fatalf("usher has ended:\n%s", p.output.String())
		default:
		}
		resp, err := http.Get(s.page + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// stop ends the program in good order.
func (s *site) stop() {
	s.tb.Helper()
	if err := s.api.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.tb.Fatal(err)
	}
	select {
	case <-s.api.exited:
	case <-time.After(patience):
		s.tb.Fatalf("usher does not stop:\n%s", s.api.output.String())
	}
}

// until waits until another process has done something.
func (s *site) until(what string, so func() bool) {
	s.tb.Helper()
	testenv.Until(s.tb, patience, what, so)
}

// node puts a node into the inventory, as no API would let it in.
func (s *site) node(name, mac string, state usher.State, since time.Time) {
	s.tb.Helper()
	n := &usher.Node{Name: name, Driver: "manual-management", BootInterface: "ipxe", DeployInterface: "custom-agent",
		ProvisionState: state, ProvisionUpdatedAt: since}
	if err := s.store.CreateNode(s.tb.Context(), n); err != nil {
		s.tb.Fatal(err)
	}
	s.nodes[name] = n.UUID
	address, err := usher.ParseMAC(mac)
	if err != nil {
		s.tb.Fatal(err)
	}
	if err := s.store.CreatePort(s.tb.Context(), &usher.Port{NodeUUID: n.UUID, Address: address, PXEEnabled: true}); err != nil {
		s.tb.Fatal(err)
	}
}

// rebuild has an active node wait.
func (s *site) rebuild(name string) {
	s.tb.Helper()
	req, err := http.NewRequestWithContext(s.tb.Context(), http.MethodPut, s.rest+"/v1/nodes/"+s.nodes[name]+"/states/provision",
		strings.NewReader(`{"target": "rebuild"}`))
	if err != nil {
		s.tb.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.tb.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		body, _ := io.ReadAll(resp.Body)
		s.tb.Fatalf("rebuild %s: %s\n%s", name, resp.Status, body)
	}
}

// ask asks as a machine does.
func (s *site) ask(mac, file string) {
	s.tb.Helper()
	resp, err := http.Get(s.boot + "/v1/boot/" + url.PathEscape(mac) + "/" + url.PathEscape(file))
	if err != nil {
		s.tb.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}
