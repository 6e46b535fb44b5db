package netboot

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/usher-boot/usher/internal/testenv"
)

// BootedMarker begins the line that the [Ramdisk]'s only program prints on
// the first serial line; a space and the kernel command line follow.
const BootedMarker = "USHER-BOOTED"

// NoTimerCheck is a kernel parameter for every boot: on a busy machine an
// emulated x86 timer may miss the check that Linux makes of it, and Linux
// panics. Other processors ignore it.
const NoTimerCheck = "no_timer_check"

// Kernel copies a real Linux kernel, Debian's for virtual machines, to
// dir/vmlinuz and returns that path. fetch-kernel, which scripts/test runs,
// puts it into $USHER_TEST_CACHE (/var/cache/usher-test).
func Kernel(tb testing.TB, dir string) string {
	tb.Helper()
	path := filepath.Join(dir, "vmlinuz")
	if err := copyFile(path, filepath.Join(cache(), "vmlinuz")); err != nil {
		tb.Fatalf("no kernel to boot; scripts/test (test/netboot/fetch-kernel) fetches it: %v", err)
	}
	return path
}

// DebianARM64 is a folder with what machines with [AAVMF] boot, as Debian's
// packages for arm64 have it below /: usr/lib/shim, usr/lib/grub, and a kernel,
// boot/vmlinuz. fetch-arm64, which scripts/test runs, makes it.
func DebianARM64(tb testing.TB) string {
	tb.Helper()
	folder := filepath.Join(cache(), "arm64")
	if _, err := os.Stat(folder); err != nil {
		tb.Fatalf("nothing for arm64; scripts/test (test/netboot/fetch-arm64) fetches it: %v", err)
	}
	return folder
}

// KernelARM64 is [Kernel] for machines with [AAVMF].
func KernelARM64(tb testing.TB, dir string) string {
	tb.Helper()
	path := filepath.Join(dir, "vmlinuz")
	if err := copyFile(path, filepath.Join(DebianARM64(tb), "boot", "vmlinuz")); err != nil {
		tb.Fatal(err)
	}
	return path
}

// cache is the folder that the scripts fetch into.
func cache() string { return cmp.Or(os.Getenv("USHER_TEST_CACHE"), "/var/cache/usher-test") }

// Ramdisk makes dir/ramdisk, a ramdisk for [Kernel], and returns its path. In
// it is one program, this package's guest, which prints a line of
// [BootedMarker] and the kernel command line, and switches the machine off.
func Ramdisk(tb testing.TB, dir string) string {
	tb.Helper()
	return ramdisk(tb, dir, "amd64")
}

// RamdiskARM64 is [Ramdisk] for [KernelARM64].
func RamdiskARM64(tb testing.TB, dir string) string {
	tb.Helper()
	return ramdisk(tb, dir, "arm64")
}

func ramdisk(tb testing.TB, dir, architecture string) string {
	tb.Helper()
	program := filepath.Join(tb.TempDir(), "init")
	build := exec.Command(testenv.NeedProgram(tb, "go")[0], "build", "-trimpath", "-ldflags=-s -w",
		"-o", program, "github.com/usher-boot/usher/test/netboot/guest")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+architecture, "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		tb.Fatalf("build the ramdisk's program: %v\n%s", err, out)
	}
	init, err := os.ReadFile(program)
	if err != nil {
		tb.Fatal(err)
	}
	var archive bytes.Buffer
	zip := gzip.NewWriter(&archive)
	err = writeCPIO(zip, []cpioFile{{name: "init", mode: 0o100755, data: init}})
	if err == nil {
		err = zip.Close()
	}
	path := filepath.Join(dir, "ramdisk")
	if err == nil {
		err = os.WriteFile(path, archive.Bytes(), 0o644)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

// cpioFile is one entry of a kernel's initial ramdisk.
type cpioFile struct {
	name string
	mode uint32 // as in stat(2)
	data []byte
}

// writeCPIO writes an archive in the "newc" form, the one that the kernel
// unpacks (its Documentation/driver-api/early-userspace/buffer-format.rst).
func writeCPIO(w io.Writer, files []cpioFile) error {
	for i, f := range append(files, cpioFile{name: "TRAILER!!!"}) {
		// magic, inode, mode, uid, gid, links, mtime, size, device and
		// rdevice (major, minor each), length of the name, checksum
		header := fmt.Sprintf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
			i+1, f.mode, 0, 0, 1, 0, len(f.data), 0, 0, 0, 0, len(f.name)+1, 0)
		head := pad4(append([]byte(header+f.name), 0))
		if _, err := w.Write(append(head, pad4(f.data)...)); err != nil {
			return err
		}
	}
	return nil
}

// pad4 fills b with zeros to a multiple of four bytes.
func pad4(b []byte) []byte { return append(b, make([]byte, -len(b)&3)...) }

// DiskImage makes dir/disk.img, a disk that a BIOS machine boots and that
// says text on the first serial line, and returns its path.
func DiskImage(tb testing.TB, dir, text string) string {
	tb.Helper()
	image := make([]byte, 1<<20)
	code := copy(image, []byte{
		0x31, 0xc0, // xor ax, ax
		0x8e, 0xd8, // mov ds, ax
		0xbe, 0x15, 0x7c, // mov si, 0x7c15: the text, behind this code
		0xba, 0xf8, 0x03, // mov dx, 0x3f8: the first serial line
		0xac,       // next: lodsb
		0x84, 0xc0, // test al, al
		0x74, 0x03, // jz halt
		0xee,       // out dx, al
		0xeb, 0xf8, // jmp next
		0xf4,       // halt: hlt
		0xeb, 0xfd, // jmp halt
	})
	copy(image[code:440], text+"\r\n")
	image[510], image[511] = 0x55, 0xaa
	path := filepath.Join(dir, "disk.img")
	if err := os.WriteFile(path, image, 0o644); err != nil {
		tb.Fatal(err)
	}
	return path
}
