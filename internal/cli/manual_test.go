package cli

import (
	"bytes"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/usher-boot/usher/internal/testenv"
)

// manual writes the pages as a package build does.
func manual(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "man")
	var stderr bytes.Buffer
	if code := Main(t.Context(), []string{"manual", dir}, Env{Program: "usher", Stdout: io.Discard, Stderr: &stderr}); code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	return dir
}

// TestManual: every command that --help shows has its page, and each page has
// every flag of it.
func TestManual(t *testing.T) {
	dir := manual(t)
	for _, c := range []struct{ page, has string }{
		{"usher.1", `\fBusher\-serve\fR(1)`},
		{"usher.1", "OS_"},
		{"usher-node-add.1", `\fB\-\-mac\fR`},
		{"usher-node-add.1", `\fB\-\-config\-file\fR`},
		{"usher-node-add.1", `$OS_ENDPOINT`},
		{"usher-conductor-list.1", `\fB\-\-json\fR`},
		{"usher.conf.5", `\fBhash_ring_algorithm\fR`},
		{"usher.conf.5", `.SH "[usher]"`},
	} {
		text, err := os.ReadFile(filepath.Join(dir, c.page))
		if err != nil {
			t.Error(err)
		} else if !strings.Contains(string(text), c.has) {
			t.Errorf("%s has no %q", c.page, c.has)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "usher-manual.1")); err == nil {
		t.Error("there is a page of a hidden command")
	}
}

// TestManualReads: man itself finds nothing to warn of, and shows what the
// command line's own help says.
func TestManualReads(t *testing.T) {
	man := testenv.NeedProgram(t, "man")[0]
	dir := manual(t)
	pages, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(pages) < 20 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	shown := map[string]string{}
	read := func(page, width string) string {
		var out, warnings bytes.Buffer
		cmd := exec.CommandContext(t.Context(), man, "--warnings", "--local-file", "--pager=cat", page)
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANWIDTH="+width, "MANROFFOPT=-rHY=0", "GROFF_NO_SGR=")
		cmd.Stdout, cmd.Stderr = &out, &warnings
		if err := cmd.Run(); err != nil || warnings.Len() > 0 {
			t.Errorf("%s, %s columns: %v\n%s", filepath.Base(page), width, err, warnings.String())
		}
		return out.String()
	}
	for _, page := range pages {
		read(page, "80") // a terminal's, where long words do not fit
		shown[filepath.Base(page)] = read(page, "200")
	}
	for _, want := range []struct{ page, text string }{
		{"usher-boot.1", "Print what a machine would get"},
		{"usher.1", "4 not now, ask again."},
		{"usher.conf.5", "sqlite:///$state_path/usher.sqlite"},
		{"usher.conf.5", "[DEFAULT]"},
	} {
		if !strings.Contains(shown[want.page], want.text) {
			t.Errorf("%s (of %v) does not show %q", want.page, slices.Sorted(maps.Keys(shown)), want.text)
		}
	}
}
