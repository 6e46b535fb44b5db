package app

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher/internal/testenv"
)

// TestFullHostName holds it against Python's socket.getfqdn() on this host.
func TestFullHostName(t *testing.T) {
	python := testenv.NeedProgram(t, "python3")[0]
	want, err := exec.CommandContext(t.Context(), python, "-c", "import socket; print(socket.getfqdn())").Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := fullHostName(t.Context()); got != strings.TrimSpace(string(want)) {
		t.Errorf("%q, Python says %q", got, want)
	}
}

func TestNamesIn(t *testing.T) {
	const hosts = "# 10.0.0.1 no\n127.0.0.1 localhost\n10.0.0.1\tc1.example.com c1 # c1.other\n10.0.0.1 later.example.com\n::1 six\nbad\n"
	for address, want := range map[string][]string{
		"10.0.0.1": {"c1.example.com", "c1"}, "::1": {"six"}, "127.0.0.1": {"localhost"}, "10.0.0.2": nil, "x": nil,
	} {
		if diff := cmp.Diff(want, namesIn(hosts, address)); diff != "" {
			t.Errorf("%s: %s", address, diff)
		}
	}
}
