package firmware

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/testenv"
	"github.com/usher-boot/usher/test/netboot"
)

// TestARM64 boots arm64 machines through Debian's shim and GRUB into an arm64
// Linux. Debian has these loaders in packages for arm64 only.
func TestARM64(t *testing.T) {
	t.Parallel()

	t.Run("by TFTP", func(t *testing.T) { // from a server for which there are no such packages
		t.Parallel()
		l := newLabARM64(t)
		lib := netboot.DebianARM64(t) + "/usr/lib/"
		s := l.serve("10.77.0.1", map[string][]string{"pxe": {"loader_file_paths = " + strings.Join([]string{
			"bootaa64.efi:" + lib + "shim/shimaa64.efi.signed",
			"grubaa64.efi:" + lib + "grub/arm64-efi-signed/grubnetaa64.efi.signed",
			"grub/arm64-efi/http.mod:" + lib + "grub/arm64-efi/http.mod",
		}, ",")}})
		s.loadersARM64(t, `exec "$@"`)
		s.bootARM64(t, "pxe", netboot.AAVMF, mac(0x38))
	})

	t.Run("by HTTP", func(t *testing.T) { // from a server that has them
		t.Parallel()
		l := newLabARM64(t)
		s := l.serve("10.77.0.1", nil)
		s.loadersARM64(t, `
			mount --bind "$0/usr/lib/shim" /usr/lib/shim
			mount --bind "$0/usr/lib/grub" /usr/lib/grub
			exec "$@"`)
		s.bootARM64(t, "http", netboot.AAVMFHTTP, mac(0x39),
			"HEAD /bootaa64.efi", "GET /bootaa64.efi", "GET //grubaa64.efi", "GET /grub/grub.cfg")
	})
}

// loadersARM64 runs `usher loaders --arch arm64` by a shell script, "$@" in a
// mount namespace of its own; $0 is the folder of Debian's files for arm64.
// Debian has no iPXE for arm64, which is said, and hinders nothing else.
func (s *server) loadersARM64(t *testing.T, script string) {
	t.Helper()
	p := s.lab.Start("loaders", exec.Command(testenv.NeedProgram(t, "unshare")[0], "--mount", "sh", "-ec", script, netboot.DebianARM64(t),
		program, "--config-file", s.conf, "loaders", "--arch", "arm64"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := p.Wait(ctx); err == nil || !strings.Contains(p.Log.String(), "not here: snponly-arm64.efi;") {
		t.Fatalf("usher loaders --arch arm64 should miss iPXE alone: %v\n%s", err, p.Log)
	}
}

// bootARM64 boots one node, which asks for some files before its boot file.
func (s *server) bootARM64(t *testing.T, iface string, firmware netboot.Firmware, nic usher.MAC, before ...string) {
	t.Helper()
	s.lab.Dnsmasq(s.usher(t, append([]string{"dnsmasq", "--interface", netboot.Bridge, "--uefi", "grub"}, dhcp4...)...))
	n := s.add(t, "arm64-"+iface, iface, nic)
	s.deploy(t, n)
	s.lab.on(t, netboot.VMConfig{Firmware: firmware, NICs: n.macs}).boots(t, n)
	s.lab.wants(t, "arm64 UEFI, GRUB, boot interface "+iface, nic,
		append(append(before, "GET /v1/boot/"+nic.String()+"/grub.cfg"), images()...))
}
