package netboot

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/testenv"
)

// Firmware is what a machine starts with, and how it looks for its network
// boot program.
type Firmware string

const (
	// BIOS is SeaBIOS; each NIC has iPXE in its ROM.
	BIOS Firmware = "bios"
	// UEFI is OVMF. Each NIC tries PXE, then HTTP Boot, over IPv4.
	UEFI Firmware = "uefi"
	// UEFIv6 is OVMF. Each NIC tries PXE over IPv6, then HTTP Boot.
	UEFIv6 Firmware = "uefi-v6"
	// UEFIHTTP is OVMF without PXE: each NIC tries HTTP Boot at once.
	UEFIHTTP Firmware = "uefi-http"
	// AAVMF is UEFI on an arm64 machine, and tries what [UEFI] tries.
	AAVMF Firmware = "aavmf"
	// AAVMFHTTP is AAVMF that tries what [UEFIHTTP] tries.
	AAVMFHTTP Firmware = "aavmf-http"
)

// Where Debian's ovmf and qemu-efi-aarch64 have the firmware and the settings
// of a new machine.
const (
	ovmfCode  = "/usr/share/OVMF/OVMF_CODE_4M.fd"
	ovmfVars  = "/usr/share/OVMF/OVMF_VARS_4M.fd"
	aavmfCode = "/usr/share/AAVMF/AAVMF_CODE.fd"
	aavmfVars = "/usr/share/AAVMF/AAVMF_VARS.fd"
)

// VMConfig describes a virtual machine.
type VMConfig struct {
	Name     string // of its log, "vm" when empty
	Firmware Firmware
	NICs     []usher.MAC // in boot order
	Disk     string      // a raw disk image to boot when the NICs gave up; may be empty
	Memory   int         // in MiB, 512 when 0
}

// VM is a virtual machine; its Log is its serial line, on which firmware and
// boot loader speak too. It ends when its guest switches it off or reboots.
type VM struct{ *Process }

// StartVM switches on a machine in the site, with one tap on [Bridge] for
// each of its NICs.
func (s *Site) StartVM(cfg VMConfig) *VM {
	s.tb.Helper()
	// Without graphics SeaBIOS, and so iPXE, speaks on the serial line.
	program, machine := "qemu-system-x86_64", []string{"-machine", "q35,accel=tcg,graphics=off"}
	if cfg.Firmware == AAVMF || cfg.Firmware == AAVMFHTTP {
		program, machine = "qemu-system-aarch64", []string{"-machine", "virt,accel=tcg", "-cpu", "cortex-a57"}
	}
	program = testenv.NeedProgram(s.tb, program)[0]
	name := cfg.Name
	if name == "" {
		name = "vm"
	}
	memory := cfg.Memory
	if memory == 0 {
		memory = 512
	}
	args := append(machine,
		"-no-user-config", "-nodefaults", "-no-reboot", "-display", "none",
		"-m", strconv.Itoa(memory),
		"-serial", "file:/dev/stdout",
		"-device", "virtio-rng-pci", // newer OVMF has no network without
	)
	args = append(args, s.firmware(cfg.Firmware)...)
	for i, mac := range cfg.NICs {
		device := fmt.Sprintf("virtio-net-pci,netdev=n%d,mac=%s,bootindex=%d", i, mac, i+1)
		if cfg.Firmware != BIOS {
			device += ",romfile=" // OVMF has its own driver and PXE
		}
		args = append(args, "-device", device,
			"-netdev", fmt.Sprintf("tap,id=n%d,ifname=%s,script=no,downscript=no", i, s.tap()))
	}
	if cfg.Disk != "" {
		args = append(args, "-drive", "if=none,id=disk,format=raw,snapshot=on,file="+cfg.Disk,
			"-device", fmt.Sprintf("virtio-blk-pci,drive=disk,bootindex=%d", len(cfg.NICs)+1))
	}
	return &VM{s.Start(name, exec.Command(program, args...))}
}

// firmware returns QEMU's arguments for a firmware.
func (s *Site) firmware(f Firmware) []string {
	s.tb.Helper()
	const pxe = "name=opt/org.tianocore/IPv%dPXESupport,string=%s"
	v4, v6 := "n", "n"
	code, settings, debianPackage := ovmfCode, ovmfVars, "ovmf"
	switch f {
	case BIOS:
		needFile(s.tb, "/usr/lib/ipxe/qemu/pxe-virtio.rom", "ipxe-qemu")
		return nil
	case UEFI:
		v4 = "y"
	case UEFIv6:
		v6 = "y"
	case UEFIHTTP:
	case AAVMF, AAVMFHTTP:
		code, settings, debianPackage = aavmfCode, aavmfVars, "qemu-efi-aarch64"
		if f == AAVMF {
			v4 = "y"
		}
	default:
		s.tb.Fatalf("unknown firmware %q", f)
	}
	// Each machine writes to its own settings.
	vars := filepath.Join(s.tb.TempDir(), "vars.fd")
	if err := copyFile(vars, needFile(s.tb, settings, debianPackage)); err != nil {
		s.tb.Fatal(err)
	}
	return []string{
		"-drive", "if=pflash,format=raw,unit=0,readonly=on,file=" + needFile(s.tb, code, debianPackage),
		"-drive", "if=pflash,format=raw,unit=1,file=" + vars,
		"-fw_cfg", fmt.Sprintf(pxe, 4, v4), "-fw_cfg", fmt.Sprintf(pxe, 6, v6),
	}
}

// tap makes a tap on the bridge and returns its name.
func (s *Site) tap() string {
	s.tb.Helper()
	name := fmt.Sprintf("tap%d", s.taps)
	s.taps++
	s.ip("tuntap add " + name + " mode tap")
	s.ip("link set " + name + " master " + Bridge + " up")
	return name
}

// WaitSerial returns when text has appeared on the machine's serial line. It
// fails, showing the last lines there, when ctx ends or the machine does.
func (vm *VM) WaitSerial(ctx context.Context, text string) error { return vm.Log.Wait(ctx, text) }

// WaitBooted returns the kernel command line of the Linux of [Kernel] and
// [Ramdisk] when it has come up in the machine.
func (vm *VM) WaitBooted(ctx context.Context) (cmdline string, err error) {
	return vm.Log.WaitLine(ctx, BootedMarker+" ")
}

func copyFile(to, from string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(dst, src); err != nil {
		dst.Close()
		return err
	}
	return dst.Close()
}
