package netboot_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/test/netboot"
)

// machineMAC is the machine of these tests; other sites have others of that
// address, which do not meet.
var (
	machineMAC = usher.MAC{0x52, 0x54, 0x00, 0x77, 0x00, 0x0a}
	otherMAC   = usher.MAC{0x52, 0x54, 0x00, 0x77, 0x00, 0x0b}
)

const (
	dhcp4 = "port=0\ninterface=" + netboot.Bridge + "\n" +
		"dhcp-range=10.77.0.100,10.77.0.200,255.255.255.0,5m\n" + routers
	dhcp6 = "port=0\ninterface=" + netboot.Bridge + "\ndhcp-range=fd77::1000,fd77::1fff,64,5m\nenable-ra\n"
	// iPXE waits 16 s for a router that says how IPv6 is done here, or that
	// it is not.
	routers = "dhcp-range=fd77::,ra-stateless\nenable-ra\n"
	// Who asks with option 175 is iPXE already.
	thenScript = "dhcp-match=set:ipxe,175\ndhcp-boot=tag:ipxe,http://10.77.0.1:6386/boot.ipxe\n"
	httpBoot   = "dhcp-vendorclass=set:http,HTTPClient\ndhcp-option-force=tag:http,60,HTTPClient\n"
)

func tftp(dir, file string) string {
	return "enable-tftp\ntftp-root=" + dir + "\ndhcp-boot=tag:!ipxe," + file + "\n"
}

// TestBoot proves the kit: each kind of firmware gets from its first DHCP
// request into Linux, with a kernel parameter that only this run has.
func TestBoot(t *testing.T) {
	cases := []struct {
		name     string
		firmware netboot.Firmware
		nics     []usher.MAC
		// config is dnsmasq's, given the folder served by TFTP and HTTP, to
		// which it adds the loaders it names.
		config func(t *testing.T, dir string) string
	}{
		{"bios", netboot.BIOS, []usher.MAC{machineMAC}, func(t *testing.T, dir string) string {
			return dhcp4 + thenScript
		}},
		{"bios-two-nics", netboot.BIOS, []usher.MAC{otherMAC, machineMAC}, func(t *testing.T, dir string) string {
			return dhcp4 + thenScript + "dhcp-host=" + otherMAC.String() + ",ignore\n"
		}},
		{"uefi-tftp-snponly", netboot.UEFI, []usher.MAC{machineMAC}, func(t *testing.T, dir string) string {
			netboot.CopyLoader(t, netboot.SNPOnly, dir)
			return dhcp4 + tftp(dir, "snponly.efi") + thenScript
		}},
		{"uefi-tftp-ipxe", netboot.UEFI, []usher.MAC{machineMAC}, func(t *testing.T, dir string) string {
			netboot.CopyLoader(t, netboot.IPXE, dir)
			return dhcp4 + tftp(dir, "ipxe.efi") + thenScript
		}},
		{"uefi-tftp-ipv6", netboot.UEFIv6, []usher.MAC{machineMAC}, func(t *testing.T, dir string) string {
			netboot.CopyLoader(t, netboot.SNPOnly, dir)
			return dhcp6 + "enable-tftp\ntftp-root=" + dir + "\ndhcp-userclass=set:ipxe,iPXE\n" +
				"dhcp-option=tag:!ipxe,option6:bootfile-url,tftp://[fd77::1]/snponly.efi\n" +
				"dhcp-option=tag:ipxe,option6:bootfile-url,http://[fd77::1]:6386/boot.ipxe\n"
		}},
		{"uefi-http-snponly", netboot.UEFIHTTP, []usher.MAC{machineMAC}, func(t *testing.T, dir string) string {
			netboot.CopyLoader(t, netboot.SNPOnly, dir)
			return dhcp4 + httpBoot + "dhcp-boot=tag:http,http://10.77.0.1:6386/snponly.efi\n" + thenScript
		}},
		{"uefi-tftp-grub", netboot.UEFI, []usher.MAC{machineMAC}, func(t *testing.T, dir string) string {
			netboot.BuildGRUB(t, dir, "/grub", "")
			return dhcp4 + tftp(dir, "grubx64.efi")
		}},
		{"uefi-tftp-debian-grub", netboot.UEFI, []usher.MAC{machineMAC}, func(t *testing.T, dir string) string {
			netboot.CopyLoader(t, netboot.GRUBNet, dir)
			// Debian's looks here for its configuration and for modules.
			modules := filepath.Join(dir, "grub", "x86_64-efi")
			if err := os.Mkdir(modules, 0o755); err != nil {
				t.Fatal(err)
			}
			netboot.CopyLoader(t, netboot.HTTPMod, modules)
			return dhcp4 + tftp(dir, "grubnetx64.efi")
		}},
		{"uefi-http-grub", netboot.UEFIHTTP, []usher.MAC{machineMAC}, func(t *testing.T, dir string) string {
			netboot.BuildGRUB(t, dir, "(http,10.77.0.1:6386)/grub", "")
			return dhcp4 + httpBoot + "dhcp-boot=tag:http,http://10.77.0.1:6386/grubx64.efi\n"
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			site := netboot.New(t)
			parameter := fmt.Sprintf("usher.test=%s-%d", c.name, time.Now().UnixNano())
			serveBoot(t, site, dir, parameter)
			site.Dnsmasq(c.config(t, dir))

			begin := time.Now()
			vm := site.StartVM(netboot.VMConfig{Firmware: c.firmware, NICs: c.nics})
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			cmdline, err := vm.WaitBooted(ctx)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("in Linux after %.1f s", time.Since(begin).Seconds())
			if !strings.Contains(" "+cmdline+" ", " "+parameter+" ") {
				t.Errorf("kernel command line %q lacks %q", cmdline, parameter)
			}
			if err := vm.Wait(ctx); err != nil {
				t.Errorf("the guest should have switched the machine off: %v", err)
			}
		})
	}
}

// TestDisk proves that a machine which the network gives back goes on to its
// disk.
func TestDisk(t *testing.T) {
	dir := t.TempDir()
	site := netboot.New(t)
	write(t, filepath.Join(dir, "boot.ipxe"), "#!ipxe\nexit 1\n")
	site.Serve("10.77.0.1:6386", http.FileServer(http.Dir(dir)))
	site.Dnsmasq(dhcp4 + thenScript)
	vm := site.StartVM(netboot.VMConfig{
		Firmware: netboot.BIOS, NICs: []usher.MAC{machineMAC}, Disk: netboot.DiskImage(t, dir, "booted from the disk"),
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := vm.WaitSerial(ctx, "booted from the disk"); err != nil {
		t.Error(err)
	}
}

// serveBoot stands in for a boot server: a kernel, a ramdisk and scripts that
// load them with parameter.
func serveBoot(t *testing.T, site *netboot.Site, dir, parameter string) {
	t.Helper()
	netboot.Kernel(t, dir)
	netboot.Ramdisk(t, dir)
	// EFI kernels find the ramdisk by the name on their command line.
	line := "initrd=ramdisk panic=1 console=ttyS0 " + netboot.NoTimerCheck + " " + parameter
	write(t, filepath.Join(dir, "boot.ipxe"), "#!ipxe\nkernel vmlinuz "+line+"\ninitrd ramdisk\nboot\n")
	if err := os.Mkdir(filepath.Join(dir, "grub"), 0o755); err != nil {
		t.Fatal(err)
	}
	const door = "(http,10.77.0.1:6386)"
	write(t, filepath.Join(dir, "grub", "grub.cfg"), "linux "+door+"/vmlinuz "+line+"\ninitrd "+door+"/ramdisk\nboot\n")
	site.Serve("[::]:6386", http.FileServer(http.Dir(dir)))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
