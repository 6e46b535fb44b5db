package netboot

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/usher-boot/usher/internal/testenv"
)

// Loader is a network boot program that Debian ships.
type Loader string

// Loaders, by the names under which people serve them.
const (
	Undionly Loader = "undionly.kpxe"  // iPXE for BIOS, on the NIC's own driver
	SNPOnly  Loader = "snponly.efi"    // iPXE for UEFI, on the firmware's driver; sees one NIC
	IPXE     Loader = "ipxe.efi"       // iPXE for UEFI with its own drivers; sees all NICs
	GRUBNet  Loader = "grubnetx64.efi" // Debian's GRUB for network boot; 2.06 has no http inside
	HTTPMod  Loader = "http.mod"       // the module that GRUBNet 2.06 lacks
)

// CopyLoader copies Debian's loader into dir and returns the copy's path.
func CopyLoader(tb testing.TB, l Loader, dir string) string {
	tb.Helper()
	var from string
	switch l {
	case Undionly, SNPOnly, IPXE:
		from = needFile(tb, "/usr/lib/ipxe/"+string(l), "ipxe")
	case GRUBNet:
		from = needFile(tb, grubModules+"/monolithic/"+string(l), "grub-efi-amd64-bin")
	case HTTPMod:
		from = needFile(tb, grubModules+"/"+string(l), "grub-efi-amd64-bin")
	default:
		tb.Fatalf("unknown loader %q", l)
	}
	to := filepath.Join(dir, string(l))
	if err := copyFile(to, from); err != nil {
		tb.Fatal(err)
	}
	return to
}

const grubModules = "/usr/lib/grub/x86_64-efi"

// BuildGRUB makes dir/grubx64.efi, GRUB with all that network boot needs
// inside and prefix, such as "(http,10.77.0.1:6386)/grub" or "/grub" for where
// it was loaded from, and returns its path. It reads prefix/grub.cfg when config
// is empty, else it runs config, for which the NIC is configured already where
// the firmware loaded GRUB over the network.
func BuildGRUB(tb testing.TB, dir, prefix, config string) string {
	tb.Helper()
	mkimage := testenv.NeedProgram(tb, "grub-mkimage")[0]
	needFile(tb, grubModules+"/http.mod", "grub-efi-amd64-bin")
	path := filepath.Join(dir, "grubx64.efi")
	args := []string{"-O", "x86_64-efi", "-d", grubModules, "-o", path, "-p", prefix}
	if config != "" {
		early := filepath.Join(tb.TempDir(), "early.cfg")
		if err := os.WriteFile(early, []byte(config), 0o644); err != nil {
			tb.Fatal(err)
		}
		args = append(args, "-c", early)
	}
	args = append(args, "normal", "configfile", "efinet", "net", "tftp", "http", "linux",
		"echo", "sleep", "test", "true", "regexp", "reboot", "halt", "serial", "terminal")
	if out, err := exec.Command(mkimage, args...).CombinedOutput(); err != nil {
		tb.Fatalf("grub-mkimage: %v\n%s", err, out)
	}
	return path
}

// needFile fails the test, naming Debian's package, where path is missing.
func needFile(tb testing.TB, path, debianPackage string) string {
	tb.Helper()
	if _, err := os.Stat(path); err != nil {
		tb.Fatalf("scripts/test installs Debian's %s: %v", debianPackage, err)
	}
	return path
}
