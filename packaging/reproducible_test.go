package main

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// copied is Usher's source tree in another folder, without git's.
func copied(t *testing.T, to string) string {
	t.Helper()
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	must(t, "sh", "-c", `tar -C "$1" -c --exclude=./.git --exclude=./dist . | tar -C "$2" -x`, "sh", mustAbs(t, ".."), to)
	return to
}

// TestReproducible: two builds in two folders, one by the script as anybody
// calls it, the other with nothing compiled before, in another time zone and
// with other flags of Go's, are the same to the byte.
func TestReproducible(t *testing.T) {
	need(t, "bash", "tar", "dpkg-deb")
	first, second := filepath.Join(t.TempDir(), "first"), filepath.Join(t.TempDir(), "second")

	anywhere := copied(t, filepath.Join(t.TempDir(), "one"))
	cmd := exec.CommandContext(t.Context(), filepath.Join(anywhere, "scripts/package"), "-out", first, "1.0.0")
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("scripts/package: %v\n%s", err, out)
	}

	two := copied(t, filepath.Join(t.TempDir(), "a much longer path", "two"))
	t.Setenv("GOMODCACHE", strings.TrimSpace(must(t, "go", "env", "GOMODCACHE")))
	t.Setenv("GOCACHE", t.TempDir())
	t.Setenv("GOFLAGS", "-tags=netgo -ldflags=-w")
	t.Setenv("GOAMD64", "v3")
	t.Setenv("TZ", "Asia/Kathmandu")
	src := source{root: two, version: "1.0.0", time: time.Unix(epochForTests, 0).UTC()}
	if _, err := build(t.Context(), src, second, []string{runtime.GOARCH}); err != nil {
		t.Fatal(err)
	}

	name := "usher_1.0.0_" + runtime.GOARCH + ".deb"
	a, b := read(t, filepath.Join(first, name)), read(t, filepath.Join(second, name))
	if !bytes.Equal(a, b) {
		t.Errorf("%s differs: %d and %d bytes", name, len(a), len(b))
	}
	if a, b := imageDigest(t, first), imageDigest(t, second); a != b {
		t.Errorf("the image differs: %s and %s", a, b)
	}
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		checkStatic(t, filepath.Join(first, "usher_1.0.0_"+arch+".deb"), arch, machine)
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// imageDigest is the digest of this machine's image in a folder.
func imageDigest(t *testing.T, dir string) string {
	t.Helper()
	index, _ := one(t, unpacked(t, filepath.Join(dir, "usher_1.0.0_oci.tar")))
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range manifest.Manifests {
		if m.Platform.Architecture == runtime.GOARCH {
			return m.Digest.String()
		}
	}
	t.Fatal("no image for " + runtime.GOARCH)
	return ""
}

// checkStatic: the package is for the architecture that it says, and its program
// needs no library of the system's.
func checkStatic(t *testing.T, deb, arch string, machine elf.Machine) {
	t.Helper()
	if got := strings.TrimSpace(must(t, "dpkg-deb", "--field", deb, "Architecture")); got != arch {
		t.Errorf("%s is for %s", deb, got)
	}
	dir := t.TempDir()
	must(t, "dpkg-deb", "--extract", deb, dir)
	program, err := elf.Open(filepath.Join(dir, "usr/bin/usher"))
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	if program.Machine != machine {
		t.Errorf("the program of %s is for %s", arch, program.Machine)
	}
	if libraries, err := program.ImportedLibraries(); err != nil || len(libraries) > 0 {
		t.Errorf("the program of %s needs %v, %v", arch, libraries, err)
	}
}
