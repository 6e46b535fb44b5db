package ironic

import (
	"fmt"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// ironicConf is one host's ironic.conf; all but the addresses and folders is
// as in a Bifrost, made fast.
const ironicConf = `
[DEFAULT]
host = %[1]s
my_ip = %[1]s
auth_strategy = noauth
rpc_transport = json-rpc
enabled_hardware_types = manual-management,fake-hardware
enabled_boot_interfaces = %[13]s,fake
enabled_deploy_interfaces = direct,ramdisk,custom-agent,fake
enabled_power_interfaces = fake
enabled_management_interfaces = noop,fake
enabled_network_interfaces = noop
enabled_inspect_interfaces = %[14]s
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

// conf writes the ironic.conf of a host.
func (s *site) conf(i int, apiPort, script string) (path string) {
	s.tb.Helper()
	inspect := "no-inspect"
	if s.release.current() {
		inspect = "agent,no-inspect"
	}
	return s.write(fmt.Sprintf("host%d/ironic.conf", i+1), fmt.Sprintf(ironicConf, s.hosts[i], s.folder(i), s.layout.algorithm, s.layout.exponent,
		s.hosts[0], apiPort, s.layout.rpcPort, s.rpcAuth(), s.server.URL(s.database), script, s.layout.groups[i], s.dir,
		strings.Join(s.boots(), ","), inspect))
}

// boots are the boot interfaces that read what Usher serves.
func (s *site) boots() []string {
	if s.release.current() {
		return []string{"ipxe", "pxe", "http", "http-ipxe"}
	}
	return []string{"ipxe", "pxe"}
}

// rpcAuth is the part of [json_rpc] about credentials, for the older release
// with the deprecated names that many an ironic.conf still has.
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
	common := "auth_strategy = http_basic\nauth_type = http_basic\nhttp_basic_auth_user_file = " + file + "\nuse_ssl = true\ncafile = " + cert
	if s.release.current() {
		return common + "\nusername = ironic\npassword = s3cret\ncert_file = " + cert + "\nkey_file = " + key
	}
	return common + "\nhttp_basic_username = ironic\nhttp_basic_password = s3cret\n[ssl]\ncert_file = " + cert + "\nkey_file = " + key
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
