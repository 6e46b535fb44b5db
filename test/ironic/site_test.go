package ironic

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/usher-boot/usher/internal/testenv"
)

// layout is how a site's Ironic is set up.
type layout struct {
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
	layout   layout
	dir      string
	server   *testenv.Server
	database string

	hosts  [conductors]string
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

// ironicConf is one host's ironic.conf; all but the addresses and folders is
// as in a Bifrost, made fast.
const ironicConf = `
[DEFAULT]
host = %[1]s
my_ip = %[1]s
auth_strategy = noauth
rpc_transport = json-rpc
enabled_hardware_types = manual-management,fake-hardware
enabled_boot_interfaces = ipxe,pxe,fake
enabled_deploy_interfaces = direct,ramdisk,custom-agent,fake
enabled_power_interfaces = fake
enabled_management_interfaces = noop,fake
enabled_network_interfaces = noop
enabled_inspect_interfaces = no-inspect
enabled_rescue_interfaces = agent,no-rescue
enabled_raid_interfaces = no-raid
enabled_vendor_interfaces = no-vendor
enabled_console_interfaces = no-console
enabled_bios_interfaces = no-bios
enabled_storage_interfaces = noop
state_path = %[2]s/state
hash_ring_algorithm = %[3]s
hash_partition_exponent = %[4]d
hash_ring_reset_interval = 2
[api]
host_ip = %[5]s
port = %[6]s
api_workers = 1
[json_rpc]
host_ip = %[1]s
port = %[7]s
%[8]s
[database]
connection = %[9]s
[deploy]
http_root = %[2]s/http
http_url = http://%[1]s:8080
[pxe]
tftp_root = $state_path/tftp
tftp_master_path = $state_path/tftp/master_images
images_path = %[2]s/images
instance_master_path = %[2]s/images/master
ipxe_boot_script = %[10]s
[conductor]
conductor_group = %[11]s
automated_clean = false
heartbeat_interval = 1
heartbeat_timeout = 8
sync_power_state_interval = 0
sync_local_state_interval = 600
node_locked_retry_attempts = 5
file_url_allowed_paths = %[12]s
[dhcp]
dhcp_provider = none
[service_catalog]
endpoint_override = http://%[5]s:%[6]s
`

// newSite installs an Ironic, whose processes are not started yet.
func newSite(t *testing.T, l layout) *site {
	t.Helper()
	testenv.NeedProgram(t, "ironic-api", "ironic-conductor", "ironic-dbsync")
	s := &site{tb: t, layout: l, dir: t.TempDir(), server: testenv.SharedMariaDB(t)}
	s.database = s.server.Database(t)
	for _, image := range []string{"kernel", "ramdisk"} {
		s.write(image, image)
	}
	// A net of its own within 127/8, so that two runs do not meet.
	var r [2]byte
	rand.Read(r[:])
	base := fmt.Sprintf("127.%d.%d.", 1+r[0]%250, r[1])
	for i := range s.hosts {
		s.hosts[i] = fmt.Sprintf("%s%d", base, 11+i)
	}
	port := func() string { return testenv.FreePort(t, s.hosts[0]) }
	apiPort, rpcPort, usherPort := port(), port(), port()
	// The last agent listens elsewhere than the others.
	s.addresses = fmt.Sprintf("%s:%[1]s:%s", s.hosts[conductors-1], port())
	s.apiURL = fmt.Sprintf("http://%s:%s", s.hosts[0], apiPort)

	s.door = s.hosts[0] + ":" + port()

	script := s.write("boot.ipxe", s.run("root-script"))
	for i, host := range s.hosts {
		dir := filepath.Join(s.dir, fmt.Sprintf("host%d", i+1))
		for _, sub := range []string{"http", "state/tftp/master_images", "images/master"} {
			if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		s.confs[i] = s.write(fmt.Sprintf("host%d/ironic.conf", i+1), fmt.Sprintf(ironicConf, host, dir, l.algorithm, l.exponent,
			s.hosts[0], apiPort, rpcPort, s.rpcAuth(), s.server.URL(s.database), script, l.groups[i], s.dir))
	}
	if out, err := exec.CommandContext(t.Context(), "ironic-dbsync", "--config-file", s.confs[0], "create_schema").CombinedOutput(); err != nil {
		t.Fatalf("ironic-dbsync: %v\n%s", err, out)
	}
	s.grant()
	for i, host := range s.hosts {
		s.ironic[i] = newProcess(t, "ironic-conductor "+host, "ironic-conductor", "--config-file", s.confs[i])
		s.mine[i] = []string{"--config-file", s.confs[i], "--config-file", s.write(fmt.Sprintf("host%d/usher.conf", i+1), s.usherConf(host, usherPort))}
		role := "conductor"
		if l.secure && i == 0 {
			role = "serve"
		}
		s.agents[i] = newProcess(t, "usher "+role+" on "+host, append([]string{program, role}, s.mine[i]...)...)
		s.agents[i].env = []string{"OS_USHER__BOOT_LISTEN=" + host + ":0"}
	}
	s.api = newProcess(t, "ironic-api", "ironic-api", "--config-file", s.confs[0])
	s.usher, s.open = s.newAPI("true", s.door), s.newAPI("false", s.hosts[0]+":0")
	return s
}

// rpcAuth is the part of [json_rpc] about credentials, with the deprecated
// names that many an ironic.conf still has.
func (s *site) rpcAuth() string {
	if !s.layout.secure {
		return "auth_strategy = noauth"
	}
	hash, err := bcrypt.GenerateFromPassword([]byte("s3cret"), bcrypt.MinCost)
	if err != nil {
		s.tb.Fatal(err)
	}
	file := s.write("htpasswd", "ironic:"+strings.Replace(string(hash), "$2a$", "$2y$", 1)+"\n")
	cert, key := s.certificate()
	return "auth_strategy = http_basic\nauth_type = http_basic\nhttp_basic_auth_user_file = " + file +
		"\nhttp_basic_username = ironic\nhttp_basic_password = s3cret\nuse_ssl = true\ncafile = " + cert +
		"\n[ssl]\ncert_file = " + cert + "\nkey_file = " + key
}

// certificate is one for all hosts, which is its own authority.
func (s *site) certificate() (certFile, keyFile string) {
	s.tb.Helper()
	if s.cert != "" {
		return s.cert, s.cert
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.tb.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		Subject: pkix.Name{CommonName: "site"}, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	for _, host := range s.hosts {
		template.IPAddresses = append(template.IPAddresses, net.ParseIP(host))
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		s.tb.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		s.tb.Fatal(err)
	}
	s.cert = s.write("tls.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))+
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	return s.cert, s.cert
}

// grant makes Usher's account, as an administrator would.
func (s *site) grant() {
	s.tb.Helper()
	statements := s.run("--config-file", s.confs[0], "db", "grants", "--account", "sidecar"+s.database)
	for statement := range strings.SplitSeq(strings.TrimSpace(statements), ";\n") {
		s.server.Admin(s.tb, s.database, strings.TrimSuffix(statement, ";"))
	}
}

// usherConf is what is added to ironic.conf for Usher's processes of a host.
func (s *site) usherConf(host, port string) string {
	listen := host + ":" + port
	if own, ok := strings.CutPrefix(s.addresses, host+":"); ok {
		listen = own
	}
	return fmt.Sprintf("[DEFAULT]\nuse_json = true\n[database]\nconnection = %s\n"+
		"[usher]\nrpc_listen = %s\nrpc_addresses = %s\nadmin_listen = %[4]s:0\nfiles_listen = %[4]s:0\nrpc_timeout = 5\n",
		s.sidecarURL(), listen, s.addresses, host)
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

// index is which conductor a host is.
func (s *site) index(host string) int {
	for i, h := range s.hosts {
		if h == host {
			return i
		}
	}
	s.tb.Fatalf("no conductor %q", host)
	return -1
}

// config is the boot file that a conductor wrote for a node.
func (s *site) config(host string, n *node) string {
	s.tb.Helper()
	content, err := os.ReadFile(s.configPath(host, n))
	if err != nil {
		s.tb.Errorf("%s is to have a file for %s: %v", host, n.name, err)
	}
	return string(content)
}

func (s *site) configPath(host string, n *node) string {
	root := "http"
	if n.boot == "pxe" {
		root = "state/tftp"
	}
	return filepath.Join(s.dir, fmt.Sprintf("host%d", s.index(host)+1), root, n.uuid, "config")
}
