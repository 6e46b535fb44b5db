package systemd_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/usher-boot/usher/internal/systemd"
)

// TestMain: as the child of TestSockets, tells which sockets there are.
func TestMain(m *testing.M) {
	if os.Getenv("TELL_SOCKETS") == "" {
		os.Exit(m.Run())
	}
	sockets, err := systemd.Sockets()
	for _, name := range []string{"boot", "boot-tls"} {
		if sockets[name] != nil {
			fmt.Println(name, sockets[name].Addr())
		}
	}
	if err != nil {
		fmt.Println(err)
	}
	if again, err := systemd.Sockets(); len(again) > 0 || err != nil {
		fmt.Println("again", again, err)
	}
}

// handed runs this program as a service manager would, with the sockets of
// these names, and returns what it tells.
func handed(t *testing.T, names string, files ...*os.File) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", `LISTEN_PID=$$ exec "$0"`, self)
	cmd.Env = append(os.Environ(), "TELL_SOCKETS=yes", fmt.Sprint("LISTEN_FDS=", len(files)), "LISTEN_FDNAMES="+names)
	cmd.ExtraFiles = files
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

func TestSockets(t *testing.T) {
	var files []*os.File
	var addresses []string
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		file, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		files, addresses = append(files, file), append(addresses, l.Addr().String())
	}
	if got, want := handed(t, "boot-tls:boot", files...), "boot "+addresses[1]+"\nboot-tls "+addresses[0]+"\n"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
	if got := handed(t, "boot:boot", files...); !strings.HasPrefix(got, "boot "+addresses[0]+"\nthe service manager has several sockets named \"boot\"") {
		t.Errorf("two of a name: %q", got)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if got := handed(t, "boot", null); !strings.HasPrefix(got, `the service manager's socket "boot": `) {
		t.Errorf("a file: %q", got)
	}
	if got := handed(t, ""); got != "" {
		t.Errorf("none: %q", got)
	}
}
