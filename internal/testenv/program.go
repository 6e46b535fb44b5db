package testenv

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// MainWithProgram is Main for packages that run the real program: it builds
// usher once, into a folder that is removed afterwards, and puts its path into
// program. Under -short, which leaves such tests out, nothing is built.
func MainWithProgram(m *testing.M, program *string) int {
	flag.Parse()
	if testing.Short() {
		return Main(m)
	}
	dir, err := os.MkdirTemp("", "usher-program-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	*program = filepath.Join(dir, "usher")
	build := exec.Command("go", "build", "-o", *program, "github.com/usher-boot/usher/cmd/usher")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build usher: %v\n%s", err, out)
		return 1
	}
	return Main(m)
}
