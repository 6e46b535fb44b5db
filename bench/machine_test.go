package bench

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// machine says what this runs on.
func machine() Machine {
	return Machine{
		CPU:      found("/proc/cpuinfo", `(?m)^model name\s*:\s*(.+)$`),
		Cores:    runtime.NumCPU(),
		MemoryMB: status("/proc/meminfo", "MemTotal") / 1024,
		Kernel:   found("/proc/sys/kernel/osrelease", `^\S+`),
		System:   found("/etc/os-release", `(?m)^PRETTY_NAME="(.+)"$`),
		Versions: map[string]string{
			"Go":         strings.TrimPrefix(runtime.Version(), "go"),
			"nginx":      said(`nginx/(\S+)`, "nginx", "-v"),
			"wrk":        said(`wrk \S*?([0-9][0-9.]+)`, "wrk", "-v"),
			"MariaDB":    said(`Ver ([0-9.]+)`, "mariadbd", "--version"),
			"PostgreSQL": said(`PostgreSQL\) ([0-9.]+)`, postgres(), "--version"),
			"Ironic":     said(`([0-9][0-9.]+)`, "dpkg-query", "-W", "-f", "${source:Upstream-Version}", "ironic-common"),
		},
	}
}

// postgres is where Debian has the server, in a folder for each version.
func postgres() string {
	all, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(all) == 0 {
		return "postgres"
	}
	return all[len(all)-1]
}

// commit is the tree that is measured.
func commit() string { return said(`(\S+)`, "git", "describe", "--always", "--dirty", "--exclude=*") }

// said is what a program says of itself.
func said(pattern, program string, args ...string) string {
	out, _ := exec.Command(program, args...).CombinedOutput() // wrk -v is an error
	return match(string(out), pattern)
}

func found(file, pattern string) string {
	text, _ := os.ReadFile(file)
	return match(string(text), pattern)
}

func match(text, pattern string) string {
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		return "unknown"
	}
	return strings.TrimSpace(m[len(m)-1])
}
