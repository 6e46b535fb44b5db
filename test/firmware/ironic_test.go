package firmware

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/test/netboot"
)

// TestIPXEBesideIronic boots a machine with an iPXE script of Ironic's in which
// images are relative to Ironic's web server, as in the templates of some sites.
func TestIPXEBesideIronic(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	i := l.newIronic("10.77.0.11")
	api := l.besideIronic("10.77.0.1", i, "api")
	api.startAs("api")
	l.besideIronic(i.host, i, "conductor").startAs("conductor")
	api.dnsmasq(dhcp4...)
	n := i.node(t, "ipxe", mac(0x83))
	i.write(t, n, "29/ipxe.config", "http", "kernel http://192.0.2.1:8080/"+n.uuid, "kernel ../"+n.uuid,
		"initrd http://192.0.2.1:8080/"+n.uuid, "initrd --name deploy_ramdisk /"+n.uuid)
	i.images(t, n, "http")
	l.on(t, netboot.VMConfig{Firmware: netboot.BIOS, NICs: n.macs}).boots(t, n)
	i.fetched(t, n, l, i.host+":8080/"+n.uuid)
}

// TestGRUBBesideIronic boots machines with the GRUB configurations that Ironic
// itself has written. dnsmasq, with its TFTP server, stands beside the API and
// has none of the files that they load; Ironic's conductor is another host.
func TestGRUBBesideIronic(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	i := l.newIronic("10.77.0.11")
	api := l.besideIronic("10.77.0.1", i, "api")
	agent := l.besideIronic(i.host, i, "conductor")
	api.startAs("api")
	agent.startAs("conductor")
	api.dnsmasq(append(dhcp4, "--uefi", "grub")...)

	t.Run("boot interface pxe, images below tftp_root", func(t *testing.T) {
		t.Parallel()
		n := i.node(t, "pxe", mac(0x80))
		i.write(t, n, "29/pxe.config", "tftp")
		i.images(t, n, "tftp")
		l.on(t, netboot.VMConfig{Firmware: netboot.UEFI, NICs: n.macs}).boots(t, n)
		i.fetched(t, n, l, i.host+":6389/"+n.uuid+"/tftp_root/"+n.uuid)
	})

	t.Run("boot interface pxe of Ironic 21.4", func(t *testing.T) {
		t.Parallel()
		n := i.node(t, "pxe", mac(0x81))
		i.write(t, n, "21.4/pxe.config", "tftp")
		i.images(t, n, "tftp")
		l.on(t, netboot.VMConfig{Firmware: netboot.UEFI, NICs: n.macs}).boots(t, n)
	})

	t.Run("boot interface http, images below http_root", func(t *testing.T) {
		t.Parallel()
		n := i.node(t, "http", mac(0x82))
		i.write(t, n, "29/http.config", "tftp")
		i.images(t, n, "http")
		l.on(t, netboot.VMConfig{Firmware: netboot.UEFI, NICs: n.macs}).boots(t, n)
		i.fetched(t, n, l, i.host+":8080/"+n.uuid)
	})
}

// ironic is an Ironic's database, and the folders of its one conductor.
type ironic struct {
	host string
	dir  string
	db   *sql.DB
	file string
	ids  int
}

// newIronic makes one, of a dump of a real one, with its web server.
func (l *lab) newIronic(host string) *ironic {
	l.t.Helper()
	i := &ironic{host: host, dir: l.t.TempDir()}
	i.file = filepath.Join(i.dir, "ironic.sqlite")
	dump, err := os.ReadFile("../../internal/inventory/testdata/ironic/sqlite.sql")
	if err != nil {
		l.t.Fatal(err)
	}
	if i.db, err = sql.Open("sqlite", i.file+"?_pragma=busy_timeout(20000)"); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { i.db.Close() })
	for _, statement := range []string{string(dump), "UPDATE conductors SET hostname = '" + host + "' WHERE id = 1", "DELETE FROM ports", "DELETE FROM nodes WHERE name IS NULL"} {
		i.exec(l.t, statement)
	}
	for _, root := range []string{"http", "tftp"} {
		if err := os.Mkdir(filepath.Join(i.dir, root), 0o755); err != nil {
			l.t.Fatal(err)
		}
	}
	l.serveFolder(host+":8080", filepath.Join(i.dir, "http"))
	return i
}

func (i *ironic) exec(t *testing.T, statement string) {
	t.Helper()
	if _, err := i.db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// node makes a node that waits for its ramdisk.
func (i *ironic) node(t *testing.T, iface string, nic usher.MAC) node {
	t.Helper()
	i.ids++
	n := node{name: fmt.Sprintf("ironic-%d", i.ids), uuid: fmt.Sprintf("8733b875-30ea-4929-9b3b-0000000000%02d", i.ids), conductor: i.host, macs: []usher.MAC{nic},
		parameter: fmt.Sprintf("usher.test=ironic-%d-%d", i.ids, time.Now().UnixNano())}
	i.exec(t, fmt.Sprintf("INSERT INTO nodes (uuid, name, driver, boot_interface, provision_state, conductor_group, conductor_affinity) "+
		"VALUES ('%s', '%s', 'manual-management', '%s', 'wait call-back', '', 1)", n.uuid, n.name, iface))
	i.exec(t, fmt.Sprintf("INSERT INTO ports (uuid, address, node_id) SELECT '%s', '%s', id FROM nodes WHERE uuid = '%s'",
		strings.Replace(n.uuid, "8733", "9733", 1), nic, n.uuid))
	return n
}

// write puts a file of Ironic's where Ironic does, for a node and its kernel,
// with texts replaced.
func (i *ironic) write(t *testing.T, n node, golden, root string, replace ...string) {
	t.Helper()
	content, err := os.ReadFile("../../internal/ironicdisk/testdata/ironic/" + golden)
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`3ec5b6a0[0-9a-f-]{28}`).ReplaceAllString(string(content), n.uuid)
	text = strings.ReplaceAll(text, " text ", " text console=ttyS0 panic=1 "+netboot.NoTimerCheck+" "+n.parameter+" ")
	i.put(t, filepath.Join(root, n.uuid, "config"), strings.NewReplacer(replace...).Replace(text))
}

func (i *ironic) put(t *testing.T, name, content string) {
	t.Helper()
	path := filepath.Join(i.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// images puts a node's kernel and ramdisk where Ironic does.
func (i *ironic) images(t *testing.T, n node, root string) {
	t.Helper()
	dir := filepath.Join(i.dir, root, n.uuid)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	images := t.TempDir()
	for name, path := range map[string]string{"deploy_kernel": netboot.Kernel(t, images), "deploy_ramdisk": netboot.Ramdisk(t, images)} {
		if err := os.Rename(path, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// fetched asserts where the images came from.
func (i *ironic) fetched(t *testing.T, n node, l *lab, folder string) {
	t.Helper()
	_, path, _ := strings.Cut(folder, "/") // the server's name is for people
	for _, image := range []string{"deploy_kernel", "deploy_ramdisk"} {
		if got := l.capture.of(n.macs[0]).from("/" + path + "/" + image); !slices.Equal(got, []string{i.host}) {
			t.Errorf("%s came from %v, want %s", image, got, folder)
		}
	}
}

// besideIronic configures a process of Usher's on a host.
func (l *lab) besideIronic(host string, i *ironic, role string) *server {
	l.t.Helper()
	http, tftp := filepath.Join(i.dir, "http"), filepath.Join(i.dir, "tftp")
	if role == "api" { // where the loaders are, which machines get by TFTP
		loaders := l.t.TempDir()
		http, tftp = filepath.Join(loaders, "http"), filepath.Join(loaders, "tftp")
	}
	return l.configure(host, map[string][]string{
		"DEFAULT":  {"my_ip = " + host},
		"database": {"connection = sqlite:///" + i.file},
		"deploy":   {"http_root = " + http, "http_url = http://" + i.host + ":8080"},
		"pxe":      {"tftp_root = " + tftp},
	})
}

// startAs runs the server in a role and waits until it serves.
func (s *server) startAs(role string) {
	s.lab.t.Helper()
	s.Process = s.lab.Start("usher-"+role, exec.Command(program, "--config-file", s.conf, role))
	ctx, cancel := context.WithTimeout(s.lab.t.Context(), 30*time.Second)
	defer cancel()
	if err := s.Log.Wait(ctx, "usher is up"); err != nil {
		s.lab.t.Fatal(err)
	}
}

// serveFolder is a web server, as Ironic's.
func (l *lab) serveFolder(address, folder string) {
	l.t.Helper()
	listener, err := l.Listen("tcp", address)
	if err != nil {
		l.t.Fatal(err)
	}
	server := &http.Server{Handler: http.FileServer(http.Dir(folder))}
	go func() { _ = server.Serve(listener) }()
	l.t.Cleanup(func() { server.Close() })
}
