package bootiface

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher/internal/testenv"
)

// TestGRUB boots UEFI firmware over TFTP into a GRUB of the distribution's
// modules, which then follows our root configuration by HTTP.
func TestGRUB(t *testing.T) {
	mkimage := testenv.NeedProgram(t, "grub-mkimage", "qemu-system-x86_64")[0]
	t.Parallel()
	r, err := NewRenderer("")
	if err != nil {
		t.Fatal(err)
	}
	const asked = "/v1/boot/52:54:00:00:00:01/grub.cfg"
	m := serveMachines(t, func(url string) map[string]answer {
		root, err := r.GRUBRoot(RootScript{APIBase: url})
		if err != nil {
			t.Fatal(err)
		}
		i, _ := Lookup("http")
		node, err := r.Node(i, NodeScript{UUID: exampleUUID, Kind: Deploy, Kernel: url + "/k", Ramdisk: url + "/r"})
		if err != nil {
			t.Fatal(err)
		}
		device := "(http," + strings.TrimPrefix(url, "http://") + ")"
		return map[string]answer{"/boot.grub": script(string(root)), asked: func(w http.ResponseWriter, r *http.Request, nth int) {
			switch nth {
			case 1: // GRUB runs the body of an error
				w.WriteHeader(http.StatusServiceUnavailable)
				_, _ = io.WriteString(w, "# not now\n")
			case 2: // has a kernel that is not there
				_, _ = w.Write(node)
			default:
				_, _ = io.WriteString(w, "source "+device+"/booted\n")
			}
		}}
	})
	dir := t.TempDir()
	early := "configfile (http," + strings.TrimPrefix(m.url, "http://") + ")/boot.grub\n"
	if err := os.WriteFile(filepath.Join(dir, "early.cfg"), []byte(early), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), mkimage, "--format=x86_64-efi", "--prefix=(tftp)/grub", "--config=early.cfg", "--output=grub.efi",
		"normal", "configfile", "http", "tftp", "efinet", "linux", "echo", "sleep", "test", "serial", "terminal")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("grub-mkimage: %v\n%s", err, out)
	}
	vars, err := os.ReadFile("/usr/share/OVMF/OVMF_VARS.fd")
	if err != nil {
		t.Fatalf("the package ovmf is missing; scripts/test installs it: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "vars"), vars, 0o600); err != nil {
		t.Fatal(err)
	}
	code := m.run(t, dir, "-machine", "q35", "-m", "256",
		"-drive", "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE.fd",
		"-drive", "if=pflash,format=raw,file=vars",
		"-netdev", "user,id=n1,ipv6=off,tftp=.,bootfile=grub.efi",
		"-device", "virtio-net-pci,netdev=n1,mac=52:54:00:00:00:01,romfile=,bootindex=0")
	if code != -1 {
		t.Errorf("QEMU ended with %d", code)
	}
	want := []string{"/boot.grub", asked, asked, "/k", asked, "/booted"}
	if diff := cmp.Diff(want, m.requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}
