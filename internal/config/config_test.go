package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
)

// load reads text as usher.conf, with a HOME that any user may have.
func load(t *testing.T, text string, environ ...string) (*Config, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("usher.conf", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(Sources{Files: []string{"usher.conf"}, Environ: append(environ, "HOME=/home/u$er")})
}

func mustLoad(t *testing.T, text string, environ ...string) *Config {
	t.Helper()
	c, err := load(t, text, environ...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefaults(t *testing.T) {
	c := mustLoad(t, "[DEFAULT]\nhost = c1\nmy_ip = 192.0.2.7\nstate_path = /srv/usher\n")
	c.settings = nil
	want := &Config{
		Default: Default{
			Host: "c1", MyIP: "192.0.2.7", StatePath: "/srv/usher", AuthStrategy: "noauth", HTTPBasicAuthUserFile: "/etc/ironic/htpasswd",
			EnabledHardwareTypes: []string{"manual-management"}, EnabledBootInterfaces: []string{"ipxe", "http-ipxe", "pxe", "http"},
			EnabledDeployInterfaces: []string{"direct", "custom-agent", "ramdisk"}, DefaultDeployInterface: "direct",
			HashPartitionExponent: 5, HashRingResetInterval: 15 * time.Second, HashRingAlgorithm: "md5",
		},
		API: API{HostIP: "127.0.0.1", Port: 6385, RestrictBootConfig: true, RestrictLookup: true, MaxLimit: 1000, ServerTLSMinimumVersion: "1.2"},
		Conductor: Conductor{
			HeartbeatInterval: 10 * time.Second, HeartbeatTimeout: time.Minute,
			FileURLAllowedPaths:         []string{"/srv/usher/images"},
			CheckProvisionStateInterval: time.Minute,
			DeployCallbackTimeout:       30 * time.Minute, CleanCallbackTimeout: 30 * time.Minute, RescueCallbackTimeout: 30 * time.Minute,
			InspectWaitTimeout: 30 * time.Minute, ServiceCallbackTimeout: 30 * time.Minute,
		},
		Database: Database{Connection: "sqlite:////srv/usher/usher.sqlite", MaxPoolSize: 5, MaxOverflow: 50},
		PXE: PXE{
			KernelAppendParams: "nofb nomodeset vga=normal", PXEConfigSubdir: "pxelinux.cfg", TFTPServer: "192.0.2.7",
			FilePermission: 0o644, LoaderFilePaths: map[string]string{}, ImageCacheSize: 20480,
		},
		JSONRPC: JSONRPC{HostIP: "::", Port: 8089, AuthStrategy: "noauth", HTTPBasicAuthUserFile: "/etc/ironic/htpasswd-json-rpc", Timeout: 2 * time.Minute,
			ServerTLSMinimumVersion: "1.2"},
		Usher: Usher{
			BootListen: "0.0.0.0:6386", AdminListen: "127.0.0.1:6387", RPCTimeout: 3 * time.Second, RPCAddresses: map[string]string{},
			FilesListen:    "[::]:6389",
			MaxConnections: 4096, MaxRequests: 1024, ShutdownTimeout: 10 * time.Second, RetryAfter: 3 * time.Second,
			BootRateBurst: 32, BootAllowedNetworks: []string{}, AllowedHosts: []string{}, JournalSize: 10000,
		},
	}
	if diff := cmp.Diff(want, c, cmp.AllowUnexported(Config{})); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}

func TestComputedDefaults(t *testing.T) {
	c := mustLoad(t, "[DEFAULT]\nauth_strategy = http_basic\n")
	host, _ := os.Hostname()
	if c.Default.Host != host || c.Default.MyIP == "" {
		t.Errorf("host %q, my_ip %q", c.Default.Host, c.Default.MyIP)
	}
	want := "/home/u$er/.local/state/usher"
	if os.Geteuid() == 0 {
		want = "/var/lib/usher"
	}
	if c.Default.StatePath != want {
		t.Errorf("state_path is %q, want %q", c.Default.StatePath, want)
	}
	if c.JSONRPC.AuthStrategy != "http_basic" {
		t.Errorf("[json_rpc]auth_strategy is %q, not that of [DEFAULT]", c.JSONRPC.AuthStrategy)
	}
}

// TestTableMatchesStruct: each field has one row and is named for it, and each
// default is one that its type reads.
func TestTableMatchesStruct(t *testing.T) {
	var c Config
	rows := map[any]option{}
	for _, o := range options(&c) {
		if twice, ok := rows[o.into]; ok {
			t.Errorf("%v and %v share a field", o.id, twice.id)
		}
		rows[o.into] = o
		if o.help == "" || (o.compute != nil) != (o.computed != "") {
			t.Errorf("%v is not documented", o.id)
		}
	}
	plain := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }
	v := reflect.ValueOf(&c).Elem()
	for i := range v.NumField() {
		group := v.Type().Field(i)
		if !group.IsExported() {
			continue
		}
		for j := range v.Field(i).NumField() {
			field := v.Field(i).Type().Field(j).Name
			o, ok := rows[v.Field(i).Field(j).Addr().Interface()]
			if !ok || plain(o.group) != plain(group.Name) || plain(o.name) != plain(field) {
				t.Errorf("%s.%s is the field of %v", group.Name, field, o.id)
			}
			delete(rows, v.Field(i).Field(j).Addr().Interface())
		}
	}
	if len(rows) > 0 {
		t.Errorf("rows without a field: %v", rows)
	}
}

func TestSettings(t *testing.T) {
	c := mustLoad(t, `[DEFAULT]
pybasedir = /usr/lib/ironic
host = $pybasedir/x
[database]
connection = mysql+pymysql://ironic:p@ss?w/rd:1@db/ironic?charset=utf8&password=x
[json_rpc]
password = s3cret
username = ${json_rpc.password}!
[pxe]
file_permission = 0o640
dir_permission = 493
loader_file_paths = b:/b, a:"/a,c"
[usher]
rpc_timeout = 0.25
`, "OS_USHER__RETRY_AFTER=7", "OS_USHER__RETRY_AFTER=8")
	got := map[string]Setting{}
	for _, s := range c.Settings() {
		got["["+s.Group+"]"+s.Name] = s
	}
	for name, want := range map[string]Setting{
		"[DEFAULT]host":                {Value: "/usr/lib/ironic/x", Origin: "usher.conf:3"},
		"[DEFAULT]debug":               {Value: "false", Origin: "default", Reloadable: true},
		"[DEFAULT]auth_strategy":       {Value: "noauth", Origin: "default"},
		"[database]connection":         {Value: "mysql+pymysql://ironic:***@db/ironic?charset=utf8&password=***", Origin: "usher.conf:5"},
		"[json_rpc]password":           {Value: "***", Origin: "usher.conf:7"},
		"[json_rpc]username":           {Value: "***", Origin: "usher.conf:8"},
		"[pxe]file_permission":         {Value: "0640", Origin: "usher.conf:10"},
		"[pxe]dir_permission":          {Value: "0755", Origin: "usher.conf:11"},
		"[pxe]loader_file_paths":       {Value: "a:/a,c,b:/b", Origin: "usher.conf:12"},
		"[usher]rpc_timeout":           {Value: "0.25", Origin: "usher.conf:14", Reloadable: true},
		"[usher]retry_after":           {Value: "7", Origin: "environment OS_USHER__RETRY_AFTER", Reloadable: true},
		"[conductor]rescue_ramdisk":    {Value: "", Origin: "default", Reloadable: true},
		"[conductor]deploy_kernel":     {Value: "", Origin: "default", Reloadable: true},
		"[api]restrict_boot_config":    {Value: "true", Origin: "default", Reloadable: true},
		"[json_rpc]auth_strategy":      {Value: "noauth", Origin: "default"},
		"[conductor]automated_clean":   {Value: "false", Origin: "default", Reloadable: true},
		"[pxe]kernel_append_params":    {Value: "nofb nomodeset vga=normal", Origin: "default", Reloadable: true},
		"[conductor]rescue_kernel":     {Value: "", Origin: "default", Reloadable: true},
		"[usher]allowed_hosts":         {Value: "", Origin: "default"},
		"[usher]insecure_management":   {Value: "false", Origin: "default"},
		"[usher]insecure_rpc":          {Value: "false", Origin: "default"},
		"[conductor]conductor_group":   {Value: "", Origin: "default"},
		"[api]restrict_lookup":         {Value: "true", Origin: "default", Reloadable: true},
		"[conductor]deploy_ramdisk":    {Value: "", Origin: "default", Reloadable: true},
		"[DEFAULT]use_json":            {Value: "false", Origin: "default"},
		"[conductor]heartbeat_timeout": {Value: "60", Origin: "default"},
	} {
		s := got[name]
		s.Group, s.Name = "", ""
		if diff := cmp.Diff(want, s); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if c.JSONRPC.Username != "s3cret!" || c.Database.Connection != "mysql+pymysql://ironic:p@ss?w/rd:1@db/ironic?charset=utf8&password=x" {
		t.Errorf("what is used is masked: %q, %q", c.JSONRPC.Username, c.Database.Connection)
	}
	if c.PXE.DirPermission != 0o755 || c.PXE.FilePermission != 0o640 || c.Usher.RPCTimeout != 250*time.Millisecond {
		t.Errorf("%v %v %v", c.PXE.DirPermission, c.PXE.FilePermission, c.Usher.RPCTimeout)
	}
}

func TestErrors(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		environ    []string
		want       []string // one substring per line of the error, in order
	}{
		{"all at once", "[api]\nport = x\nnonsense\n[pxe\na = b\n[usher]\nboot_lisen = :1\n", nil, []string{
			"usher.conf:3: there is no = or :",
			"usher.conf:4: a section must end with ]",
			"usher.conf:7: there is no option [usher]boot_lisen; the nearest is [usher]boot_listen",
			`usher.conf:2: [api]port = "x": it is not an integer; want an integer from 0 to 65535`,
		}},
		{"choice", "[DEFAULT]\nauth_strategy = basic\n", nil, []string{`[DEFAULT]auth_strategy = "basic": it is none of them; want one of noauth, http_basic, keystone`}},
		{"environment", "", []string{"OS_API__PORT=70000", "OS_USHER__BOOT=1"}, []string{
			"environment OS_USHER__BOOT: there is no option [usher]boot; the nearest is",
			`environment OS_API__PORT: [api]port = "70000": it is out of range`,
		}},
		{"expanded", "[DEFAULT]\nhost = zz\n[usher]\nboot_listen = 1.2.3.4:$host\n", nil, []string{
			`[usher]boot_listen = "1.2.3.4:$host" ("1.2.3.4:zz"): its port is not a number up to 65535; want host:port`}},
		{"listen without port", "[usher]\nadmin_listen = 127.0.0.1\n", nil, []string{"it is not host:port"}},
		{"no network", "[usher]\nboot_allowed_networks = 10.0.0.0/8, lab\n", nil, []string{
			`[usher]boot_allowed_networks = "10.0.0.0/8, lab": it is neither; want a list, separated by commas, each a network such as 10.1.0.0/16`}},
		{"more than a network", "[usher]\nboot_allowed_networks = 10.1.2.3/8\n", nil, []string{"it has bits beyond its length; the network is 10.0.0.0/8"}},
		{"rate", "[usher]\nboot_rate_limit = -1\nboot_rate_burst = 0\n", nil, []string{
			`[usher]boot_rate_limit = "-1": it is out of range`, `[usher]boot_rate_burst = "0": it is out of range`}},
		{"listen to nothing", "[usher]\nadmin_listen =\n", nil, []string{"it is not host:port"}},
		{"listen to a wrong host", "[usher]\nrpc_listen = 1.2.3:80\n", nil, []string{"its host is neither"}},
		{"reference", "[DEFAULT]\nhost = $nosuch\n", nil, []string{`[DEFAULT]host = "$nosuch": it refers to $nosuch, which there is not; write $$ for a dollar sign`}},
		{"reference to DEFAULT", "[DEFAULT]\nhost = ${DEFAULT.my_ip}\n", nil, []string{"write ${my_ip}"}},
		{"loop", "[DEFAULT]\nhost = $my_ip\nmy_ip = $host\n", nil, []string{"usher.conf:3: [DEFAULT]my_ip = \"$host\": it refers back to itself through $host"}},
		{"reported once", "[DEFAULT]\nstate_path = ./x\n[deploy]\nhttp_root = $state_path\n", nil, []string{"usher.conf:2: [DEFAULT]state_path"}},
		{"foreign option is wrong", "[glance]\na = ${glance.a}\n[deploy]\nhttp_root = ${glance.a}\n", nil, []string{"usher.conf:4: [deploy]http_root"}},
		{"empty number", "[api]\nport =\n", nil, []string{"usher.conf:2: [api]port = \"\": it is empty"}},
		{"mode that Ironic would misread", "[pxe]\nfile_permission = 644\n", nil, []string{`"644": that is 01204; want a file mode`}},
		{"mode", "[pxe]\nfile_permission = 0o8\n", nil, []string{"not a file mode"}},
		{"URL", "[deploy]\nhttp_url = 10.0.0.1/x\n[api]\npublic_endpoint = http:///x\n", nil, []string{"names no host", "starts with neither"}},
		{"seconds", "[usher]\nrpc_timeout = 0\nshutdown_timeout = nan\nretry_after = 1.5\n", nil, []string{"out of range", "out of range", "not an integer"}},
		{"fine URL", "[pxe]\nipxe_config_api_root_url = http://$${next-server}:6386\n[deploy]\nhttp_url = http://[::1]:80/\n", nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := load(t, tc.text, tc.environ...)
			var lines []string
			if err != nil {
				lines = strings.Split(err.Error(), "\n")
				if !errors.Is(err, usher.ErrInvalid) {
					t.Errorf("%v is not ErrInvalid", err)
				}
			}
			if len(lines) != len(tc.want) {
				t.Fatalf("%d errors, want %d:\n%v", len(lines), len(tc.want), err)
			}
			for i, line := range lines {
				if !strings.Contains(line, tc.want[i]) {
					t.Errorf("got  %s\nwant %s", line, tc.want[i])
				}
			}
		})
	}
}

func TestErrorsKeepSecrets(t *testing.T) {
	for _, text := range []string{
		"[json_rpc]\npassword = hun$ter2\n",
		"[json_rpc]\npassword = hunter2\n[api]\nport = ${json_rpc.password}\n",
		"[json_rpc]\npassword hunter2\n",
		"[json_rpc]\n  hunter2\n",
		"password = hunter2\n",
		"[database]\nconnection = mysql://u:hun$ter2@h/d\n",
	} {
		_, err := load(t, text)
		if err == nil || strings.Contains(err.Error(), "ter2") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestMissingFiles(t *testing.T) {
	_, err := Load(Sources{Files: []string{"/nosuch/a.conf"}, Dirs: []string{"/nosuch/d"}})
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "/nosuch/a.conf") || !strings.Contains(err.Error(), "/nosuch/d") {
		t.Errorf("got %v", err)
	}
}

func TestFilesThenFolders(t *testing.T) {
	home := t.TempDir()
	for name, text := range map[string]string{
		"usher.conf": "[DEFAULT]\nhost = file\nmy_ip = file\n", "d/b.conf": "[DEFAULT]\nhost = b\n", "d/a.conf": "[DEFAULT]\nhost = a\n",
	} {
		path := filepath.Join(home, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Load(Sources{Files: []string{"~/usher.conf"}, Dirs: []string{"~/d"}, Environ: []string{"HOME=" + home}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Default.Host != "b" || c.Default.MyIP != "file" {
		t.Errorf("host %q, my_ip %q", c.Default.Host, c.Default.MyIP)
	}
}

func TestWarnings(t *testing.T) {
	c := mustLoad(t, "[default]\nhost = x\n[pxe]\npxe_append_params = quiet\ntftp_rot = /x\nboot_retry_timeout = 90\n[api]\nhots_ip = ::\npost = 1\nhost = 2\n")
	want := []string{
		"usher.conf:2: the section is not [DEFAULT], in capitals: it is ignored",
		"usher.conf:5: [pxe]tftp_rot is ignored; is [pxe]tftp_root meant?",
		"usher.conf:8: [api]hots_ip is ignored; is [api]host_ip meant?",
		"usher.conf:9: [api]post is ignored; is [api]port meant?",
		"usher.conf:4: [pxe]pxe_append_params is deprecated, use [pxe]kernel_append_params",
	}
	if diff := cmp.Diff(want, c.Warnings()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if c.PXE.KernelAppendParams != "quiet" {
		t.Errorf("the deprecated name was not read: %q", c.PXE.KernelAppendParams)
	}
}

// TestIronicsNamesDoNotWarn takes every option of Debian's ironic.conf for set,
// those of Ironic 21.4 and of 39.
func TestIronicsNamesDoNotWarn(t *testing.T) {
	for _, list := range []string{"ironic-options.txt", "ironic-options-39.txt"} {
		content, err := os.ReadFile("testdata/oslo/" + list)
		if err != nil {
			t.Fatal(err)
		}
		l := newLoader(options(new(Config)), nil)
		var sample file
		for line := range strings.Lines(string(content)) {
			group, name, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "["), "]")
			sample.entries = append(sample.entries, entry{group: group, name: name})
		}
		l.files = []file{sample}
		if errs := l.unknown(); len(sample.entries) < 900 || len(errs) > 0 || len(l.warnings) > 0 {
			t.Errorf("%s: %d options: %v %q", list, len(sample.entries), errs, l.warnings)
		}
	}
}

// TestManagedBootUnset: whether anybody set the option is a value of its own.
func TestManagedBootUnset(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "[inspector]\nrequire_managed_boot = yes\n": "true", "[inspector]\nrequire_managed_boot = 0\n": "false",
	} {
		c := mustLoad(t, text)
		got := ""
		if b := c.Inspector.RequireManagedBoot; b != nil {
			got = strconv.FormatBool(*b)
		}
		i := slices.IndexFunc(c.Settings(), func(s Setting) bool { return s.Name == "require_managed_boot" })
		if shown := c.Settings()[i].Value; got != want || shown != want {
			t.Errorf("%q: %q, shown as %q, want %q", text, got, shown, want)
		}
	}
	if _, err := load(t, "[inspector]\nrequire_managed_boot =\n"); err == nil {
		t.Error("no value was taken for one, unlike oslo.config")
	}
}

// TestLeastVersion: only a release whose default is 1.3 has server_tls_ciphers.
func TestLeastVersion(t *testing.T) {
	for text, want := range map[string]string{
		"": "1.2", "server_tls_ciphers = X": "1.3", "tls_ciphers = X": "1.3", "server_tls_ciphers =": "1.2",
		"server_tls_ciphers = X\nserver_tls_minimum_version = 1.2": "1.2", "tls_minimum_version = 1.3": "1.3",
	} {
		for _, group := range []string{"json_rpc", "api"} {
			c := mustLoad(t, "["+group+"]\n"+text+"\n")
			if got := map[string]string{"json_rpc": c.JSONRPC.ServerTLSMinimumVersion, "api": c.API.ServerTLSMinimumVersion}[group]; got != want {
				t.Errorf("[%s]%s: %s, want %s", group, text, got, want)
			}
		}
	}
	if _, err := load(t, "[json_rpc]\nserver_tls_minimum_version = 1.1\n"); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
}

func TestDiff(t *testing.T) {
	before := mustLoad(t, "[DEFAULT]\nmy_ip = ::\n[database]\nconnection = mysql://u:one@h/d\n[api]\nport = 1\n")
	after := mustLoad(t, "[DEFAULT]\nmy_ip = ::\ndebug = yes\n[database]\nconnection = mysql://u:two@h/d\n[api]\nport = 01\n")
	want := []Change{
		{"DEFAULT", "debug", "false", "true", true},
		{"database", "connection", "mysql://u:***@h/d", "mysql://u:***@h/d", false},
	}
	if diff := cmp.Diff(want, Diff(before, after)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestShownWithoutSecrets: options that are no secrets themselves can hold one,
// in a URL or in kernel parameters. Settings and the log of a reload show none.
func TestShownWithoutSecrets(t *testing.T) {
	before := mustLoad(t, "")
	after := mustLoad(t, "[pxe]\nipxe_fallback_script = http://me:sesame@h/x?X-Amz-Signature=sesame\n"+
		"kernel_append_params = quiet ipa-api-password=sesame\n[conductor]\ndeploy_kernel = https://s3/k?sig=sesame\n"+
		"[deploy]\nhttp_url = http://me:sesame@h/\n")
	changes := Diff(before, after)
	if len(changes) != 4 {
		t.Errorf("%d options changed: %+v", len(changes), changes)
	}
	for _, c := range changes {
		if strings.Contains(c.New, "sesame") {
			t.Errorf("the change of %s shows a secret: %s", c.Name, c.New)
		}
	}
	for _, s := range after.Settings() {
		if strings.Contains(s.Value, "sesame") {
			t.Errorf("%s shows a secret: %s", s.Name, s.Value)
		}
	}
}
