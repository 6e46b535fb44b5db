package loaders

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/testenv"
)

// shelf keeps what is installed in memory.
type shelf map[string]string

func (s shelf) InstallRoot(r bootiface.Root, name string, content []byte) error {
	s[string(r)+"/"+name] = string(content)
	return nil
}

// TestInstall: the first place that has a loader wins, files that the
// configuration names come before, what is missing is told with its package.
func TestInstall(t *testing.T) {
	system := fstest.MapFS{
		"usr/lib/ipxe/undionly.kpxe":                           {Data: []byte("bios")},
		"usr/lib/ipxe/snponly.efi":                             {Data: []byte("snp")},
		"usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed": {Data: []byte("signed")},
		"usr/lib/grub/x86_64-efi/monolithic/grubnetx64.efi":    {Data: []byte("unsigned")},
	}
	own := filepath.Join(t.TempDir(), "own.efi")
	if err := os.WriteFile(own, []byte("own"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := shelf{}
	results, err := Install(t.Context(), Options{Roots: got, System: system, Door: "http://10.77.0.1:6386",
		GRUBRoot: []byte("root"), Paths: map[string]string{"snponly.efi": own, "extra.efi": own}})
	if err != nil {
		t.Fatal(err)
	}
	want := shelf{
		"tftp_root/undionly.kpxe": "bios",
		"tftp_root/snponly.efi":   "own", "http_root/snponly.efi": "own",
		"tftp_root/extra.efi": "own", "http_root/extra.efi": "own",
		"tftp_root/grubx64.efi": "signed", "tftp_root/grub/grub.cfg": "root",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("installed (-want +got):\n%s", diff)
	}
	var missing []string
	for _, r := range results {
		if r.Missing != "" {
			missing = append(missing, fmt.Sprintf("%s/%s: %s", r.Root, r.Name, r.Missing))
		}
	}
	slices.Sort(missing)
	wantMissing := []string{
		"http_root/bootx64.efi: shim-signed", "http_root/grubx64.efi: grub-efi-amd64-bin", "http_root/ipxe.efi: ipxe",
		"tftp_root/bootx64.efi: shim-signed", "tftp_root/grub/x86_64-efi/http.mod: grub-efi-amd64-bin", "tftp_root/ipxe.efi: ipxe",
	}
	if diff := cmp.Diff(wantMissing, missing); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
}

func TestInstallRefuses(t *testing.T) {
	for name, o := range map[string]Options{
		"an unknown architecture":        {Architectures: []string{"mips"}},
		"a named file that is not there": {Paths: map[string]string{"snponly.efi": "/nonexistent/file"}},
		"a further one likewise":         {Paths: map[string]string{"x.efi": "/nonexistent/file"}},
	} {
		o.Roots, o.System = shelf{}, fstest.MapFS{}
		if _, err := Install(t.Context(), o); !errors.Is(err, usher.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDebian: every loader for amd64 is where Debian's packages have it, and
// goes through the disk that conductors write too.
func TestDebian(t *testing.T) {
	testenv.NeedProgram(t, "grub-mkimage")
	dir := t.TempDir()
	disk, err := bootiface.OpenDisk(bootiface.DiskOptions{HTTPRoot: dir + "/http", TFTPRoot: dir + "/tftp"})
	if err != nil {
		t.Fatal(err)
	}
	results, err := Install(t.Context(), Options{Roots: disk, Door: "http://10.77.0.1:6386", GRUBRoot: []byte("root\n")})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Missing != "" {
			t.Errorf("%s is missing; scripts/test installs %s", r.Name, r.Missing)
			continue
		}
		if info, err := os.Stat(filepath.Join(disk.Path(r.Root), r.Name)); err != nil || info.Size() == 0 {
			t.Errorf("%s below %s: %v", r.Name, r.Root, err)
		}
	}
}
