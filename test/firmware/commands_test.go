package firmware

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/usher-boot/usher/internal/testenv"
)

// TestCommands: what is wrong with the arguments, or missing on this host, is
// said by name, with the exit code that scripts tell it by.
func TestCommands(t *testing.T) {
	testenv.NeedProgram(t, "go") // the program was built
	t.Parallel()
	env := []string{"OS_DEFAULT__STATE_PATH=" + t.TempDir(), "OS_DEFAULT__MY_IP=10.77.0.1", "PATH=/nonexistent"}
	for _, tc := range []struct {
		args string
		code int
		says string
	}{
		{"dnsmasq --interface eth1 --range 10.77.0.100,10.77.0.200", 0, "dhcp-boot=tag:ipxe,http://10.77.0.1:6386/boot.ipxe"},
		{"dnsmasq --interface eth1", 2, "a range of addresses is needed"},
		{"dnsmasq --interface eth1 --range 10.77.0.1,fd77::1", 2, `range "10.77.0.1,fd77::1"`},
		{"dnsmasq --interface eth1 --range 10.77.0.1,10.77.0.9 --url http://localhost", 0, "http://localhost/boot.ipxe"},
		{"dnsmasq --interface eth1 --range 10.77.0.1,10.77.0.9 --url http://127.0.0.1:6386", 2, "machines cannot reach"},
		{"dnsmasq --interface eth1 --range 10.77.0.1,10.77.0.9 --tftp-root /a --tftp-server 10.0.0.1", 2, "--tftp-server"},
		{"loaders --arch sparc", 2, "sparc"},
		{"loaders --arch arm64", 3, "grub-efi-arm64-bin"}, // Debian on amd64 has none
		{"root-script --grub", 0, `source "(http,10.77.0.1:6386)/v1/boot/${net_default_mac}/grub.cfg"`},
	} {
		cmd := exec.Command(program, strings.Fields(tc.args)...)
		cmd.Env = env
		out, err := cmd.CombinedOutput()
		code := 0
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			code = exit.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		if code != tc.code || !strings.Contains(string(out), tc.says) {
			t.Errorf("usher %s: exit code %d, want %d and %q in:\n%s", tc.args, code, tc.code, tc.says, out)
		}
	}
}
