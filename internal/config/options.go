package config

import (
	"math"
	"slices"
	"time"
)

const (
	noMin = math.MinInt
	noMax = math.MaxInt
)

// options is the table: each option of each group, bound to its field of c.
// Names, types and defaults are Ironic 21.4's (ironic/conf, ironic_lib, oslo.db
// and oslo.service) unless the help says otherwise. What may be reloaded is
// what internal/app can replace while it runs; its tests hold both together.
func options(c *Config) []option {
	return slices.Concat(
		defaultOptions(&c.Default), apiOptions(&c.API), conductorOptions(&c.Conductor),
		databaseOptions(&c.Database), deployOptions(&c.Deploy), pxeOptions(&c.PXE),
		jsonRPCOptions(&c.JSONRPC), sslOptions(&c.SSL), neutronOptions(&c.Neutron), inspectorOptions(&c.Inspector),
		usherOptions(&c.Usher),
	)
}

// inGroup names the rows' group once.
func inGroup(group string, rows []option) []option {
	for i := range rows {
		rows[i].group = group
	}
	return rows
}

func name(s string) id { return id{name: s} }

func defaultOptions(d *Default) []option {
	return inGroup("DEFAULT", []option{
		{id: name("host"), kind: text(), into: &d.Host, compute: hostName, computed: "the host's name; beside Ironic its full name, as Python finds it",
			help: "Name of this conductor, as it stands in the `conductors` table. Beside Ironic it must be what Ironic's `host` is; Usher adds the port where Ironic does."},
		{id: name("my_ip"), kind: text(), into: &d.MyIP, compute: myIP, computed: "the address this host reaches the outside from",
			help: "This host's IPv4 address, for references (`$my_ip`) and for URLs that machines are given."},
		{id: name("state_path"), kind: absolutePath(), into: &d.StatePath, compute: statePath,
			computed: "`$STATE_DIRECTORY` where systemd sets it, `/var/lib/usher` as root, else `$XDG_STATE_HOME/usher` or `~/.local/state/usher`",
			help:     "Folder of what Usher keeps. (Ironic's default is its own code's folder.)"},
		{id: name("debug"), kind: boolean(), into: &d.Debug, def: "false", reload: true, help: "Log debug messages too."},
		{id: name("use_json"), kind: boolean(), into: &d.UseJSON, def: "false", help: "Log lines are JSON."},
		{id: name("auth_strategy"), kind: choice("noauth", "http_basic", "keystone"), into: &d.AuthStrategy, def: "noauth",
			help: "How the management API knows its callers. (Ironic's default is keystone.)"},
		{id: name("http_basic_auth_user_file"), kind: text(), into: &d.HTTPBasicAuthUserFile, def: "/etc/ironic/htpasswd",
			help: "Apache htpasswd file for `auth_strategy = http_basic`."},
		{id: name("enabled_hardware_types"), kind: list(text()), into: &d.EnabledHardwareTypes, def: "manual-management",
			help: "Hardware types this conductor registers. (Ironic's default is ipmi,redfish.)"},
		{id: name("enabled_boot_interfaces"), kind: list(text()), into: &d.EnabledBootInterfaces, def: "ipxe,http-ipxe,pxe,http",
			help: "Boot interfaces nodes may have. (Ironic's default is ipxe,pxe,redfish-virtual-media.)"},
		{id: name("enabled_deploy_interfaces"), kind: list(text()), into: &d.EnabledDeployInterfaces, def: "direct,custom-agent,ramdisk",
			help: "Deploy interfaces nodes may have. (Ironic's default is direct,ramdisk.)"},
		{id: name("default_boot_interface"), kind: text(), into: &d.DefaultBootInterface,
			help: "Boot interface of nodes that name none; unset: the first enabled one that the hardware type supports."},
		{id: name("default_deploy_interface"), kind: text(), into: &d.DefaultDeployInterface, def: "direct",
			help: "Deploy interface of nodes that name none. (Ironic has no default.)"},
		{id: name("hash_partition_exponent"), kind: integer(0, 20), into: &d.HashPartitionExponent, def: "5",
			help: "Each conductor has 2 to the power of this many partitions of the hash ring. The same on all hosts. (Ironic allows 32, for which no host has the memory.)"},
		{id: name("hash_ring_reset_interval"), kind: seconds(0, noMax), into: &d.HashRingResetInterval, def: "15",
			help: "Age at which a hash ring is rebuilt on its next use."},
		{id: name("hash_ring_algorithm"), kind: choice("blake2b", "blake2s", "md5", "sha1", "sha224", "sha256", "sha384", "sha512",
			"sha3_224", "sha3_256", "sha3_384", "sha3_512"), into: &d.HashRingAlgorithm, def: "md5",
			help: "Hash function of the ring. The same on all hosts, and Ironic's beside Ironic. (Ironic allows shake_128 and shake_256 too, and then fails to build a ring.)"},
	})
}

func apiOptions(a *API) []option {
	return inGroup("api", []option{
		{id: name("host_ip"), kind: hostAddress(), into: &a.HostIP, def: "127.0.0.1",
			help: "Address the management API listens on. (Ironic's default is 0.0.0.0.)"},
		{id: name("port"), kind: port(), into: &a.Port, def: "6385", help: "Port the management API listens on."},
		{id: name("restrict_boot_config"), kind: boolean(), into: &a.RestrictBootConfig, def: "true", reload: true,
			help: "Answer boot configurations only for nodes in a wait state (`wait call-back`, `clean wait` and the like)."},
		{id: name("restrict_lookup"), kind: boolean(), into: &a.RestrictLookup, def: "true", reload: true,
			help: "Answer a ramdisk's lookup only for nodes in a state in which a ramdisk runs."},
		{id: name("max_limit"), kind: integer(1, noMax), into: &a.MaxLimit, def: "1000", reload: true,
			help: "Most items of a list in one answer."},
		{id: name("public_endpoint"), kind: webURL(), into: &a.PublicEndpoint, reload: true,
			help: "URL that links in answers start with; unset: the one that was asked."},
		{id: name("enable_ssl_api"), kind: boolean(), into: &a.EnableSSLAPI, def: "false",
			help: "Serve the management API over TLS."},
		{id: name("cert_file"), kind: text(), into: &a.CertFile, help: "Server certificate of the management API; unset: that of `[ssl]`."},
		{id: name("key_file"), kind: text(), into: &a.KeyFile, help: "Key of `cert_file`."},
		minimumVersion("api", &a.ServerTLSMinimumVersion),
		ciphers(&a.ServerTLSCiphers),
	})
}

func conductorOptions(c *Conductor) []option {
	return inGroup("conductor", []option{
		{id: name("heartbeat_interval"), kind: seconds(1, noMax), into: &c.HeartbeatInterval, def: "10",
			help: "Time between heartbeats of a conductor."},
		{id: name("heartbeat_timeout"), kind: seconds(0, 315576000), into: &c.HeartbeatTimeout, def: "60",
			help: "Time without heartbeats after which a conductor no longer counts as active."},
		{id: name("automated_clean"), kind: boolean(), into: &c.AutomatedClean, def: "false", reload: true,
			help: "Clean nodes before they become available. (Ironic's default is true.)"},
		{id: name("conductor_group"), kind: text(), into: &c.ConductorGroup, help: "Group this conductor belongs to."},
		{id: name("file_url_allowed_paths"), kind: list(absolutePath()), into: &c.FileURLAllowedPaths,
			def:  "$state_path/images",
			help: "Folders that `file://` URLs of images may point into: everything below is published to machines. Empty: no such URLs. (Ironic's default is a list of folders of its own.)"},
		{id: name("check_provision_state_interval"), kind: seconds(0, noMax), into: &c.CheckProvisionStateInterval, def: "60", reload: true,
			help: "Time between looks for nodes that wait too long; 0: never."},
		waiting("deploy_callback_timeout", &c.DeployCallbackTimeout, "`wait call-back`"),
		waiting("clean_callback_timeout", &c.CleanCallbackTimeout, "`clean wait`"),
		waiting("rescue_callback_timeout", &c.RescueCallbackTimeout, "`rescue wait`"),
		waiting("inspect_wait_timeout", &c.InspectWaitTimeout, "`inspect wait`"),
		waiting("service_callback_timeout", &c.ServiceCallbackTimeout, "`service wait`"),
		{id: name("deploy_kernel"), kind: text(), into: &c.DeployKernel, reload: true, help: "Kernel for deploying and cleaning, for nodes that name none."},
		{id: name("deploy_ramdisk"), kind: text(), into: &c.DeployRamdisk, reload: true, help: "Ramdisk for deploying and cleaning, for nodes that name none."},
		{id: name("rescue_kernel"), kind: text(), into: &c.RescueKernel, reload: true, help: "Kernel for rescue, for nodes that name none."},
		{id: name("rescue_ramdisk"), kind: text(), into: &c.RescueRamdisk, reload: true, help: "Ramdisk for rescue, for nodes that name none."},
	})
}

func databaseOptions(d *Database) []option {
	return inGroup("database", []option{
		{id: name("connection"), kind: text(), into: &d.Connection, def: "sqlite:///$state_path/usher.sqlite", secret: true, url: true,
			old:  []id{{"DEFAULT", "sql_connection"}, {"DATABASE", "sql_connection"}, {"sql", "connection"}},
			help: "The database, as SQLAlchemy writes it: `sqlite:///PATH`, `mysql+pymysql://USER:PASSWORD@HOST/NAME`, `postgresql://...`. Ironic's own is only read. A `read_default_file` is read as PyMySQL reads it; `usher config show` says what it gives. (Ironic has no default.)"},
		{id: name("max_pool_size"), kind: integer(0, noMax), into: &d.MaxPoolSize, def: "5",
			help: "Connections kept open; 0: as many as are asked for."},
		{id: name("max_overflow"), kind: integer(noMin, noMax), into: &d.MaxOverflow, def: "50",
			old:  []id{{"DEFAULT", "sql_max_overflow"}, {"DATABASE", "sqlalchemy_max_overflow"}},
			help: "Connections beyond `max_pool_size` when there is much to do."},
	})
}

func deployOptions(d *Deploy) []option {
	return inGroup("deploy", []option{
		{id: name("http_url"), kind: webURL(), into: &d.HTTPURL, reload: true,
			help: "URL under which machines find kernels and ramdisks, `/images/...`; unset: Usher's machines' door."},
		{id: name("http_root"), kind: text(), into: &d.HTTPRoot,
			help: "Folder of kernels, ramdisks and loaders that machines fetch over HTTP, beside Ironic also of its boot files; unset: `$state_path/httpboot`, beside Ironic `/httpboot` (Ironic's default)."},
	})
}

func pxeOptions(p *PXE) []option {
	return inGroup("pxe", []option{
		{id: name("kernel_append_params"), kind: text(), into: &p.KernelAppendParams, def: "nofb nomodeset vga=normal",
			old: []id{name("pxe_append_params")}, reload: true,
			help: "Kernel parameters of network boots, for nodes that have none of their own."},
		{id: name("ipxe_timeout"), kind: seconds(0, noMax), into: &p.IPXETimeout, def: "0", reload: true,
			help: "Time iPXE has to fetch an image; 0: no limit."},
		{id: name("ipxe_use_boot_config_api"), kind: boolean(), into: &p.IPXEUseBootConfigAPI, def: "false", reload: true,
			help: "The root script in `http_root` links to the boot configuration API instead of to static files. (Ironic's specification boot-config-api.)"},
		{id: name("ipxe_config_api_root_url"), kind: webURL(), into: &p.IPXEConfigAPIRootURL, reload: true,
			help: "URL of the boot configuration API for the root script; unset: this process's machines' door. (Ironic's specification boot-config-api.)"},
		{id: name("ipxe_boot_script"), kind: text(), into: &p.IPXEBootScript,
			help: "File to use as the iPXE root script; unset: Usher's own. (Ironic's default is its own.)"},
		{id: name("ipxe_fallback_script"), kind: text(), into: &p.IPXEFallbackScript, reload: true,
			help: "Script that the root script chains to when nothing answers for a machine."},
		{id: name("pxe_config_subdir"), kind: text(), into: &p.PXEConfigSubdir, def: "pxelinux.cfg",
			help: "Folder in the static names of boot files, `pxelinux.cfg/<MAC>`."},
		{id: name("tftp_root"), kind: text(), into: &p.TFTPRoot,
			help: "Folder of files that machines fetch over TFTP; unset: `$state_path/tftpboot`, beside Ironic `/tftpboot` (Ironic's default)."},
		{id: name("tftp_server"), kind: text(), into: &p.TFTPServer, def: "$my_ip", help: "Address of this conductor's TFTP server."},
		{id: name("file_permission"), kind: mode(), into: &p.FilePermission, def: "0644",
			help: "Mode of the files that Usher writes for machines."},
		{id: name("dir_permission"), kind: mode(), into: &p.DirPermission,
			help: "Mode of the folders that Usher makes for machines; unset: as the umask leaves it."},
		{id: name("loader_file_paths"), kind: dict(quoted()), into: &p.LoaderFilePaths,
			help: "Boot loaders to put into the roots: `NAME:PATH,...`."},
		{id: name("image_cache_size"), kind: integer(0, noMax), into: &p.ImageCacheSize, def: "20480",
			help: "Most MiB of kernels and ramdisks kept, those in use included."},
	})
}

func jsonRPCOptions(j *JSONRPC) []option {
	return inGroup("json_rpc", []option{
		{id: name("host_ip"), kind: hostAddress(), into: &j.HostIP, def: "::", help: "Address JSON-RPC listens on."},
		{id: name("port"), kind: port(), into: &j.Port, def: "8089",
			help: "Port JSON-RPC listens on. Beside Ironic it is Ironic's own, and since 2025.1 part of its conductor's name where it is not 8089."},
		{id: name("auth_strategy"), kind: choice("noauth", "http_basic", "keystone"), into: &j.AuthStrategy,
			compute: globalAuth, computed: "`[DEFAULT]auth_strategy`", help: "How conductors know their callers."},
		{id: name("http_basic_auth_user_file"), kind: text(), into: &j.HTTPBasicAuthUserFile, def: "/etc/ironic/htpasswd-json-rpc",
			help: "Apache htpasswd file for `auth_strategy = http_basic`."},
		{id: name("username"), kind: text(), into: &j.Username, old: []id{name("user-name"), name("user_name"), name("http_basic_username")},
			help: "Name to call other conductors with."},
		{id: name("password"), kind: text(), into: &j.Password, secret: true, old: []id{name("http_basic_password")},
			help: "Password to call other conductors with."},
		{id: name("use_ssl"), kind: boolean(), into: &j.UseSSL, def: "false", help: "Serve JSON-RPC over TLS, and call others so."},
		{id: name("client_use_ssl"), kind: boolean(), into: &j.ClientUseSSL, def: "false", help: "Call others over TLS even without `use_ssl`."},
		{id: name("cafile"), kind: text(), into: &j.Cafile, help: "Certificates of authorities to check other conductors by; unset: the system's."},
		{id: name("certfile"), kind: text(), into: &j.Certfile, help: "Client certificate to call others with."},
		{id: name("keyfile"), kind: text(), into: &j.Keyfile, help: "Key of `certfile`."},
		{id: name("insecure"), kind: boolean(), into: &j.Insecure, def: "false", help: "Do not check other conductors' certificates."},
		{id: name("cert_file"), kind: text(), into: &j.CertFile, help: "Server certificate of JSON-RPC; unset: that of `[ssl]`."},
		{id: name("key_file"), kind: text(), into: &j.KeyFile, help: "Key of `cert_file`."},
		minimumVersion("json_rpc", &j.ServerTLSMinimumVersion),
		ciphers(&j.ServerTLSCiphers),
		{id: name("timeout"), kind: seconds(1, noMax), into: &j.Timeout, def: "120", help: "Time a call has."},
	})
}

func sslOptions(s *SSL) []option {
	return inGroup("ssl", []option{
		{id: name("cert_file"), kind: text(), into: &s.CertFile, old: []id{{"DEFAULT", "ssl_cert_file"}}, help: "Server certificate."},
		{id: name("key_file"), kind: text(), into: &s.KeyFile, old: []id{{"DEFAULT", "ssl_key_file"}}, help: "Key of `cert_file`."},
		{id: name("ca_file"), kind: text(), into: &s.CAFile, old: []id{{"DEFAULT", "ssl_ca_file"}}, help: "Certificates of authorities to check clients by."},
	})
}

func neutronOptions(n *Neutron) []option {
	return inGroup("neutron", []option{
		{id: name("add_all_ports"), kind: boolean(), into: &n.AddAllPorts, def: "false", reload: true,
			help: "Answer boot requests of ports with `pxe_enabled = false` as well. Ironic links boot files for such ports only with this option."},
	})
}

func inspectorOptions(i *Inspector) []option {
	return inGroup("inspector", []option{
		{id: name("require_managed_boot"), kind: boolean(), into: &i.RequireManagedBoot, none: true, reload: true,
			help: "Beside Ironic: whether each node in `inspect wait` has a boot file, so that a lost one is waited for; " +
				"unset: yes, except for `inspect_interface = inspector`."},
	})
}

func usherOptions(u *Usher) []option {
	return inGroup("usher", []option{
		{id: name("boot_listen"), kind: listen(false), into: &u.BootListen, def: "0.0.0.0:6386", help: "The machines' door: plain HTTP, no credentials."},
		{id: name("boot_tls_listen"), kind: listen(true), into: &u.BootTLSListen, help: "The machines' door over TLS, with the certificate of `[ssl]`; unset: shut."},
		{id: name("admin_listen"), kind: listen(false), into: &u.AdminListen, def: "127.0.0.1:6387", help: "The operator's door: metrics, health, the live page."},
		{id: name("journal_size"), kind: integer(0, 1000000), into: &u.JournalSize, def: "10000", help: "How many of the last boot requests the operator's door can show; 0: it shows none, and nothing is kept."},
		{id: name("profiling"), kind: boolean(), into: &u.Profiling, def: "false", reload: true,
			help: "Give CPU and memory profiles of the process at the operator's door, below `/debug/pprof/`, for `go tool pprof`."},
		{id: name("rpc_listen"), kind: listen(true), into: &u.RPCListen, help: "Where JSON-RPC listens, instead of at `[json_rpc]host_ip` and `port`; beside Ironic, which has that port, unset means port 8090."},
		{id: name("rpc_timeout"), kind: fraction(), into: &u.RPCTimeout, def: "3", reload: true, help: "Time a conductor has to answer for a boot file."},
		{id: name("rpc_addresses"), kind: conductorAddresses(), into: &u.RPCAddresses,
			help: "Where to call conductors whose name is no address: `NAME:ADDRESS,...`, such as `c1:10.0.0.1,c2:6189:10.0.0.2`. " +
				"A name without a port stands for the conductor on any port."},
		{id: name("files_listen"), kind: listen(true), into: &u.FilesListen, def: "[::]:6389",
			help: "Beside Ironic, where `usher conductor` serves machines over plain HTTP what their GRUB configuration loads from `[pxe]tftp_root`. Empty: it serves nothing, and these names stay paths on a TFTP server."},
		{id: name("files_url"), kind: webURL(), into: &u.FilesURL,
			help: "URL under which machines find `files_listen`, `http://` only; unset: its address, or where that means all addresses the host of `[deploy]http_url` if it is this one's, else `my_ip`."},
		{id: name("insecure_management"), kind: boolean(), into: &u.InsecureManagement, def: "false", help: "Allow the management API without authentication on an address that others can reach."},
		{id: name("insecure_rpc"), kind: boolean(), into: &u.InsecureRPC, def: "false", help: "Allow RPC without authentication on an address that others can reach; beside Ironic there is only a warning."},
		{id: name("allowed_hosts"), kind: list(text()), into: &u.AllowedHosts, help: "Names besides this host's own that the management API without authentication, and the operator's listener on a loopback address, answer to."},
		{id: name("template_dir"), kind: text(), into: &u.TemplateDir, reload: true, help: "Folder of boot file templates that replace the built-in ones."},
		{id: name("max_connections"), kind: integer(1, noMax), into: &u.MaxConnections, def: "4096", help: "Most connections at the machines' door at one time, of some 45 KiB each; then the longest idle one makes room."},
		{id: name("max_requests"), kind: integer(1, noMax), into: &u.MaxRequests, def: "1024", reload: true,
			help: "Most requests for boot files that are decided at one time; those beyond are at once told 503 with `Retry-After`."},
		{id: name("boot_connections_per_source"), kind: integer(0, noMax), into: &u.BootConnectionsPerSource, def: "0", reload: true,
			help: "Most connections of one source address at the machines' door; those beyond are told 429 with `Retry-After`. An IPv6 source is a /64. 0: no limit."},
		{id: name("boot_rate_limit"), kind: integer(0, 1_000_000), into: &u.BootRateLimit, def: "0", reload: true,
			help: "Most requests a second of one source address below `/v1/` at the machines' door; those beyond are told 429 with `Retry-After`. 0: no limit."},
		{id: name("boot_rate_burst"), kind: integer(1, 1_000_000), into: &u.BootRateBurst, def: "32", reload: true,
			help: "Requests that a source may make at once before `boot_rate_limit` counts: more than a machine has NICs."},
		{id: name("boot_allowed_networks"), kind: list(network()), into: &u.BootAllowedNetworks, reload: true,
			help: "Networks from which the machines' door is answered; all others are told 404. Empty: every network."},
		{id: name("shutdown_timeout"), kind: fraction(), into: &u.ShutdownTimeout, def: "10", help: "Time that requests have to end when the program stops."},
		{id: name("retry_after"), kind: seconds(1, noMax), into: &u.RetryAfter, def: "3", reload: true, help: "Pause that a machine is asked to make before it tries again."},
	})
}

// minimumVersion and ciphers are the rows of what a server's TLS allows.
func minimumVersion(group string, into *string) option {
	return option{id: name("server_tls_minimum_version"), kind: choice("1.2", "1.3"), into: into, old: []id{name("tls_minimum_version")},
		compute: leastVersion(group), computed: "`1.3` where `server_tls_ciphers` is set, else `1.2`",
		help: "Least version of TLS that clients must speak. (The default of Ironic 39 is 1.3; Ironic 29 does not have the option.)"}
}

func ciphers(into *string) option {
	return option{id: name("server_tls_ciphers"), kind: text(), into: into, old: []id{name("tls_ciphers")},
		help: "Ciphers of TLS 1.2, by OpenSSL's names, separated by colons; unset: those that Go counts as secure. " +
			"Without effect where TLS 1.3 is the least version. (Ironic takes OpenSSL's groups, such as HIGH, too.)"}
}

// waiting is the row of a bound on a wait state.
func waiting(row string, into *time.Duration, state string) option {
	return option{id: name(row), kind: seconds(0, noMax), into: into, def: "1800", reload: true,
		help: "Time a node may stay in " + state + "; 0: no limit."}
}
