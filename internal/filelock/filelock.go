// Package filelock keeps two processes off one resource by a lock on a file
// beside it. The kernel releases the lock when the process ends, however it
// ends; the file stays. It holds the pid of the last owner, for people.
package filelock

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// HeldError says that somebody else has the lock.
type HeldError struct {
	PID string // of the owner; empty where it has not been written yet
}

func (e *HeldError) Error() string {
	if e.PID == "" {
		return "in use by another usher"
	}
	return fmt.Sprintf("in use by another usher (pid %s)", e.PID)
}

// Acquire locks the file at path, which it makes with perm if it is missing.
// Closing the result releases the lock. Where another process, or another
// caller in this one, has the lock, it fails at once with a *HeldError.
func Acquire(path string, perm fs.FileMode) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, perm)
	if err != nil {
		return nil, err
	}
	if err := lock(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		pid, _ := os.ReadFile(f.Name()) // the error is right without it
		return &HeldError{PID: strings.TrimSpace(string(pid))}
	}
	if err != nil {
		return &os.PathError{Op: "lock", Path: f.Name(), Err: err}
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, os.Getpid())
	return err
}
