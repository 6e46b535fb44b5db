package ironic

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/usher-boot/usher/internal/testenv"
)

// release is one Ironic that the tests run.
type release struct {
	number  int    // among those tried
	suite   string // of Debian, "host" for what is installed here
	root    string // the folder that fetch-ironic made of it; "" for the host
	version string
	major   int
}

// suites are the releases of Debian whose Ironic is tried. $USHER_TEST_IRONIC
// names others; scripts/test-newest sets it.
func suites() []string {
	if named := os.Getenv("USHER_TEST_IRONIC"); named != "" {
		return strings.Fields(named)
	}
	return []string{"host", "trixie"}
}

// laterSuites leaves out what is installed here.
func laterSuites() []string {
	return slices.DeleteFunc(suites(), func(suite string) bool { return suite == "host" })
}

// eachRelease runs a test with every release of these, side by side.
func eachRelease(t *testing.T, suites []string, test func(*testing.T, release)) {
	for i, suite := range suites {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			r := findRelease(t, suite)
			r.number = i
			test(t, r)
		})
	}
}

func findRelease(t *testing.T, suite string) release {
	t.Helper()
	r := release{suite: suite}
	if suite == "host" {
		testenv.NeedProgram(t, "ironic-api", "ironic-conductor", "ironic-dbsync")
	} else {
		testenv.NeedProgram(t, "unshare")
		cache := os.Getenv("USHER_TEST_CACHE")
		if cache == "" {
			cache = "/var/cache/usher-test"
		}
		r.root = filepath.Join(cache, "ironic-"+suite)
		if _, err := os.Stat(r.root); err != nil {
			t.Fatalf("scripts/test has test/ironic/fetch-ironic %s make it: %v", suite, err)
		}
	}
	args := r.command(t.TempDir(), "/usr/bin/python3", "-c", "import importlib.metadata as m; print(m.version('ironic'))")
	out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).Output()
	if err != nil {
		t.Fatalf("which Ironic is in %s: %v", suite, err)
	}
	r.version = strings.TrimSpace(string(out))
	major, _, _ := strings.Cut(r.version, ".")
	if r.major, err = strconv.Atoi(major); err != nil {
		t.Fatalf("version %q of Ironic: %v", r.version, err)
	}
	t.Logf("Ironic %s", r.version)
	return r
}

// command is how a program of this Ironic is run, which reads and writes below
// dir.
func (r release) command(dir string, args ...string) []string {
	if r.root == "" {
		return args
	}
	return append([]string{"./in-root", r.root, dir}, args...)
}

// boots are its boot interfaces whose files Usher serves.
func (r release) boots() []string {
	if r.current() {
		return []string{"ipxe", "pxe", "http", "http-ipxe"}
	}
	return []string{"ipxe", "pxe"}
}

// current says that this Ironic is of 2025.1 or later: it has the boot
// interfaces http and http-ipxe and the service states, and its conductors are
// called host:port where JSON-RPC is not on its usual port.
func (r release) current() bool { return r.major >= 29 }
