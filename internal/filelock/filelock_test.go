package filelock

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// holdVariable makes the test binary a process that holds the lock of the file
// that it names until its standard input ends.
const holdVariable = "USHER_TEST_HOLD"

func TestMain(m *testing.M) {
	if path := os.Getenv(holdVariable); path != "" {
		lock, err := Acquire(path, 0o600)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("held")
		_, _ = io.Copy(io.Discard, os.Stdin)
		lock.Close()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func heldBy(t *testing.T, path, pid string) {
	t.Helper()
	_, err := Acquire(path, 0o600)
	held, ok := errors.AsType[*HeldError](err)
	if !ok || held.PID != pid || err.Error() != "in use by another usher (pid "+pid+")" {
		t.Errorf("%v, want that pid %s has it", err, pid)
	}
}

// TestOtherProcess: the lock of a process that was killed is free, and its pid
// is told while it lives.
func TestOtherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "usher.lock")
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), holdVariable+"="+path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatalf("the other process said %q, %v", line, err)
	}
	heldBy(t, path, strconv.Itoa(cmd.Process.Pid))
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	lock, err := Acquire(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	heldBy(t, path, strconv.Itoa(os.Getpid()))
	if err := lock.Close(); err != nil {
		t.Error(err)
	}
	if lock, err = Acquire(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := lock.Close(); err != nil {
		t.Error(err)
	}
}

func TestNoFolder(t *testing.T) {
	_, err := Acquire(filepath.Join(t.TempDir(), "none", "usher.lock"), 0o600)
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, want that the folder is missing", err)
	}
}
