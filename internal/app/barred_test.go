package app

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/usher-boot/usher/internal/config"
)

// TestBarred: who may not use the SQLite file is told so, and as whom to come
// again; an outage is not an account's fault.
func TestBarred(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usher.sqlite")
	cfg := &config.Config{}
	cfg.Database.Connection = "sqlite:///" + path + "?timeout=5"
	check := func(what, want string) {
		t.Helper()
		got := databaseError(cfg, os.ErrDeadlineExceeded).Error()
		if !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	check("no file", "i/o timeout")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	check("our file", "i/o timeout")

	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 { // who is root is barred from nothing
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := syscall.Setfsuid(65534); err != nil {
			t.Fatal(err)
		}
		defer syscall.Setfsuid(0)
	}
	check("another's file", "may not use the database: open "+path+": permission denied; run it as root, or as the account")
	cfg.Database.Connection = "mysql+pymysql://usher@127.0.0.1/usher"
	check("a server", "i/o timeout")
}
