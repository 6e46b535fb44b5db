package app

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/testenv"
)

// site is a state folder and a configuration file that tests rewrite.
type site struct {
	t    *testing.T
	dir  string
	file string
	log  testenv.Log
}

func newSite(t *testing.T) *site {
	dir := t.TempDir()
	return &site{t: t, dir: dir, file: filepath.Join(dir, "usher.conf")}
}

// write puts a configuration in place by rename; options read "[group]name=value".
func (s *site) write(options ...string) {
	s.t.Helper()
	all := append([]string{"[DEFAULT]state_path=" + s.dir, "[DEFAULT]host=here", "[DEFAULT]my_ip=127.0.0.1", "[api]port=0",
		"[usher]boot_listen=127.0.0.1:0", "[usher]files_listen=127.0.0.1:0", "[usher]admin_listen=127.0.0.1:0", "[conductor]file_url_allowed_paths=" + s.dir}, options...)
	text := testenv.Config(strings.Split(strings.Join(all, "\n"), "\n")...)
	if err := os.WriteFile(s.file+".new", []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(s.file+".new", s.file); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) new(options ...string) (*App, error) {
	s.t.Helper()
	s.write(options...)
	return New(s.t.Context(), Options{Role: Role{API: true, Conductor: true}, Version: "test", Log: &s.log,
		Load: func() (*config.Config, error) { return config.Load(config.Sources{Files: []string{s.file}}) }})
}

// running is an App that runs until stop, or the end of the test.
type running struct {
	*App
	t    *testing.T
	stop func() error
}

func (s *site) run(options ...string) *running {
	s.t.Helper()
	a, err := s.new(options...)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	r := &running{App: a, t: s.t, stop: sync.OnceValue(func() error { cancel(); return <-done })}
	s.t.Cleanup(func() {
		if err := r.stop(); err != nil {
			s.t.Errorf("Run: %v\n%s", err, s.log.String())
		}
	})
	deadline := time.After(20 * time.Second)
	for r.get(DoorAdmin, "/readyz").status != 200 {
		select {
		case <-deadline:
			s.t.Fatalf("never ready\n%s", s.log.String())
		case <-time.After(time.Millisecond):
		}
	}
	return r
}

type reply struct {
	status int
	header http.Header
	body   string
}

func (r *running) get(door, path string) reply {
	r.t.Helper()
	return r.do("GET", door, path, "")
}

func (r *running) do(method, door, path, body string, headers ...string) reply {
	r.t.Helper()
	req, err := http.NewRequest(method, "http://"+r.Addr(door)+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("X-OpenStack-Ironic-API-Version", "1.78")
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, string(content)}
}

const aMAC = "52:54:00:12:34:56"

// node makes a node that waits for its ramdisk.
func (r *running) node(state usher.State, image string) *usher.Node {
	r.t.Helper()
	n := &usher.Node{UUID: "11111111-2222-4333-8444-555555555501", Driver: "manual-management", BootInterface: "ipxe",
		DeployInterface: "direct", ProvisionState: state, DriverInfo: map[string]any{"deploy_kernel": image, "deploy_ramdisk": image}}
	if err := r.store.CreateNode(r.t.Context(), n); err != nil {
		r.t.Fatal(err)
	}
	mac, _ := usher.ParseMAC(aMAC)
	if err := r.store.CreatePort(r.t.Context(), &usher.Port{UUID: "aaaaaaaa-2222-4333-8444-555555555501", NodeID: n.ID,
		NodeUUID: n.UUID, Address: mac, PXEEnabled: true}); err != nil {
		r.t.Fatal(err)
	}
	return n
}

// port gives a node a port more, by the management API.
func (r *running) port(n *usher.Node, mac string, pxeEnabled bool) {
	r.t.Helper()
	body := fmt.Sprintf(`{"node_uuid": %q, "address": %q, "pxe_enabled": %t}`, n.UUID, mac, pxeEnabled)
	if got := r.do("POST", DoorManagement, "/v1/ports", body); got.status != 201 {
		r.t.Fatalf("%+v", got)
	}
}

func (s *site) image() string {
	s.t.Helper()
	path := filepath.Join(s.dir, "image")
	if err := os.WriteFile(path, []byte("image"), 0o644); err != nil {
		s.t.Fatal(err)
	}
	return "file://" + path
}

const bootPath = "/v1/boot/" + aMAC + "/boot.ipxe"

// imagePath is where image's content is as a kernel.
const imagePath = "/images/6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d/deploy_kernel"

func TestServe(t *testing.T) {
	s := newSite(t)
	a := s.run()
	n := a.node(usher.DeployWait, s.image())
	for _, door := range []string{DoorMachines, DoorManagement} {
		if got := a.get(door, bootPath); got.status != 200 || !strings.Contains(got.body, "http://"+a.Addr(DoorMachines)+imagePath) {
			t.Errorf("%s door: %+v", door, got)
		}
	}
	if got := a.get(DoorMachines, imagePath); got.status != 200 || got.body != "image" || !strings.Contains(got.header.Get("Cache-Control"), "immutable") {
		t.Errorf("kernel: %+v", got)
	}
	if got := a.get(DoorMachines, "/"+n.UUID+"/config"); got.status != 404 {
		t.Errorf("boot file by its own name: %+v", got)
	}
	if got := a.get(DoorMachines, "/boot.ipxe"); got.status != 200 || !strings.Contains(got.body, "v1/boot/") {
		t.Errorf("root script: %+v", got)
	}
	if got := a.get(DoorMachines, "/v1/nodes"); got.status != 404 {
		t.Errorf("the machines' door shows nodes: %+v", got)
	}
	if got := a.get(DoorManagement, "/v1/nodes"); got.status != 200 || !strings.Contains(got.body, n.UUID) {
		t.Errorf("nodes: %+v", got)
	}
	metrics := a.get(DoorAdmin, "/metrics").body
	for _, secret := range []string{"525400", "52:54", "52-54", n.UUID, n.UUID[:8]} {
		if strings.Contains(metrics, secret) {
			t.Errorf("metrics tell %q:\n%s", secret, metrics)
		}
	}
	if !strings.Contains(metrics, `served`) {
		t.Errorf("metrics without the request:\n%s", metrics)
	}
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	if log := s.log.String(); !strings.Contains(log, "cause=served") || strings.Count(log, "cause=served") != 2 {
		t.Errorf("not one log line for each request:\n%s", log)
	}
}

// TestStaticNames: machines whose root script knows nothing of the API ask for
// their boot files by Ironic's names, and get the API's answers.
func TestStaticNames(t *testing.T) {
	s := newSite(t)
	a := s.run()
	a.node(usher.DeployWait, s.image())
	want := a.get(DoorMachines, bootPath)
	hyphens := strings.ReplaceAll(aMAC, ":", "-")
	if got := a.get(DoorMachines, "/pxelinux.cfg/"+hyphens); got.status != 200 || got.body != want.body {
		t.Errorf("by its static name: %+v, want\n%s", got, want.body)
	}
	no := a.get(DoorMachines, "/none")
	for _, path := range []string{"/pxelinux.cfg/52-54-00-12-34-99", "/pxelinux.cfg/01-" + hyphens, "/grub.cfg-01-" + hyphens, "/" + aMAC + ".conf",
		"/pxelinux.cfg/default"} {
		if got := a.get(DoorMachines, path); got.status != 404 || got.body != no.body {
			t.Errorf("%s: %+v", path, got)
		}
	}
	a.log.buffer.flush()
	if log := s.log.String(); strings.Count(log, "cause=served") != 2 || !strings.Contains(log, "cause=unknown_mac") || !strings.Contains(log, "cause=unsupported") {
		t.Errorf("the requests are not decided as the API's are:\n%s", log)
	}
}

// TestUpgrade: what an older version has fetched is not fetched again, what it
// wrote for nodes goes, and machines that hold one of its boot files are served.
func TestUpgrade(t *testing.T) {
	s := newSite(t)
	a := s.run()
	n := a.node(usher.DeployWait, "http://127.0.0.1:1/image") // where nothing answers
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	key := sha256.Sum256([]byte("http://127.0.0.1:1/image\n\n"))
	root := filepath.Join(s.dir, httpFolder)
	for name, content := range map[string]string{
		".images/" + hex.EncodeToString(key[:]):           "image",
		".images/" + hex.EncodeToString(key[:]) + ".json": `{"url": "http://127.0.0.1:1/image", "size": 5}`,
		n.UUID + "/config":                                "#!ipxe\n# of before\n",
		n.UUID + "/.links":                                "pxelinux.cfg/" + strings.ReplaceAll(aMAC, ":", "-") + "\n",
		n.UUID + "/deploy_kernel":                         "image",
	} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	a = s.run()
	if got := a.get(DoorMachines, "/"+n.UUID+"/deploy_kernel"); got.status != 200 || got.body != "image" {
		t.Errorf("a machine that holds a boot file of before: %+v", got)
	}
	if got := a.get(DoorMachines, bootPath); got.status != 200 || !strings.Contains(got.body, imagePath) {
		t.Errorf("boot file: %+v", got)
	}
	deadline := time.After(20 * time.Second)
	for _, err := os.Stat(filepath.Join(root, n.UUID)); err == nil; _, err = os.Stat(filepath.Join(root, n.UUID)) {
		select {
		case <-deadline:
			t.Fatal("the node's folder is still there")
		case <-time.After(time.Millisecond):
		}
	}
	if got := a.get(DoorMachines, "/"+n.UUID+"/deploy_kernel"); got.status != 200 || got.body != "image" {
		t.Errorf("without its folder: %+v", got)
	}
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
}

func TestRefusesToStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	for name, c := range map[string]struct{ option, want string }{
		"machines' port taken":   {"[usher]boot_listen=" + taken.Addr().String(), "[usher]boot_listen"},
		"management port taken":  {"[api]port=" + port, "[api]port"},
		"admin port taken":       {"[usher]admin_listen=" + taken.Addr().String(), "[usher]admin_listen"},
		"noauth for everybody":   {"[api]host_ip=0.0.0.0", "insecure_management"},
		"no htpasswd":            {"[DEFAULT]auth_strategy=http_basic", "http_basic_auth_user_file"},
		"keystone":               {"[DEFAULT]auth_strategy=keystone", "auth_strategy"},
		"TLS without key":        {"[usher]boot_tls_listen=127.0.0.1:0", "cert_file"},
		"no such template dir":   {"[usher]template_dir=/nonexistent", "[usher]template_dir"},
		"state folder is a file": {"[DEFAULT]state_path=" + file + "\n[database]connection=sqlite:///" + filepath.Join(t.TempDir(), "db"), "[DEFAULT]state_path"},
		"bad value":              {"[api]restrict_boot_config=perhaps", "restrict_boot_config"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			if _, err := s.new(c.option); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("want a word on %s: %v", c.want, err)
			}
			s.run() // everything was undone
		})
	}
}

func TestSecondOnStateFolder(t *testing.T) {
	s := newSite(t)
	s.run()
	if _, err := s.new(); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("pid %d", os.Getpid())) || !strings.Contains(err.Error(), s.dir) {
		t.Errorf("second on the same state folder: %v", err)
	}
}

func TestHTTPBasic(t *testing.T) {
	s := newSite(t)
	hash, err := bcrypt.GenerateFromPassword([]byte("pw"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(s.dir, "htpasswd")
	if err := os.WriteFile(file, []byte("op:"+string(hash)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a := s.run("[DEFAULT]auth_strategy=http_basic", "[DEFAULT]http_basic_auth_user_file="+file, "[api]host_ip=0.0.0.0")
	if got := a.get(DoorManagement, "/v1/nodes"); got.status != 401 || got.header.Get("WWW-Authenticate") == "" {
		t.Errorf("without a password: %+v", got)
	}
	if got := a.do("GET", DoorManagement, "/v1/nodes", "", "Authorization", "Basic b3A6cHc="); got.status != 200 {
		t.Errorf("with it: %+v", got)
	}
	a.node(usher.DeployWait, s.image())
	for _, path := range []string{bootPath, "/v1", "/v1/lookup?addresses=" + aMAC} {
		if got := a.get(DoorManagement, path); got.status != 200 {
			t.Errorf("%s needs a password: %+v", path, got)
		}
	}
}

// TestReloadable: each option that is flagged as reloadable has its effect
// by a reload, and no other.
func TestReloadable(t *testing.T) {
	s := newSite(t)
	templates := filepath.Join(s.dir, "templates")
	if err := os.Mkdir(templates, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(templates, "node.ipxe.tmpl"), []byte("#!ipxe\n# mine\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	waiting := func(a *running) string { return a.get(DoorMachines, bootPath).body }
	root := func(a *running) string { return a.get(DoorMachines, "/boot.ipxe").body }
	installed := func(a *running) string {
		script, err := os.ReadFile(filepath.Join(s.dir, httpFolder, "boot.ipxe"))
		if err != nil {
			t.Fatal(err)
		}
		return string(script)
	}
	// What only later work shows is looked at where the conductor gets it.
	settings := func(a *running) string { return fmt.Sprint(a.conductorSettings(a.Config())) }
	probes := map[string]struct {
		value string
		probe func(*running) string
	}{
		"[DEFAULT]debug":            {"true", func(a *running) string { return a.log.level.Level().String() }},
		"[api]restrict_boot_config": {"false", func(a *running) string { return a.get(DoorMachines, strings.Replace(bootPath, ":56", ":57", 1)).body }},
		"[api]restrict_lookup": {"false", func(a *running) string {
			return fmt.Sprint(a.get(DoorMachines, "/v1/lookup?addresses="+strings.Replace(aMAC, ":56", ":57", 1)).status)
		}},
		"[api]max_limit": {"1", func(a *running) string {
			return fmt.Sprint(strings.Count(a.get(DoorManagement, "/v1/nodes").body, `"uuid"`))
		}},
		"[api]public_endpoint": {"http://public.example", func(a *running) string { return a.get(DoorManagement, "/v1/nodes").body }},
		"[usher]retry_after": {"77", func(a *running) string {
			return a.get(DoorMachines, strings.Replace(bootPath, ":56", ":58", 1)).header.Get("Retry-After")
		}},
		"[usher]rpc_timeout":                        {"9", func(a *running) string { return a.Config().Usher.RPCTimeout.String() }},
		"[usher]max_requests":                       {"9", func(a *running) string { return fmt.Sprint(a.Config().Usher.MaxRequests) }},
		"[usher]profiling":                          {"true", func(a *running) string { return fmt.Sprint(a.get(DoorAdmin, "/debug/pprof/heap").status) }},
		"[usher]boot_allowed_networks":              {"192.0.2.0/24", waiting},
		"[usher]boot_rate_limit":                    {"1", func(a *running) string { return a.flood(DoorMachines, bootPath, 40) }},
		"[usher]boot_rate_burst":                    {"1\n[usher]boot_rate_limit=1", func(a *running) string { return a.flood(DoorMachines, bootPath, 8) }},
		"[usher]boot_connections_per_source":        {"1", func(a *running) string { return a.crowd(DoorMachines, bootPath) }},
		"[usher]template_dir":                       {templates, waiting},
		"[pxe]kernel_append_params":                 {"changed=1", waiting},
		"[pxe]ipxe_timeout":                         {"42", waiting},
		"[deploy]http_url":                          {"http://files.example", waiting},
		"[conductor]deploy_kernel":                  {s.image() + "?", settings},
		"[conductor]deploy_ramdisk":                 {"x", settings},
		"[conductor]rescue_kernel":                  {"x", settings},
		"[conductor]rescue_ramdisk":                 {"x", settings},
		"[conductor]automated_clean":                {"true", settings},
		"[conductor]check_provision_state_interval": {"7", settings},
		"[conductor]deploy_callback_timeout":        {"7", settings},
		"[conductor]clean_callback_timeout":         {"7", settings},
		"[conductor]rescue_callback_timeout":        {"7", settings},
		"[conductor]inspect_wait_timeout":           {"7", settings},
		"[conductor]service_callback_timeout":       {"7", settings},
		"[pxe]ipxe_use_boot_config_api":             {"true", installed},
		"[pxe]ipxe_config_api_root_url":             {"http://api.example", root},
		"[pxe]ipxe_fallback_script":                 {"other.ipxe", root},
		"[neutron]add_all_ports": {"true", func(a *running) string {
			return fmt.Sprint(a.get(DoorMachines, strings.Replace(bootPath, ":56", ":66", 1)).status)
		}},
		"[inspector]require_managed_boot": {"false", func(a *running) string {
			return fmt.Sprint(a.Config().Inspector.RequireManagedBoot != nil)
		}},
	}
	a := s.run()
	a.port(a.node(usher.DeployWait, s.image()), "52:54:00:12:34:66", false)
	for i, state := range []usher.State{usher.Active, usher.DeployWait} {
		n := &usher.Node{UUID: fmt.Sprintf("11111111-2222-4333-8444-55555555550%d", i+2), Driver: "manual-management",
			BootInterface: "ipxe", DeployInterface: "direct", ProvisionState: state}
		if i == 1 { // which cannot be prepared
			n.DriverInfo = map[string]any{"deploy_kernel": "file:///none", "deploy_ramdisk": "file:///none"}
		}
		if err := a.store.CreateNode(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		if err := a.store.CreatePort(t.Context(), &usher.Port{UUID: fmt.Sprintf("aaaaaaaa-2222-4333-8444-55555555550%d", i+2),
			NodeID: n.ID, NodeUUID: n.UUID, PXEEnabled: true, Address: usher.MAC{0x52, 0x54, 0, 0x12, 0x34, 0x57 + byte(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	var flagged, probed []string
	for _, o := range a.Config().Settings() {
		if o.Reloadable {
			flagged = append(flagged, "["+o.Group+"]"+o.Name)
		}
	}
	for option, p := range probes {
		probed = append(probed, option)
		before := p.probe(a)
		s.write(option + "=" + p.value)
		if err := a.Reload(t.Context()); err != nil {
			t.Fatalf("%s: %v", option, err)
		}
		if after := p.probe(a); after == before {
			t.Errorf("%s = %s had no effect: %q", option, p.value, after)
		}
		s.write()
		if err := a.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if after := p.probe(a); after != before {
			t.Errorf("%s is not what it was: %q, then %q", option, before, after)
		}
	}
	slices.Sort(flagged)
	slices.Sort(probed)
	if diff := cmp.Diff(flagged, probed); diff != "" {
		t.Errorf("options flagged as reloadable (-) and proven to be so (+):\n%s", diff)
	}

	// What takes a restart is as it was, everywhere, and said so.
	before := installed(a)
	s.write("[pxe]pxe_config_subdir=elsewhere", "[DEFAULT]my_ip=192.0.2.1", "[conductor]heartbeat_timeout=1")
	if err := a.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if installed(a) != before || a.Config().PXE.PXEConfigSubdir == "elsewhere" || a.Config().Default.MyIP != "127.0.0.1" {
		t.Error("an option that takes a restart was reloaded")
	}
	a.log.buffer.flush()
	if log := s.log.String(); !strings.Contains(log, `only a restart puts it in force" option=[pxe]pxe_config_subdir`) {
		t.Errorf("no warning:\n%s", log)
	}
}

// TestSQLiteByItsDriver: SQLite is SQLite, also where the URL names Python's
// driver for it: one process, without RPC.
func TestSQLiteByItsDriver(t *testing.T) {
	s := newSite(t)
	a := s.run("[database]connection=sqlite+pysqlite:///" + filepath.Join(s.dir, "other.sqlite") + "?timeout=0.5")
	if at := a.Addr(DoorRPC); at != "" {
		t.Errorf("RPC listens at %s", at)
	}
	if got := a.Inventory(); got != "SQLite "+filepath.Join(s.dir, "other.sqlite") {
		t.Error(got)
	}
}

// TestPortNotToBootFrom: a node is answered at its port that is to boot from
// and not at the other, which hears what a stranger hears.
func TestPortNotToBootFrom(t *testing.T) {
	s := newSite(t)
	a := s.run()
	a.port(a.node(usher.DeployWait, s.image()), "52:54:00:12:34:66", false)
	id := []string{"X-Openstack-Request-Id", usher.RequestID("")}
	for _, door := range []string{DoorMachines, DoorManagement} {
		if got := a.get(door, bootPath); got.status != 200 {
			t.Errorf("%s door, the port to boot from: %+v", door, got)
		}
		got := a.do("GET", door, strings.Replace(bootPath, ":56", ":66", 1), "", id...)
		want := a.do("GET", door, strings.Replace(bootPath, ":56", ":77", 1), "", id...) // nobody's
		got.header.Del("Date")
		want.header.Del("Date")
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(reply{})); diff != "" || got.status != 404 {
			t.Errorf("%s door (-unknown MAC +port not to boot from):\n%s", door, diff)
		}
	}
	const counter = `usher_boot_requests_total{cause="pxe_disabled",file="boot.ipxe",outcome="no"} 2`
	if metrics := a.get(DoorAdmin, "/metrics").body; !strings.Contains(metrics, counter) {
		t.Errorf("no %s in\n%s", counter, metrics)
	}
	if asked := a.get(DoorAdmin, "/v1/requests?cause=pxe_disabled").body; strings.Count(asked, "has pxe_enabled = false") != 2 {
		t.Errorf("requests: %s", asked)
	}
	a.log.buffer.flush()
	if log := s.log.String(); !strings.Contains(log, "cause=pxe_disabled") {
		t.Errorf("the log:\n%s", log)
	}
}

func TestBadReload(t *testing.T) {
	s := newSite(t)
	a := s.run("[usher]retry_after=5")
	for _, bad := range []string{"[usher]retry_after=soon", "[usher]template_dir=/nonexistent", "[api]max_limit=0"} {
		s.write("[api]restrict_boot_config=false", bad)
		if err := a.Reload(t.Context()); err == nil {
			t.Errorf("%s was accepted", bad)
		}
		if c := a.Config(); !c.API.RestrictBootConfig || c.Usher.RetryAfter != 5*time.Second {
			t.Errorf("%s: half of a bad configuration is in force", bad)
		}
	}
	if err := os.Remove(s.file); err != nil {
		t.Fatal(err)
	}
	if err := a.Reload(t.Context()); err == nil {
		t.Error("a missing file was accepted")
	}
	s.write("[usher]retry_after=6")
	if err := a.Reload(t.Context()); err != nil || a.Config().Usher.RetryAfter != 6*time.Second {
		t.Errorf("a good one after bad ones: %v", err)
	}
}

// TestStop: a request that is being answered when the process is told to stop
// gets its answer, and the conductor is offline afterwards.
func TestStop(t *testing.T) {
	s := newSite(t)
	a := s.run()
	asked, let := make(chan struct{}, 2), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-let
		io.WriteString(w, "image")
	}))
	defer server.Close()
	a.node(usher.DeployWait, server.URL+"/image")
	answered := make(chan reply, 1)
	go func() { answered <- a.get(DoorMachines, bootPath) }()
	<-asked
	stopped := make(chan error, 1)
	go func() { stopped <- a.stop() }()
	got := <-answered
	close(let)
	if got.status != 200 && (got.status != 503 || got.header.Get("Retry-After") == "") {
		t.Errorf("the request in flight: %+v", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	store, err := OpenStore(t.Context(), a.Config())
	if err != nil {
		t.Fatal(err)
	}
	conductors, err := store.Conductors(t.Context())
	if err != nil || len(conductors) != 1 || conductors[0].Online {
		t.Errorf("after the stop: %+v, %v", conductors, err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	s.run() // and a next one starts
}

// TestStopCutsOff: a client that never ends does not keep the process, and is
// no reason to call the stop a failure.
func TestStopCutsOff(t *testing.T) {
	s := newSite(t)
	a := s.run("[usher]shutdown_timeout=0.1")
	big := filepath.Join(s.dir, httpFolder, "big")
	if err := os.WriteFile(big, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, 1<<30); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", a.Addr(DoorMachines))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
	if _, err := conn.Read(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := a.stop(); err != nil {
		t.Errorf("Run: %v", err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("stopped after %v", took)
	}
	if log := s.log.String(); !strings.Contains(log, "cut off") || !strings.Contains(log, DoorMachines) {
		t.Errorf("not said:\n%s", log)
	}
}

// pair writes a certificate for 127.0.0.1 with a serial number.
func (s *site) pair(serial int64) (cert, key string) {
	s.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "usher"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		s.t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		s.t.Fatal(err)
	}
	cert, key = filepath.Join(s.dir, "cert.pem"), filepath.Join(s.dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			s.t.Fatal(err)
		}
		when := time.Unix(1700000000+serial, 0) // as on a coarse clock, but different
		if err := os.Chtimes(path, when, when); err != nil {
			s.t.Fatal(err)
		}
	}
	return cert, key
}

func TestTLS(t *testing.T) {
	s := newSite(t)
	cert, key := s.pair(1)
	a := s.run("[usher]boot_tls_listen=127.0.0.1:0", "[ssl]cert_file="+cert, "[ssl]key_file="+key)
	a.node(usher.DeployWait, s.image())
	serial := func() int64 {
		t.Helper()
		conn, err := tls.Dial("tcp", a.Addr(DoorMachinesTLS), &tls.Config{InsecureSkipVerify: true}) // whose it is is looked at below
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", bootPath)
		if got, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 200 OK") {
			t.Fatalf("%v: %s", err, got)
		}
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Errorf("serial %d", got)
	}
	if err := os.WriteFile(cert, []byte("half a certif"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := serial(); got != 1 {
		t.Errorf("while it is being replaced: serial %d", got)
	}
	s.pair(2)
	if got := serial(); got != 2 {
		t.Errorf("after its renewal: serial %d", got)
	}
}

// TestDeployOverHTTP: one node from its creation to its boot file by what
// clients call, in one process.
func TestDeployOverHTTP(t *testing.T) {
	s := newSite(t)
	a := s.run()
	image := s.image()
	created := a.do("POST", DoorManagement, "/v1/nodes", `{"driver": "manual-management", "name": "n1", "driver_info": {"deploy_kernel": "`+
		image+`", "deploy_ramdisk": "`+image+`"}}`)
	var node struct{ UUID string }
	if err := json.Unmarshal([]byte(created.body), &node); err != nil || created.status != 201 {
		t.Fatalf("%+v %v", created, err)
	}
	if got := a.do("POST", DoorManagement, "/v1/ports", `{"address": "`+aMAC+`", "node_uuid": "`+node.UUID+`"}`); got.status != 201 {
		t.Fatalf("%+v", got)
	}
	for _, step := range []struct{ verb, want string }{{"manage", "manageable"}, {"provide", "available"}, {"active", "wait call-back"}} {
		if got := a.do("PUT", DoorManagement, "/v1/nodes/n1/states/provision", `{"target": "`+step.verb+`"}`); got.status != 202 {
			t.Fatalf("%s: %+v", step.verb, got)
		}
		deadline := time.After(20 * time.Second)
		for got := ""; !strings.Contains(got, `"provision_state": "`+step.want+`"`) && !strings.Contains(got, `"provision_state":"`+step.want+`"`) ||
			!strings.Contains(strings.ReplaceAll(got, " ", ""), `"reservation":null`); got = a.get(DoorManagement, "/v1/nodes/n1").body {
			select {
			case <-deadline:
				t.Fatalf("never %q: %s", step.want, got)
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	if got := a.get(DoorMachines, bootPath); got.status != 200 {
		t.Errorf("%+v", got)
	}
}

// ironic makes an Ironic database of the golden dump.
func (s *site) ironic() (file string) {
	s.t.Helper()
	dump, err := os.ReadFile("../inventory/testdata/ironic/sqlite.sql")
	if err != nil {
		s.t.Fatal(err)
	}
	file = filepath.Join(s.dir, "ironic.sqlite")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(s.t.Context(), string(dump)); err != nil {
		s.t.Fatal(err)
	}
	return file
}

// TestLeastTLS: [json_rpc] and [api] say what TLS their listeners allow, and
// machines' firmware knows none of it.
func TestLeastTLS(t *testing.T) {
	s := newSite(t)
	cert, key := s.pair(1)
	port, err := testenv.Port("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	own := []string{"[api]enable_ssl_api=true", "[usher]boot_tls_listen=127.0.0.1:0", "[ssl]cert_file=" + cert, "[ssl]key_file=" + key}
	beside := append(slices.Clone(own), "[database]connection=sqlite:///"+s.ironic(), "[json_rpc]use_ssl=true", "[usher]rpc_listen=127.0.0.1:"+port,
		"[deploy]http_root="+s.dir, "[pxe]tftp_root="+s.dir)
	const aes128, aes256 = tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
	for _, c := range []struct {
		options []string
		door    string
		most    uint16 // version that the client speaks
		cipher  uint16 // 0: any
		want    bool
	}{
		{nil, DoorRPC, tls.VersionTLS12, 0, true},
		{nil, DoorRPC, tls.VersionTLS11, 0, false},
		{nil, DoorManagement, tls.VersionTLS12, 0, true},
		{[]string{"[json_rpc]server_tls_minimum_version=1.3"}, DoorRPC, tls.VersionTLS12, 0, false},
		{[]string{"[json_rpc]server_tls_minimum_version=1.3"}, DoorRPC, tls.VersionTLS13, 0, true},
		{[]string{"[json_rpc]server_tls_minimum_version=1.3"}, DoorManagement, tls.VersionTLS12, 0, true},
		{[]string{"[json_rpc]tls_minimum_version=1.3"}, DoorRPC, tls.VersionTLS12, 0, false},
		{[]string{"[api]server_tls_minimum_version=1.3"}, DoorManagement, tls.VersionTLS12, 0, false},
		{[]string{"[api]server_tls_minimum_version=1.3"}, DoorMachinesTLS, tls.VersionTLS12, 0, true},
		// Only a release whose default is 1.3 has the option.
		{[]string{"[json_rpc]server_tls_ciphers=HIGH:!aNULL"}, DoorRPC, tls.VersionTLS12, 0, false},
		{[]string{"[json_rpc]server_tls_ciphers=ECDHE-ECDSA-AES256-GCM-SHA384", "[json_rpc]server_tls_minimum_version=1.2"},
			DoorRPC, tls.VersionTLS12, aes128, false},
		{[]string{"[json_rpc]server_tls_ciphers=ECDHE-ECDSA-AES256-GCM-SHA384", "[json_rpc]server_tls_minimum_version=1.2"},
			DoorRPC, tls.VersionTLS12, aes256, true},
		{[]string{"[api]cert_file=" + cert, "[api]key_file=" + key, "[ssl]cert_file=", "[usher]boot_tls_listen="},
			DoorManagement, tls.VersionTLS12, 0, true},
	} {
		base := own
		if c.door == DoorRPC {
			base = beside // an agent's
		}
		a, err := s.new(append(slices.Clone(base), c.options...)...)
		if err != nil {
			t.Fatalf("%v: %v", c.options, err)
		}
		client := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: c.most}
		if c.cipher != 0 {
			client.CipherSuites = []uint16{c.cipher}
		}
		i := slices.IndexFunc(a.doors, func(d *door) bool { return d.name == c.door })
		done := make(chan struct{})
		go func() {
			defer close(done)
			if conn, err := a.doors[i].listener.Accept(); err == nil {
				_ = conn.(*tls.Conn).HandshakeContext(t.Context()) // the client tells
				conn.Close()
			}
		}()
		conn, err := (&tls.Dialer{Config: client}).DialContext(t.Context(), "tcp", a.Addr(c.door))
		if err == nil {
			conn.Close()
		}
		if (err == nil) != c.want {
			t.Errorf("%v, %s, TLS %x, cipher %x: %v", c.options, c.door, c.most, c.cipher, err)
		}
		<-done
		if err := a.lifecycle.stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
	_, err = s.new(append(beside, "[json_rpc]server_tls_ciphers=HIGH:!aNULL", "[json_rpc]server_tls_minimum_version=1.2")...)
	if err == nil || !strings.Contains(err.Error(), `[json_rpc]server_tls_ciphers: "HIGH" is no cipher that Usher can use`) ||
		!strings.Contains(err.Error(), "[json_rpc]server_tls_minimum_version = 1.3") {
		t.Errorf("a group of ciphers: %v", err)
	}
}
