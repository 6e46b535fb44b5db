package firmware

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/test/netboot"
)

func mac(last byte) usher.MAC { return usher.MAC{0x52, 0x54, 0, 0x77, 0, last} }

// asks is what an iPXE asks of HTTP servers in one boot: the root script, the
// boot API once for each NIC up to the registered one, and the images.
func asks(nics ...usher.MAC) []string {
	list := []string{"GET /boot.ipxe"}
	for _, nic := range nics {
		list = append(list, "GET /v1/boot/"+nic.Hyphenated()+"/boot.ipxe")
	}
	return append(list, images()...)
}

// images are the requests for the lab's kernel and ramdisk, with their names for
// the hashes of their content (capture.named).
func images() []string {
	return []string{"GET /images/vmlinuz/deploy_kernel", "GET /images/ramdisk/deploy_ramdisk"}
}

// wants compares a NIC's HTTP requests and logs the line of docs/firmware.md.
func (l *lab) wants(t *testing.T, what string, nic usher.MAC, want []string) {
	t.Helper()
	got := l.capture.of(nic)
	if !slices.Equal(needed(got.requests()), want) {
		t.Errorf("asked (with TFTP):\n%s\nwant:\n%s", strings.Join(got.lines(), "\n"), strings.Join(want, "\n"))
	}
	var tftp int
	api := 0
	for _, a := range got.asked {
		if strings.HasPrefix(a.what, "TFTP ") {
			tftp++
		}
		if strings.Contains(a.what, "/v1/boot/") {
			api++
		}
	}
	t.Logf("| %s | %d | %d | %d | %d | %d | %d |", what, tftp, got.tftp, len(got.requests()), api, got.http,
		got.last.Sub(got.first).Milliseconds())
}

// needed leaves out what shim and GRUB look for beside them and do without.
func needed(requests []string) []string {
	return slices.DeleteFunc(requests, func(r string) bool {
		return strings.Contains(r, "/revocations") || strings.Contains(r, "/shim_certificate") || strings.HasSuffix(r, ".lst")
	})
}

// TestIPXE boots machines into iPXE in each way that there is over IPv4.
func TestIPXE(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	const door = "http://10.77.0.1:6386"
	s := l.serve("10.77.0.1", map[string][]string{"pxe": {"ipxe_fallback_script = " + door + "/fallback.ipxe"}})
	s.dnsmasq(dhcp4...)
	fallback := "#!ipxe\necho USHER-FALLBACK ${mac}\nexit 1\n"
	if err := os.WriteFile(filepath.Join(s.httpDir, "fallback.ipxe"), []byte(fallback), 0o644); err != nil {
		t.Fatal(err)
	}

	t.Run("unknown machine", func(t *testing.T) {
		t.Parallel()
		m := l.on(t, netboot.VMConfig{Firmware: netboot.BIOS, NICs: []usher.MAC{mac(0x66)}})
		m.says(t, "USHER-FALLBACK "+mac(0x66).String())
		m.release()
		for _, request := range l.capture.of(mac(0x66)).requests() {
			if strings.Contains(request, "kernel") {
				t.Errorf("an unknown machine asked %s", request)
			}
		}
	})

	t.Run("BIOS", func(t *testing.T) {
		t.Parallel()
		n := s.add(t, "bios", "ipxe", mac(0x10))
		s.deploy(t, n)
		l.on(t, netboot.VMConfig{Firmware: netboot.BIOS, NICs: n.macs}).boots(t, n)
		l.wants(t, "BIOS, iPXE in ROM", mac(0x10), asks(mac(0x10)))
	})

	t.Run("UEFI by TFTP", func(t *testing.T) {
		t.Parallel()
		n := s.add(t, "uefi-tftp", "ipxe", mac(0x11))
		s.deploy(t, n)
		l.on(t, netboot.VMConfig{Firmware: netboot.UEFI, NICs: n.macs}).boots(t, n)
		l.wants(t, "UEFI, iPXE by TFTP", mac(0x11), asks(mac(0x11)))
	})

	t.Run("UEFI by HTTP", func(t *testing.T) {
		t.Parallel()
		n := s.add(t, "uefi-http", "http-ipxe", mac(0x12))
		s.deploy(t, n)
		l.on(t, netboot.VMConfig{Firmware: netboot.UEFIHTTP, NICs: n.macs}).boots(t, n)
		l.wants(t, "UEFI, iPXE by HTTP boot", mac(0x12),
			append([]string{"HEAD /snponly.efi", "GET /snponly.efi"}, asks(mac(0x12))...))
	})

	t.Run("second NIC is the registered one", func(t *testing.T) {
		t.Parallel()
		n := s.add(t, "two-nics", "ipxe", mac(0x14))
		s.deploy(t, n)
		l.on(t, netboot.VMConfig{Firmware: netboot.BIOS, NICs: []usher.MAC{mac(0x13), mac(0x14)}}).boots(t, n)
		l.wants(t, "BIOS, second NIC registered", mac(0x13), asks(mac(0x13), mac(0x14)))
	})

	t.Run("left its wait state", func(t *testing.T) {
		t.Parallel()
		n := s.add(t, "left", "ipxe", mac(0x15))
		s.deploy(t, n)
		url := fmt.Sprintf("%s/v1/boot/%s/boot.ipxe", door, n.macs[0])
		if got := status(t, l, url); got != http.StatusOK {
			t.Fatalf("while it waits: %d", got)
		}
		s.usher(t, "node", "done", n.name) // as its ramdisk's heartbeat does
		m := l.on(t, netboot.VMConfig{Firmware: netboot.BIOS, NICs: n.macs})
		m.says(t, "Asking again in 2 s")
		m.release()
		if got := status(t, l, url); got != http.StatusNotFound {
			t.Errorf("after it waited: %d, want 404", got)
		}
		for _, request := range l.capture.of(n.macs[0]).requests() {
			if strings.Contains(request, n.uuid) {
				t.Errorf("it was sent on to %s", request)
			}
		}
	})
}

func status(t *testing.T, l *lab, url string) int {
	t.Helper()
	resp, err := l.Client().Get(url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// TestGRUB boots machines into GRUB, through shim, with the boot interfaces
// that ask for grub.cfg.
func TestGRUB(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := l.serve("10.77.0.1", nil)
	s.dnsmasq(append(dhcp4, "--uefi", "grub")...)
	grub := func(n node) []string {
		return append([]string{"GET /v1/boot/" + n.macs[0].String() + "/grub.cfg"}, images()...)
	}

	t.Run("by TFTP", func(t *testing.T) {
		t.Parallel()
		n := s.add(t, "grub-tftp", "pxe", mac(0x20))
		s.deploy(t, n)
		l.on(t, netboot.VMConfig{Firmware: netboot.UEFI, NICs: n.macs}).boots(t, n)
		l.wants(t, "UEFI, GRUB by TFTP", mac(0x20), grub(n))
	})

	t.Run("by HTTP", func(t *testing.T) {
		t.Parallel()
		n := s.add(t, "grub-http", "http", mac(0x21))
		s.deploy(t, n)
		l.on(t, netboot.VMConfig{Firmware: netboot.UEFIHTTP, NICs: n.macs}).boots(t, n)
		l.wants(t, "UEFI, GRUB by HTTP boot", mac(0x21), append([]string{
			"HEAD /bootx64.efi", "GET /bootx64.efi", "GET //grubx64.efi", "GET /grub/grub.cfg"}, grub(n)...))
	})
}

// TestIPv6 boots a machine on a network that has no IPv4.
func TestIPv6(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := l.serve("fd77::1", nil)
	s.dnsmasq("--range6", "fd77::1000,fd77::1fff", "--url6", "http://[fd77::1]:6386")
	n := s.add(t, "ipv6", "ipxe", mac(0x30))
	s.deploy(t, n)
	l.on(t, netboot.VMConfig{Firmware: netboot.UEFIv6, NICs: n.macs}).boots(t, n)
	l.wants(t, "UEFI, iPXE by TFTP, IPv6 only", mac(0x30), asks(mac(0x30)))
}

// TestUEFITwoNICs: ipxe.efi, with drivers of its own, finds the registered NIC
// though the firmware booted from another.
func TestUEFITwoNICs(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := l.serve("10.77.0.1", nil)
	s.usher(t, "loaders")
	conf := s.usher(t, append([]string{"dnsmasq", "--interface", netboot.Bridge}, dhcp4...)...)
	l.Dnsmasq(strings.ReplaceAll(conf, "snponly.efi", "ipxe.efi")) // as docs/firmware.md says
	n := s.add(t, "uefi-two-nics", "ipxe", mac(0x32))
	s.deploy(t, n)
	l.on(t, netboot.VMConfig{Firmware: netboot.UEFI, NICs: []usher.MAC{mac(0x31), mac(0x32)}}).boots(t, n)
	l.wants(t, "UEFI, ipxe.efi by TFTP, second NIC registered", mac(0x31), asks(mac(0x31), mac(0x32)))
}
