// Package firmware boots machines with real firmware through the real
// program: usher with dnsmasq as `usher dnsmasq` configures it, up to a Linux
// that tells what it was booted with. Each test asserts that this node's own
// kernel parameter reached this machine.
package firmware

import (
	"os"
	"testing"

	"github.com/usher-boot/usher/internal/testenv"
)

// program is the usher that all tests run, built once.
var program string

func TestMain(m *testing.M) { os.Exit(testenv.MainWithProgram(m, &program)) }
