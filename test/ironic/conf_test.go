package ironic

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// ironicConf is one host's ironic.conf; all but the addresses and folders is
// as in a Bifrost, made fast. What is in braces differs.
const ironicConf = `
[DEFAULT]
host = {host}
my_ip = {ip}
auth_strategy = noauth
rpc_transport = {transport}
enabled_hardware_types = manual-management,fake-hardware
enabled_boot_interfaces = {boots},fake
enabled_deploy_interfaces = direct,ramdisk,custom-agent,fake
enabled_power_interfaces = fake
enabled_management_interfaces = noop,fake
enabled_network_interfaces = noop
enabled_inspect_interfaces = {inspects}
enabled_rescue_interfaces = agent,no-rescue
enabled_raid_interfaces = no-raid
enabled_vendor_interfaces = no-vendor
enabled_console_interfaces = no-console
enabled_bios_interfaces = no-bios
enabled_storage_interfaces = noop
state_path = {folder}/state
hash_ring_algorithm = {algorithm}
hash_partition_exponent = {exponent}
hash_ring_reset_interval = 2
graceful_shutdown_timeout = 3
[api]
host_ip = {first}
port = {api port}
api_workers = 1
[json_rpc]
host_ip = {ip}
port = {rpc port}
{rpc auth}
[database]
connection = {database}
[deploy]
http_root = {folder}/http
http_url = http://{ip}:8080
[pxe]
tftp_root = $state_path/tftp
tftp_master_path = $state_path/tftp/master_images
images_path = {folder}/images
instance_master_path = {folder}/images/master
ipxe_boot_script = {boot.ipxe}
{ipxe template}
[conductor]
conductor_group = {group}
automated_clean = false
heartbeat_interval = 1
heartbeat_timeout = 8
sync_power_state_interval = 0
sync_local_state_interval = 3
node_locked_retry_attempts = 5
file_url_allowed_paths = {images}
[dhcp]
dhcp_provider = none
[service_catalog]
endpoint_override = http://{first}:{api port}
`

// ironicConf is the ironic.conf of a host for a release.
func (s *site) ironicConf(i int, r release) string {
	inspects := "no-inspect"
	if r.current() {
		inspects = "agent,no-inspect"
	}
	return strings.NewReplacer("{host}", s.host(i), "{transport}", s.transport(), "{ip}", s.hosts[i], "{first}", s.hosts[0],
		"{folder}", s.folder(i), "{images}", s.dir, "{boots}", strings.Join(r.boots(), ","), "{inspects}", inspects,
		"{algorithm}", s.layout.algorithm, "{exponent}", fmt.Sprint(s.layout.exponent), "{group}", s.layout.groups[i],
		"{api port}", s.apiPort, "{rpc port}", s.layout.rpcPort, "{rpc auth}", s.rpcAuth(r),
		"{database}", s.server.URL(s.database), "{boot.ipxe}", s.bootScript,
		"{ipxe template}", s.ipxeTemplate(r)).Replace(ironicConf)
}

// rpcAuth is the part of [json_rpc] about credentials. 21.4 has those of many an
// older ironic.conf, with names that are deprecated.
func (s *site) rpcAuth(r release) string {
	if !s.layout.secure {
		return "auth_strategy = noauth"
	}
	cert, key := s.certificate()
	user, files := "", "\ncert_file = "+cert+"\nkey_file = "+key
	if r.current() {
		user = "\nusername = ironic\npassword = s3cret\nserver_tls_minimum_version = 1.3"
	} else {
		user = "\nhttp_basic_username = ironic\nhttp_basic_password = s3cret"
	}
	if r.major <= 29 { // which has no certificate for RPC alone
		files = "\n[ssl]" + files
	}
	return "auth_strategy = http_basic\nauth_type = http_basic" + user + "\nhttp_basic_auth_user_file = " +
		s.htpasswd("ironic") + "\nuse_ssl = true\ncafile = " + cert + files
}

// htpasswd is a file with one account, whose password is s3cret.
func (s *site) htpasswd(account string) (path string) {
	s.tb.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("s3cret"), bcrypt.MinCost)
	if err != nil {
		s.tb.Fatal(err)
	}
	return s.write("htpasswd-"+account, account+":"+strings.Replace(string(hash), "$2a$", "$2y$", 1)+"\n")
}

// ipxeTemplate is, where RPC has TLS, as Metal3 has it: Ironic's own template, and
// a ramdisk of certificates whose name is relative to Ironic's web server.
func (s *site) ipxeTemplate(r release) string {
	s.tb.Helper()
	if !s.layout.secure {
		return ""
	}
	template, err := os.ReadFile(filepath.Join("/", r.root, "/usr/lib/python3/dist-packages/ironic/drivers/modules/ipxe_config.template"))
	if err != nil {
		s.tb.Fatal(err)
	}
	with := strings.Replace(string(template), "\nboot\n", "\ninitrd "+certificates+" || goto retry\nboot\n", 1)
	return "ipxe_timeout = 30\nipxe_config_template = " + s.write("ipxe_config.template", with)
}

const certificates = "../ipa-cacert-bundle"

// host is [DEFAULT]host: an address, or a name that leads nowhere where there is a
// message bus.
func (s *site) host(i int) string {
	if s.layout.bus != nil {
		return fmt.Sprintf("conductor-%d", i+1)
	}
	return s.hosts[i]
}

func (s *site) transport() string {
	if s.layout.bus != nil {
		return "oslo\ntransport_url = " + s.layout.bus.url
	}
	return "json-rpc"
}
