package main

import (
	"bytes"
	"cmp"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// guest is a Debian with systemd as its process 1, in namespaces of its own:
// its network is only its loopback.
type guest struct {
	t      *testing.T
	root   string // its root folder
	leader string // its process 1, as this machine numbers it
}

// boot starts a guest and waits until its systemd has said that it is up.
func boot(t *testing.T) *guest {
	t.Helper()
	need(t, "systemd-nspawn", "nsenter", "tar")
	if os.Geteuid() != 0 {
		t.Fatal("this test needs root, for a machine in namespaces")
	}
	g := &guest{t: t, root: filepath.Join(t.TempDir(), "root")}
	if err := os.Mkdir(g.root, 0o755); err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(cmp.Or(os.Getenv("USHER_TEST_CACHE"), "/var/cache/usher-test"), "debian-root.tar")
	if _, err := os.Stat(archive); err != nil {
		t.Fatalf("packaging/fetch-root makes it, and scripts/test calls that: %v", err)
	}
	must(t, "tar", "-x", "-C", g.root, "-f", archive, "--exclude=./dev")
	if err := os.MkdirAll(filepath.Join(g.root, "dev"), 0o755); err != nil {
		t.Fatal(err)
	}

	socket := filepath.Join(t.TempDir(), "notify")
	heard, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer heard.Close()
	args := []string{"--quiet", "--boot", "--register=no", "--private-network", "--notify-ready=yes", "--console=pipe",
		"--directory=" + g.root,
		// Another run's guest has another name, of a folder that only this one has.
		"--machine=usher-" + strings.ToLower(filepath.Base(filepath.Dir(filepath.Dir(g.root))))}
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		args = append(args, "--keep-unit") // nobody here to ask for another
	}
	cmd := exec.Command("systemd-nspawn", args...)
	var console lockedBuffer
	cmd.Stdout, cmd.Stderr = &console, &console
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+socket)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		if t.Failed() {
			if logs := os.Getenv("USHER_TEST_LOGS"); logs != "" {
				_ = os.WriteFile(filepath.Join(logs, "packaging-console.log"), []byte(console.String()), 0o644)
			}
		}
		_ = cmd.Process.Signal(syscall.SIGTERM) // shuts the guest down
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
	})
	if err := heard.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	leader := regexp.MustCompile(`(?m)^X_NSPAWN_LEADER_PID=([0-9]+)$`)
	message := make([]byte, 4096)
	for ready := false; !ready || g.leader == ""; {
		n, err := heard.Read(message)
		if err != nil {
			select {
			case err := <-ended:
				ended <- err
				t.Fatalf("the guest did not start: %v\n%s", err, console.String())
			default:
				t.Fatalf("the guest did not say that it is up: %v", err)
			}
		}
		if m := leader.FindSubmatch(message[:n]); m != nil {
			g.leader = string(m[1])
		}
		ready = ready || bytes.Contains(message[:n], []byte("READY=1"))
	}
	return g
}

// try runs a command in the guest.
func (g *guest) try(command string) (string, error) {
	cmd := exec.CommandContext(g.t.Context(), "nsenter", "--target", g.leader, "--all", "--", "/bin/sh", "-c", command)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "SYSTEMD_PAGER=", "HOME=/root", "DEBIAN_FRONTEND=noninteractive"}
	out, err := cmd.CombinedOutput()
	return strings.TrimRight(string(out), "\n"), err
}

// do runs a command in the guest that must succeed.
func (g *guest) do(command string) string {
	g.t.Helper()
	out, err := g.try(command)
	if err != nil {
		journal, _ := g.try("journalctl --no-pager -n 50 -u 'usher*'")
		g.t.Fatalf("%s: %v\n%s\n%s", command, err, out, journal)
	}
	return out
}

// expect runs a command and holds what it prints, and its exit code, against
// what it should.
func (g *guest) expect(command, want string, code int) {
	g.t.Helper()
	out, err := g.try(command)
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		g.t.Fatal(err)
	}
	if got != code || !strings.Contains(out, want) {
		g.t.Errorf("%s: exit code %d, want %d, and want %q in\n%s", command, got, code, want, out)
	}
}

// show is a property of a unit.
func (g *guest) show(unit, property string) string {
	g.t.Helper()
	return g.do("systemctl show --value --property=" + property + " " + unit)
}

// copy puts a file of this machine into the guest.
func (g *guest) copy(from, to string) {
	g.t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		g.t.Fatal(err)
	}
	g.write(to, string(content))
}

// write puts a file into the guest, through its own eyes: it may have mounts
// of its own there.
func (g *guest) write(to, content string) {
	g.t.Helper()
	path := filepath.Join("/proc", g.leader, "root", to)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		g.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		g.t.Fatal(err)
	}
}
