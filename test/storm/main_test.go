// Package storm plays thousands of machines that power on at once against the
// real program: one API, three conductors and MariaDB, with 'usher storm'
// beside them on the same host. TestStorm and TestOverload look at what the
// machines get; BenchmarkCapacity, which bench/storm runs, at what it costs.
package storm

import (
	"os"
	"testing"

	"github.com/usher-boot/usher/internal/testenv"
)

// program is the usher that all tests run, built once.
var program string

func TestMain(m *testing.M) { os.Exit(testenv.MainWithProgram(m, &program)) }
