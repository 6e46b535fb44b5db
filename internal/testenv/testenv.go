// Package testenv says what tests may ask of the machine, and gives them
// private servers of the real databases. It is imported by tests only.
package testenv

import (
	"os"
	"os/exec"
	"testing"
)

// NeedProgram returns the paths of the named programs. A missing one fails
// the test; under -short the test is skipped instead, whether or not they are
// there, so that -short needs only Go. This is the only place that skips.
func NeedProgram(tb testing.TB, names ...string) []string {
	tb.Helper()
	if testing.Short() {
		tb.Skipf("-short: leaves out what needs %v", names)
	}
	paths := make([]string, len(names))
	for i, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			// Debian keeps servers out of an ordinary PATH.
			path = "/usr/sbin/" + name
			if _, statErr := os.Stat(path); statErr != nil {
				tb.Fatalf("%s is missing; scripts/test installs it: %v", name, err)
			}
		}
		paths[i] = path
	}
	return paths
}
