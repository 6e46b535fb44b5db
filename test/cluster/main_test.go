// Package cluster runs the real program as several conductors and APIs on a
// real database, takes its parts away one after the other under constant
// load, and looks at every answer that machines get.
package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/usher-boot/usher/internal/testenv"
)

// program is the binary under test, built once.
var program string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "usher-cluster-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "usher")
	build := exec.Command("go", "build", "-o", program, "github.com/usher-boot/usher/cmd/usher")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build usher: %v\n%s", err, out)
		return 1
	}
	return testenv.Main(m)
}
