package firmware

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/test/netboot"
)

// lab is a site with images to boot, the loaders, and dnsmasq beside whatever
// usher processes a test starts in it.
type lab struct {
	*netboot.Site
	t       *testing.T
	dir     string // kernel and ramdisk
	console string // the kernel's
	capture *capture
}

// vms bounds how many virtual machines run at once, over all labs.
var vms = make(chan struct{}, 2)

// bootLimit is how long one machine may take, on a busy computer.
const bootLimit = 3 * time.Minute

func newLab(t *testing.T) *lab {
	t.Helper()
	l := newLabWith(t, "ttyS0")
	netboot.Kernel(t, l.dir)
	netboot.Ramdisk(t, l.dir)
	return l
}

// newLabARM64 is newLab with images for arm64.
func newLabARM64(t *testing.T) *lab {
	t.Helper()
	l := newLabWith(t, "ttyAMA0")
	netboot.KernelARM64(t, l.dir)
	netboot.RamdiskARM64(t, l.dir)
	return l
}

// newLabWith makes a lab without images.
func newLabWith(t *testing.T, console string) *lab {
	t.Helper()
	l := &lab{Site: netboot.New(t), t: t, dir: t.TempDir(), console: console}
	l.capture = l.startCapture()
	return l
}

// server is one usher process.
type server struct {
	*netboot.Process
	lab     *lab
	host    string // of the machines' door, and its name in the ring
	conf    string
	manage  string // URL of the management API
	httpDir string
}

// serve starts `usher serve` on a host with extra configuration lines by group.
func (l *lab) serve(host string, extra map[string][]string) *server {
	l.t.Helper()
	s := l.configure(host, extra)
	s.start()
	return s
}

// configure writes a server's configuration.
func (l *lab) configure(host string, extra map[string][]string) *server {
	l.t.Helper()
	state := l.t.TempDir()
	literal := host
	if strings.Contains(host, ":") {
		literal = "[" + host + "]"
	}
	groups := map[string][]string{
		"DEFAULT":   {"host = " + host, "state_path = " + state, "hash_ring_reset_interval = 1"},
		"conductor": {"file_url_allowed_paths = " + l.dir, "heartbeat_interval = 1", "heartbeat_timeout = 5"},
		"json_rpc":  {"host_ip = " + host},
		// Each host's own, though all are in one namespace.
		"api":   {"host_ip = " + host},
		"usher": {"boot_listen = " + literal + ":6386", "admin_listen = " + literal + ":6387", "insecure_management = true", "insecure_rpc = true"},
	}
	for group, lines := range extra {
		groups[group] = append(groups[group], lines...)
	}
	var b strings.Builder
	for group, lines := range groups {
		fmt.Fprintf(&b, "[%s]\n%s\n", group, strings.Join(lines, "\n"))
	}
	s := &server{lab: l, host: host, conf: filepath.Join(state, "usher.conf"),
		manage: "http://" + literal + ":6385", httpDir: filepath.Join(state, "httpboot")}
	if err := os.WriteFile(s.conf, []byte(b.String()), 0o600); err != nil {
		l.t.Fatal(err)
	}
	return s
}

// start runs the server and waits until it serves.
func (s *server) start() {
	s.lab.t.Helper()
	s.Process = s.lab.Start("usher-"+strings.ReplaceAll(s.host, ":", "."), exec.Command(program, "--config-file", s.conf, "serve"))
	ctx, cancel := context.WithTimeout(s.lab.t.Context(), 30*time.Second)
	defer cancel()
	if err := s.Log.Wait(ctx, "usher is up"); err != nil {
		s.lab.t.Fatal(err)
	}
}

// usher runs one command of the program inside the site, with this server's
// configuration, and returns its output.
func (s *server) usher(t *testing.T, args ...string) string {
	t.Helper()
	p := s.lab.Start(args[0], exec.Command(program, append([]string{"--config-file", s.conf}, args...)...))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := p.Wait(ctx); err != nil {
		t.Fatalf("usher %s: %v\n%s", strings.Join(args, " "), err, p.Log)
	}
	return p.Log.String()
}

// dnsmasq installs the loaders and runs dnsmasq, both as the program says.
func (s *server) dnsmasq(args ...string) {
	s.lab.t.Helper()
	s.usher(s.lab.t, "loaders")
	s.lab.Dnsmasq(s.usher(s.lab.t, append([]string{"dnsmasq", "--interface", netboot.Bridge}, args...)...))
}

// dhcp4 is the range of addresses, and the advertisement that spares each iPXE a wait.
var dhcp4 = []string{"--range", "10.77.0.100,10.77.0.200", "--advertise", "fd77::"}

// node is a node of the inventory and what tells its boots from all others.
type node struct {
	name, uuid, conductor string
	macs                  []usher.MAC
	parameter             string
}

// add adds a node as an operator does. Its own kernel parameter is one that
// no other node of any run has.
func (s *server) add(t *testing.T, name string, iface string, macs ...usher.MAC) node {
	t.Helper()
	n := node{name: name, macs: macs, parameter: fmt.Sprintf("usher.test=%s-%d", name, time.Now().UnixNano())}
	args := []string{"node", "add", name, "--boot-interface", iface,
		"--kernel", "file://" + s.lab.dir + "/vmlinuz", "--ramdisk", "file://" + s.lab.dir + "/ramdisk",
		"--param", "console=" + s.lab.console, "--param", "panic=1",
		"--param", netboot.NoTimerCheck, "--param", n.parameter}
	for _, mac := range macs {
		args = append(args, "--mac", mac.String())
	}
	s.usher(t, args...)
	s.refresh(t, &n)
	return n
}

// refresh reads who owns the node.
func (s *server) refresh(t *testing.T, n *node) {
	t.Helper()
	var shown struct{ UUID, Conductor string }
	s.get(t, s.manage+"/v1/nodes/"+n.name, &shown)
	n.uuid, n.conductor = shown.UUID, shown.Conductor
}

// get reads JSON from the management API.
func (s *server) get(t *testing.T, url string, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-OpenStack-Ironic-API-Version", "1.82")
	resp, err := s.lab.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || json.Unmarshal(body, into) != nil {
		t.Fatalf("GET %s: %v, %s\n%s", url, err, resp.Status, body)
	}
}

func (s *server) deploy(t *testing.T, n node) {
	t.Helper()
	s.usher(t, "node", "deploy", n.name)
}

// machine is a virtual machine that is running.
type machine struct {
	*netboot.VM
	release func()
}

// on switches a machine on, when its turn has come.
func (l *lab) on(t *testing.T, cfg netboot.VMConfig) machine {
	t.Helper()
	vms <- struct{}{}
	cfg.Name = strings.ReplaceAll(t.Name(), "/", "-")
	m := machine{VM: l.StartVM(cfg)}
	released := false
	m.release = func() {
		if !released {
			released = true
			m.Stop()
			<-vms
		}
	}
	t.Cleanup(func() {
		m.release()
		if t.Failed() { // the lab's logs appear only with its own failure
			t.Logf("serial line:\n%s", m.Log.Tail())
			for _, mac := range cfg.NICs {
				t.Logf("asked by %s:\n%s", mac, strings.Join(l.capture.of(mac).lines(), "\n"))
			}
		}
	})
	return m
}

// boots asserts that the machine comes up in Linux as the node, and as no other.
func (m machine) boots(t *testing.T, n node) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bootLimit)
	defer cancel()
	cmdline, err := m.WaitBooted(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for word := range strings.FieldsSeq(cmdline) {
		if strings.HasPrefix(word, "usher.test=") {
			found = append(found, word)
		}
	}
	if len(found) != 1 || found[0] != n.parameter {
		t.Errorf("booted with %q, want %q alone; the kernel's command line: %s", found, n.parameter, cmdline)
	}
	if err := m.Wait(ctx); err != nil {
		t.Errorf("the machine should have switched itself off: %v", err)
	}
	m.release()
}

// says waits for a text on the serial line.
func (m machine) says(t *testing.T, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bootLimit)
	defer cancel()
	if err := m.WaitSerial(ctx, text); err != nil {
		t.Fatal(err)
	}
}
