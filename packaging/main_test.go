package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

// TestMain removes what the tests built and shared.
func TestMain(m *testing.M) {
	code := m.Run()
	built.mu.Lock()
	defer built.mu.Unlock()
	if built.dir != "" {
		if err := os.RemoveAll(built.dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// built holds what the tests of this process have built, by version.
var built struct {
	mu  sync.Mutex
	dir string
}

// epochForTests is the time of all files in what tests build.
const epochForTests = 1_700_000_000

// dist is the folder with this version, built for this machine from the tree
// that the tests are in.
func dist(t *testing.T, version string) string {
	t.Helper()
	built.mu.Lock()
	defer built.mu.Unlock()
	if built.dir == "" {
		dir, err := os.MkdirTemp("", "usher-dist-")
		if err != nil {
			t.Fatal(err)
		}
		built.dir = dir
	}
	out := filepath.Join(built.dir, version)
	if _, err := os.Stat(out); err == nil {
		return out
	}
	src := source{root: mustAbs(t, ".."), version: version, time: time.Unix(epochForTests, 0).UTC()}
	if _, err := build(t.Context(), src, out, []string{runtime.GOARCH}); err != nil {
		t.Fatal(err)
	}
	return out
}

func debFile(t *testing.T, version string) string {
	return filepath.Join(dist(t, version), "usher_"+version+"_"+runtime.GOARCH+".deb")
}

func mustAbs(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

// need fails the test where a program is missing.
func need(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("%s is missing; scripts/test installs it: %v", name, err)
		}
	}
}

// must runs a program of this machine and returns what it prints.
func must(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// eventually waits for what has no event of its own to wait for.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// lockedBuffer is what a running process writes to while tests read it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
