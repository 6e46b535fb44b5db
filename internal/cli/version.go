package cli

import (
	"fmt"
	"runtime/debug"
)

type versionCmd struct{}

func (*versionCmd) Run(s *session) error {
	fmt.Fprintf(s.Stdout, "usher %s\n", version())
	return nil
}

// stamped and stampedCommit are the version and the commit that scripts/package
// gives a program: the linker writes them (-X), and nothing else does.
var stamped, stampedCommit string

// version is the version of a package, the module's version, or the commit it
// was built from.
func version() string {
	if stamped != "" {
		return stamped
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	if revision := revision(info); revision != "" {
		return revision[:min(12, len(revision))]
	}
	return "devel"
}

// commit is what the program was built from, or "unknown".
func commit() string {
	if stampedCommit != "" {
		return stampedCommit
	}
	if info, ok := debug.ReadBuildInfo(); ok && revision(info) != "" {
		return revision(info)
	}
	return "unknown"
}

func revision(info *debug.BuildInfo) string {
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}
