package app

import (
	"database/sql"
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/doctor"
	"github.com/usher-boot/usher/internal/testenv"
)

const (
	filesNode = "8733b875-30ea-5929-9b3b-8c04ada0b065"
	ironicMAC = "52-54-00-aa-f0-16"
)

// besideAnIronic makes the database and the folders of an Ironic whose one node
// waits for its ramdisk by GRUB, and gives the options for them.
func (s *site) besideAnIronic() (db *sql.DB, options []string) {
	s.t.Helper()
	dump, err := os.ReadFile("../inventory/testdata/ironic/sqlite.sql")
	if err != nil {
		s.t.Fatal(err)
	}
	file := filepath.Join(s.dir, "ironic.sqlite")
	if db, err = sql.Open("sqlite", file); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { db.Close() })
	if _, err := db.ExecContext(s.t.Context(), string(dump)); err != nil {
		s.t.Fatal(err)
	}
	s.exec(db, "UPDATE nodes SET boot_interface = 'pxe', conductor_group = '', conductor_affinity = 1, provision_state = 'wait call-back' WHERE uuid = '"+filesNode+"'")
	grub := s.golden("pxe.config")
	for name, content := range map[string]string{"tftp/" + filesNode + "/config": grub, "tftp/" + filesNode + "/deploy_kernel": "kernel",
		"tftp/" + filesNode + "/other": "secret", "http/x": ""} {
		s.put(name, content)
	}
	return db, []string{"[database]connection=sqlite:///" + file, "[DEFAULT]host=127.0.0.11", "[usher]rpc_listen=127.0.0.1:" + testenv.FreePort(s.t, "127.0.0.1"),
		"[deploy]http_root=" + s.dir + "/http", "[pxe]tftp_root=" + s.dir + "/tftp", "[deploy]http_url=http://127.0.0.1:8080"}
}

// golden is what Ironic wrote for the node.
func (s *site) golden(name string) string {
	s.t.Helper()
	content, err := os.ReadFile("../ironicdisk/testdata/ironic/29/" + name)
	if err != nil {
		s.t.Fatal(err)
	}
	return regexp.MustCompile(`3ec5b6a0[0-9a-f-]{28}`).ReplaceAllString(string(content), filesNode)
}

func (s *site) put(name, content string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) exec(db *sql.DB, statement string) {
	s.t.Helper()
	if _, err := db.ExecContext(s.t.Context(), statement); err != nil {
		s.t.Fatal(err)
	}
}

// TestImagesFromTheAgent: GRUB gets its configuration from the API, and with
// the names in it the kernel, which lies below tftp_root alone, from the agent.
func TestImagesFromTheAgent(t *testing.T) {
	s := newSite(t)
	db, options := s.besideAnIronic()
	a := s.run(append(options, "[usher]files_listen=127.0.0.1:0")...)
	grub := a.get(DoorMachines, "/v1/boot/"+ironicMAC+"/grub.cfg")
	folder := "/" + filesNode + "/tftp_root/" + filesNode
	if want := "linux (http," + a.Addr(DoorFiles) + ")" + folder + "/deploy_kernel "; grub.status != 200 || !strings.Contains(grub.body, want) {
		t.Fatalf("%d\n%s\nwant %s\n%s", grub.status, grub.body, want, s.log.String())
	}
	for path, want := range map[string]reply{folder + "/deploy_kernel": {status: 200, body: "kernel"}, folder + "/other": {status: 404},
		folder + "/config": {status: 404}, folder + "/deploy_ramdisk": {status: 404}, "/boot.ipxe": {status: 404}, "/v1/boot/" + ironicMAC + "/grub.cfg": {status: 404}} {
		if got := a.get(DoorFiles, path); got.status != want.status || want.body != "" && got.body != want.body {
			t.Errorf("%s: %d %q", path, got.status, got.body)
		}
	}
	s.exec(db, "UPDATE nodes SET provision_state = 'active'")
	if got := a.get(DoorFiles, folder+"/deploy_kernel"); got.status != 404 {
		t.Errorf("of a node that no longer waits: %d", got.status)
	}
	s.write(append(options, "[usher]files_listen=127.0.0.1:0", "[api]restrict_boot_config=false")...)
	if err := a.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := a.get(DoorFiles, folder+"/deploy_kernel"); got.status != 200 {
		t.Errorf("where every state may boot: %d", got.status)
	}
	s.write(append(options, "[usher]files_listen=127.0.0.1:0", "[usher]boot_allowed_networks=192.0.2.0/24", "[api]restrict_boot_config=false")...)
	if err := a.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := a.get(DoorFiles, folder+"/deploy_kernel"); got.status != 404 {
		t.Errorf("of a network that is not allowed: %d", got.status)
	}
}

// TestWebServerOfIronic: what lies below http_root comes from Ironic's web
// server, at the URL that is in force.
func TestWebServerOfIronic(t *testing.T) {
	s := newSite(t)
	db, options := s.besideAnIronic()
	s.exec(db, "UPDATE nodes SET boot_interface = 'http'")
	s.put("tftp/"+filesNode+"/config", s.golden("http.config"))
	options = append(options, "[usher]files_listen=", "[usher]rpc_addresses=127.0.0.11:127.0.0.1")
	a := s.run(options...)
	const where = "1 of boot interface http below [pxe]tftp_root"
	if report := Doctor(t.Context(), a.Config(), "test", ""); !slices.ContainsFunc(report.Checks, func(c doctor.Check) bool { return c.Detail == where }) {
		t.Errorf("doctor does not say %q: %+v", where, report.Checks)
	}
	if a.Addr(DoorFiles) != "" {
		t.Error("it listens for images")
	}
	for _, url := range []string{"127.0.0.1:8080", "127.0.0.1:9090"} {
		got := a.get(DoorMachines, "/v1/boot/"+ironicMAC+"/grub.cfg")
		if want := "linux (http," + url + ")/" + filesNode + "/deploy_kernel "; got.status != 200 || !strings.Contains(got.body, want) {
			t.Errorf("%d\n%s\nwant %s", got.status, got.body, want)
		}
		s.write(append(options, "[deploy]http_url=http://127.0.0.1:9090")...)
		if err := a.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	// Without a listener the names below tftp_root stay as they are.
	s.exec(db, "UPDATE nodes SET boot_interface = 'pxe'")
	s.put("tftp/"+filesNode+"/config", s.golden("pxe.config"))
	if got := a.get(DoorMachines, "/v1/boot/"+ironicMAC+"/grub.cfg"); got.body != s.golden("pxe.config") {
		t.Errorf("%d\n%s", got.status, got.body)
	}
}

// TestBadBootFile: what cannot be given to a machine is 503 with a cause of its
// own, and the log line says what is wrong.
func TestBadBootFile(t *testing.T) {
	s := newSite(t)
	_, options := s.besideAnIronic()
	s.put("tftp/"+filesNode+"/config", s.golden("bios.config"))
	a := s.run(append(options, "[usher]files_listen=127.0.0.1:0")...)
	got := a.get(DoorMachines, "/v1/boot/"+ironicMAC+"/grub.cfg")
	if got.status != 503 || got.header.Get("Retry-After") == "" || strings.Contains(got.body, "label") {
		t.Errorf("%d %v\n%s", got.status, got.header, got.body)
	}
	for _, want := range []string{"cause=bad_boot_file", "PXELINUX", filesNode + "/config"} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("no %q in\n%s", want, s.log.String())
		}
	}
}

func TestFilesURL(t *testing.T) {
	mine := "127.0.0.1"
	for _, c := range []struct{ address, httpURL, url, want string }{
		{"", "", "", ""},
		{"192.0.2.9:6389", "http://127.0.0.1:80", "", "http://192.0.2.9:6389"},
		{"[::]:6389", "http://" + net.JoinHostPort(mine, "80"), "", "http://127.0.0.1:6389"},
		{"[::]:6389", "http://localhost:80/x", "", "http://localhost:6389"},
		{"[::]:6389", "http://192.0.2.200:80", "", "http://192.0.2.7:6389"}, // another host's
		{"[::]:6389", "", "", "http://192.0.2.7:6389"},
		{"[::]:6389", "http://127.0.0.1", "http://files.example/", "http://files.example"},
		{"0.0.0.0:1", "http://[::1]:80", "", "http://[::1]:1"},
	} {
		cfg := &config.Config{Default: config.Default{MyIP: "192.0.2.7"}, Deploy: config.Deploy{HTTPURL: c.httpURL}, Usher: config.Usher{FilesURL: c.url}}
		if got := filesURL(t.Context(), cfg, c.address); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
	s := newSite(t)
	if _, err := s.new("[usher]files_url=https://files.example"); err == nil || !strings.Contains(err.Error(), "[usher]files_url") {
		t.Errorf("https: %v", err)
	}
}
