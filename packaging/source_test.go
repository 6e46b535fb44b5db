package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestVersion: what a build is called at each point of a repository's life,
// and what Debian and a registry make of it.
func TestVersion(t *testing.T) {
	need(t, "git", "dpkg")
	root := t.TempDir()
	for name, value := range map[string]string{"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "a",
		"GIT_AUTHOR_EMAIL": "a@localhost", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@localhost",
		"GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z", "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z", "SOURCE_DATE_EPOCH": ""} {
		t.Setenv(name, value)
	}
	git := func(args ...string) { must(t, "git", append([]string{"-C", root}, args...)...) }
	expect := func(given, version, deb, tag string) {
		t.Helper()
		s, err := openSource(t.Context(), root, given)
		if err != nil {
			t.Fatal(err)
		}
		short := ""
		if s.revision != "" {
			short = s.revision[:12]
		}
		hashed := strings.NewReplacer("HASH", short)
		got := []string{s.version, s.debianVersion(), s.imageTag()}
		for i, want := range []string{version, deb, tag} {
			if want = hashed.Replace(want); got[i] != want {
				t.Errorf("got %s, want %s", got[i], want)
			}
		}
	}
	expect("v1.0.0-rc1", "1.0.0-rc1", "1.0.0~rc1", "1.0.0-rc1") // no repository yet
	if _, err := openSource(t.Context(), root, ""); err == nil || !strings.Contains(err.Error(), "VERSION") {
		t.Errorf("without repository and version: %v", err)
	}
	git("init", "--quiet")
	git("commit", "--quiet", "--allow-empty", "--message=one")
	expect("", "0.0.0+git20260102.HASH", "0.0.0+git20260102.HASH", "0.0.0_git20260102.HASH")
	git("tag", "v1.2.0-rc1")
	expect("", "1.2.0-rc1", "1.2.0~rc1", "1.2.0-rc1")
	git("commit", "--quiet", "--allow-empty", "--message=two")
	expect("", "1.2.0-rc1+1.gHASH", "1.2.0~rc1+1.gHASH", "1.2.0-rc1_1.gHASH")
	must(t, "dpkg", "--compare-versions", "1.2.0~rc1", "lt", "1.2.0~rc1+1.g0")
	must(t, "dpkg", "--compare-versions", "1.2.0~rc1+1.g0", "lt", "1.2.0")
	if err := os.WriteFile(filepath.Join(root, "new"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	expect("", "1.2.0-rc1+1.gHASH.dirty", "1.2.0~rc1+1.gHASH.dirty", "1.2.0-rc1_1.gHASH.dirty")
	for _, wrong := range []string{"one", "1.0/2", "1 0"} {
		if _, err := openSource(t.Context(), root, wrong); err == nil || !strings.Contains(err.Error(), "digit") {
			t.Errorf("version %q: %v", wrong, err)
		}
	}
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	if _, err := openSource(t.Context(), root, "1.0"); err == nil || !strings.Contains(err.Error(), "SOURCE_DATE_EPOCH") {
		t.Errorf("a date that is none: %v", err)
	}
}
