package firmware

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/test/netboot"
)

// TestUndionly boots a BIOS machine whose PXE is not iPXE, as DHCP sees it:
// by TFTP into undionly.kpxe, and from there as every iPXE. QEMU has no PXE
// but iPXE's, so until it has fetched the loader, dnsmasq is kept from
// knowing iPXE by its option: then the printed rules are in force whole.
func TestUndionly(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := l.serve("10.77.0.1", nil)
	s.usher(t, "loaders")
	printed := s.usher(t, append([]string{"dnsmasq", "--interface", netboot.Bridge}, dhcp4...)...)
	const knowsIPXE = "dhcp-match=set:ipxe,175\n"
	if !strings.Contains(printed, knowsIPXE) {
		t.Fatalf("the printed configuration has no line %q", knowsIPXE)
	}
	first := l.Dnsmasq(strings.Replace(printed, knowsIPXE, "", 1))

	n := s.add(t, "undionly", "ipxe", mac(0x70))
	s.deploy(t, n)
	m := l.on(t, netboot.VMConfig{Firmware: netboot.BIOS, NICs: []usher.MAC{mac(0x70)}})
	ctx, cancel := context.WithTimeout(t.Context(), bootLimit)
	defer cancel()
	if err := first.Log.Wait(ctx, "/undionly.kpxe to "); err != nil {
		t.Fatal(err)
	}
	first.Stop()
	l.Dnsmasq(printed)
	m.boots(t, n)
	if got := l.capture.of(mac(0x70)).lines(); !slices.ContainsFunc(got, func(line string) bool {
		return strings.Contains(line, "undionly.kpxe")
	}) {
		t.Errorf("undionly.kpxe was not asked for:\n%s", strings.Join(got, "\n"))
	}
	l.wants(t, "BIOS, undionly.kpxe by TFTP", mac(0x70), asks(mac(0x70)))
}
