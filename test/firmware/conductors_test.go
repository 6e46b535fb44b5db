package firmware

import (
	"slices"
	"testing"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/testenv"
	"github.com/usher-boot/usher/test/netboot"
)

// TestConductors: three conductors on three addresses share a database, and
// dnsmasq stands next to the first, which owns none of the nodes here.
func TestConductors(t *testing.T) {
	t.Parallel()
	database := testenv.SharedMariaDB(t)
	connection := database.SocketURL(database.Database(t))
	l := newLab(t)
	settings := map[string][]string{"database": {"connection = " + connection}}
	servers := map[string]*server{}
	for _, host := range []string{"10.77.0.1", "10.77.0.11", "10.77.0.12"} {
		s := l.configure(host, settings)
		if len(servers) == 0 {
			s.usher(t, "db", "upgrade")
		}
		s.start()
		servers[host] = s
	}
	first := servers["10.77.0.1"]
	first.dnsmasq(append(dhcp4, "--uefi", "grub")...)

	// elsewhere adds a node that another than the first conductor owns.
	elsewhere := func(t *testing.T, name, iface string, mac usher.MAC) node {
		t.Helper()
		for {
			n := first.add(t, name, iface, mac)
			if ownerOf(t, &n, servers) != first.host {
				return n
			}
			first.usher(t, "node", "delete", name)
		}
	}
	// fetched asserts which conductor the kernel came from.
	fetched := func(t *testing.T, n node, want string) {
		t.Helper()
		traffic := l.capture.of(n.macs[0])
		for _, image := range images() {
			if got := traffic.from(image[len("GET "):]); !slices.Equal(got, []string{want}) {
				t.Errorf("%s came from %v, want %s", image, got, want)
			}
		}
		for _, request := range traffic.asked {
			if request.server.String() != first.host && request.server.String() != want {
				t.Errorf("asked %s of %s", request.what, request.server)
			}
		}
	}

	t.Run("dnsmasq next to the wrong one", func(t *testing.T) {
		for name, iface := range map[string]string{"ipxe": "ipxe", "grub": "pxe"} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				cfg := netboot.VMConfig{Firmware: netboot.BIOS, NICs: []usher.MAC{mac(0x40)}}
				if name == "grub" {
					cfg = netboot.VMConfig{Firmware: netboot.UEFI, NICs: []usher.MAC{mac(0x41)}}
				}
				n := elsewhere(t, "wrong-"+name, iface, cfg.NICs[0])
				first.deploy(t, n)
				l.on(t, cfg).boots(t, n)
				fetched(t, n, n.conductor)
			})
		}
	})

	t.Run("API restarted during the boot", func(t *testing.T) {
		n := elsewhere(t, "restarted", "ipxe", mac(0x42))
		m := l.on(t, netboot.VMConfig{Firmware: netboot.BIOS, NICs: n.macs})
		m.says(t, "Asking again in 1 s") // it is in the root script, and the node not deployed yet
		first.Kill()
		servers[n.conductor].deploy(t, n)
		m.says(t, "Asking again in 3 s") // it has met the dead API
		first.start()
		m.boots(t, n)
		fetched(t, n, n.conductor)
	})

	t.Run("owner killed just before the boot", func(t *testing.T) {
		n := elsewhere(t, "orphan", "ipxe", mac(0x43))
		first.deploy(t, n)
		owner := n.conductor
		servers[owner].Kill()
		m := l.on(t, netboot.VMConfig{Firmware: netboot.BIOS, NICs: n.macs})
		m.boots(t, n)
		from := l.capture.of(n.macs[0]).from("/deploy_kernel")
		if len(from) != 1 || from[0] == owner {
			t.Errorf("the kernel came from %v, and the owner %s was dead", from, owner)
		}
	})
}

// ownerOf waits until all servers name the same conductor of a node: each
// keeps its hash ring for [DEFAULT]hash_ring_reset_interval.
func ownerOf(t *testing.T, n *node, servers map[string]*server) string {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; {
		named := map[string]bool{}
		for _, s := range servers {
			s.refresh(t, n)
			named[n.conductor] = true
		}
		if len(named) == 1 {
			return n.conductor
		}
		if time.Now().After(deadline) {
			t.Fatalf("node %s belongs to several conductors: %v", n.name, named)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
