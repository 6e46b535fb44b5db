package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// source is a source tree, and what a build of it is called.
type source struct {
	root     string
	version  string    // as people write it: 1.2.3, 1.2.3-rc1, 0.0.0+git20260102.0123456789ab
	revision string    // the commit, empty where there is none
	time     time.Time // of all files that are built
}

// versions are those that Debian takes too, once the hyphen is a tilde.
var versions = regexp.MustCompile(`^[0-9][0-9A-Za-z.+~-]*$`)

// openSource finds out version, commit and time of a tree. version may be
// empty: then the commit's tag, or the commit itself, is the version.
func openSource(ctx context.Context, root, version string) (source, error) {
	s := source{root: root, version: strings.TrimPrefix(version, "v")}
	// A tree without git is one that somebody unpacked.
	if _, err := os.Stat(filepath.Join(root, ".git")); err == nil {
		if s.revision, err = s.git(ctx, "rev-parse", "HEAD"); err != nil {
			return s, err
		}
		seconds, err := s.git(ctx, "log", "-1", "--format=%ct")
		if err != nil {
			return s, err
		}
		if s.time, err = epoch(seconds); err != nil {
			return s, err
		}
		if s.version == "" {
			if s.version, err = s.describe(ctx); err != nil {
				return s, err
			}
		}
	}
	if seconds := os.Getenv("SOURCE_DATE_EPOCH"); seconds != "" {
		t, err := epoch(seconds)
		if err != nil {
			return s, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
		}
		s.time = t
	} else if s.time.IsZero() {
		s.time = time.Unix(0, 0).UTC()
	}
	if s.version == "" {
		return s, fmt.Errorf("%s is no clone of a git repository: say which VERSION it is", root)
	}
	if !versions.MatchString(s.version) {
		return s, fmt.Errorf("version %q: it must start with a digit and hold letters, digits and .+~- only", s.version)
	}
	return s, nil
}

func epoch(seconds string) (time.Time, error) {
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || n < 0 {
		return time.Time{}, fmt.Errorf("%q is no number of seconds since 1970", seconds)
	}
	return time.Unix(n, 0).UTC(), nil
}

// describe is the version of a commit: that of its tag, or the last tag's
// with the commit after it. What is not committed is told by "dirty".
func (s source) describe(ctx context.Context) (string, error) {
	described, err := s.git(ctx, "describe", "--tags", "--match=v[0-9]*", "--always", "--abbrev=12")
	if err != nil {
		return "", err
	}
	version, tagged := strings.CutPrefix(described, "v")
	parts := strings.Split(version, "-g")
	switch {
	case !tagged:
		version = "0.0.0+git" + s.time.Format("20060102") + "." + described
	case len(parts) == 2: // v1.2.3-4-g0123456789ab: four commits later
		last := strings.LastIndexByte(parts[0], '-')
		version = parts[0][:last] + "+" + parts[0][last+1:] + ".g" + parts[1]
	}
	changes, err := s.git(ctx, "status", "--porcelain")
	if changes != "" {
		version += ".dirty"
	}
	return version, err
}

func (s source) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", s.root}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// debianVersion is the version as Debian orders it: 1.0-rc1 before 1.0.
func (s source) debianVersion() string { return strings.ReplaceAll(s.version, "-", "~") }

// imageTag is the version as a registry takes it.
func (s source) imageTag() string { return strings.NewReplacer("+", "_", "~", "-").Replace(s.version) }

// file is a file of the tree.
func (s source) file(path string) string { return filepath.Join(s.root, filepath.FromSlash(path)) }
