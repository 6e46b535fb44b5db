package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fleet is the nodes of an inventory. Some of them wait for a ramdisk, spread
// evenly over the tables; those are asked for. The others run their
// instances.
type fleet struct {
	nodes, waiting int
	step           int // between nodes that wait: node 0, step, 2*step, ...
}

// storm is how many machines come at once at most: the whole of a site of
// this size, a tenth of one of 100,000.
const storm = 10_000

func newFleet(nodes int) fleet {
	step := (nodes + storm - 1) / storm
	return fleet{nodes: nodes, waiting: (nodes + step - 1) / step, step: step}
}

// scatter is odd, so n*scatter modulo a power of two is another number for
// each n: neighbours in one table are none in an index.
const scatter = 0x9e3779

// mac is a node's MAC as boot scripts ask for it.
func mac(n int) string {
	low := n * scatter & 0xffffff
	return fmt.Sprintf("52-54-00-%02x-%02x-%02x", low>>16, low>>8&255, low&255)
}

func uuid(n int) string {
	return fmt.Sprintf("%08x-0000-4000-8000-%012x", n*scatter&0xffffffff, n)
}

// bootFile is a boot file as Ironic writes it, 1.2 KiB.
func bootFile(n int) string {
	return fmt.Sprintf("#!ipxe\n\nset attempts:int32 10\nset i:int32 0\n\ngoto deploy\n\n:deploy\nimgfree\n"+
		"kernel http://192.0.2.1:8080/%[1]s/deploy_kernel selinux=0 troubleshoot=0 text ipa-api-url=http://192.0.2.1:6385 initrd=deploy_ramdisk || goto retry\n"+
		"initrd http://192.0.2.1:8080/%[1]s/deploy_ramdisk || goto retry\nboot\n%[2]s\n:boot_whole_disk\nsanboot --no-describe\n",
		uuid(n), strings.Repeat("# "+strings.Repeat("x", 60)+"\n", 12))
}

// write writes the boot files of the waiting nodes in Ironic's layout: a link
// by MAC to the folder of the node.
func (f fleet) write(b *testing.B, root string) {
	b.Helper()
	links := filepath.Join(root, "pxelinux.cfg")
	if err := os.MkdirAll(links, 0o755); err != nil {
		b.Fatal(err)
	}
	written := time.Now().Add(-time.Minute) // a file of this very second may be half
	for n := 0; n < f.nodes; n += f.step {
		folder := filepath.Join(root, uuid(n))
		file := filepath.Join(folder, "config")
		if err := os.Mkdir(folder, 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(bootFile(n)), 0o644); err != nil {
			b.Fatal(err)
		}
		if err := os.Chtimes(file, written, written); err != nil {
			b.Fatal(err)
		}
		if err := os.Symlink(filepath.Join("..", uuid(n), "config"), filepath.Join(links, mac(n))); err != nil {
			b.Fatal(err)
		}
	}
}

// rows writes the INSERT statements of the fleet's nodes with one port each.
// columns and values are further columns of nodes, the same for each.
func (f fleet) rows(columns, values string) []string {
	const batch = 1000
	now := time.Now().UTC().Format(time.DateTime)
	var statements []string
	for first := 0; first < f.nodes; first += batch {
		var nodes, ports []string
		for n := first; n < min(first+batch, f.nodes); n++ {
			state := "active"
			if n%f.step == 0 {
				state = "wait call-back"
			}
			nodes = append(nodes, fmt.Sprintf("(%d,'%s','node-%d','%s','manual-management','','ipxe','direct','%s','{}',%s)",
				n+1, uuid(n), n, state, now, values))
			ports = append(ports, fmt.Sprintf("('1%s','%s',%d)", uuid(n)[1:], strings.ReplaceAll(mac(n), "-", ":"), n+1))
		}
		statements = append(statements,
			"INSERT INTO nodes (id, uuid, name, provision_state, driver, conductor_group, boot_interface, deploy_interface, provision_updated_at, extra, "+
				columns+") VALUES "+strings.Join(nodes, ","),
			"INSERT INTO ports (uuid, address, node_id) VALUES "+strings.Join(ports, ","))
	}
	return statements
}
