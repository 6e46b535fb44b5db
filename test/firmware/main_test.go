// Package firmware boots machines with real firmware through the real
// program: usher with dnsmasq as `usher dnsmasq` configures it, up to a Linux
// that tells what it was booted with. Each test asserts that this node's own
// kernel parameter reached this machine.
package firmware

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/usher-boot/usher/internal/testenv"
)

// program is the usher that all tests run, built once.
var program string

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	flag.Parse()
	dir, err := os.MkdirTemp("", "usher-firmware-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "usher")
	if !testing.Short() { // then every test is left out
		if out, err := exec.Command("go", "build", "-o", program, "../../cmd/usher").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build usher: %v\n%s", err, out)
			return 1
		}
	}
	return testenv.Main(m)
}
