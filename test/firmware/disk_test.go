package firmware

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/test/netboot"
)

// TestLocalDisk: a deployed node's boot file gives the machine to its disk,
// where [api]restrict_boot_config lets it be served at all. BIOS is proven in
// internal/bootiface.
func TestLocalDisk(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := l.serve("10.77.0.1", map[string][]string{"api": {"restrict_boot_config = false"}})
	s.usher(t, "loaders")
	conf := s.usher(t, append([]string{"dnsmasq", "--interface", netboot.Bridge}, dhcp4...)...)
	grubMAC := mac(0x71)
	// A site's own rule behind Usher's: this one machine gets GRUB.
	l.Dnsmasq(conf + fmt.Sprintf("dhcp-host=%s,set:grub\ndhcp-boot=tag:grub,tag:x64,tag:!ipxe,bootx64.efi\n", grubMAC))

	disk := t.TempDir()
	folder := filepath.Join(disk, "EFI", "BOOT")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	const says = "BOOTED-FROM-DISK"
	loader := netboot.BuildGRUB(t, t.TempDir(), "/grub", "echo "+says+"\nsleep 60\n")
	if err := os.Rename(loader, filepath.Join(folder, "BOOTX64.EFI")); err != nil {
		t.Fatal(err)
	}
	for iface, mac := range map[string]usher.MAC{"ipxe": mac(0x70), "pxe": grubMAC} {
		t.Run(iface, func(t *testing.T) {
			t.Parallel()
			n := s.add(t, "disk-"+iface, iface, mac)
			s.deploy(t, n)
			s.usher(t, "node", "done", n.name)
			// QEMU makes a FAT disk of a folder.
			m := l.on(t, netboot.VMConfig{Firmware: netboot.UEFI, NICs: n.macs, Disk: "fat:" + disk})
			m.says(t, says)
			m.release()
			file := map[string]string{"ipxe": "boot.ipxe", "pxe": "grub.cfg"}[iface]
			if got := l.capture.of(mac).from("/" + file); len(got) == 0 {
				t.Errorf("it never asked for its %s:\n%v", file, l.capture.of(mac).lines())
			}
		})
	}
}
