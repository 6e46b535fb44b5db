package agent

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/ironicdisk"
)

// How a file that Ironic may be writing right now is read again: until it is
// usable and has been the same twice, but no longer than this. Ironic truncates
// and writes a file in place, which takes it milliseconds.
const (
	settlePause = 50 * time.Millisecond
	settleTries = 20
	// calm is the age from which a file is taken for what it is at once.
	calm = time.Second
)

// read reads a node's boot file for a machine.
func (a *Agent) read(ctx context.Context, i bootiface.Interface, uuid, name string) (ironicdisk.File, error) {
	if a.o.BootFileRead == nil {
		return a.o.Disk.Read(i, uuid, name)
	}
	start := time.Now()
	file, err := a.o.Disk.Read(i, uuid, name)
	told := err
	if told == nil {
		told = file.Problem
	}
	a.o.BootFileRead(ctx, start, told)
	return file, err
}

// settled reads a file until it is neither half nor changing.
func (a *Agent) settled(ctx context.Context, i bootiface.Interface, uuid, name string) (ironicdisk.File, error) {
	var before ironicdisk.File
	for try := 1; ; try++ {
		file, err := a.read(ctx, i, uuid, name)
		if err != nil {
			return ironicdisk.File{}, a.explain(i, err)
		}
		old := isCalm(&file)
		switch {
		case file.Problem == nil && (old || file.Same(&before)):
			return file, nil
		case file.Problem != nil && (old || try == settleTries):
			return ironicdisk.File{}, a.refuse(uuid, &file)
		case try == settleTries:
			return ironicdisk.File{}, a.unfinished(uuid, &file)
		}
		before = file
		select {
		case <-time.After(settlePause):
		case <-ctx.Done():
			return ironicdisk.File{}, notNow(usher.Errorf(usher.ErrUnavailable, "The boot file of node %s is being written.", uuid))
		}
	}
}

// isCalm says that nobody is writing a file just now.
func isCalm(f *ironicdisk.File) bool { return !f.Changing && time.Since(f.Written) >= calm }

// refuse is the error for a file that stays of no use.
func (a *Agent) refuse(uuid string, f *ironicdisk.File) error {
	if errors.Is(f.Problem, ironicdisk.ErrIncomplete) {
		return a.unfinished(uuid, f)
	}
	return f.Refusal(a.o.Host)
}

func (a *Agent) unfinished(uuid string, f *ironicdisk.File) error {
	return usher.Errorf(usher.ErrUnavailable,
		"The boot file of node %s (%s on %s) is empty, incomplete or still being written.", uuid, f.Path, a.o.Host).WithClass(classNotNow)
}

// explain keeps "there is none" apart from a disk that cannot be read.
func (a *Agent) explain(i bootiface.Interface, err error) error {
	if errors.Is(err, usher.ErrNotFound) || errors.Is(err, usher.ErrUnsupported) || errors.Is(err, usher.ErrInvalid) {
		return err
	}
	fix := ""
	switch {
	case errors.Is(err, fs.ErrPermission):
		fix = " Let the account " + account() + " read it: docs/ironic.md, \"File access\"."
	case errors.Is(err, fs.ErrNotExist):
		fix = " Check [deploy]http_root and [pxe]tftp_root: docs/ironic.md, \"File access\"."
	}
	var roots []string
	for _, r := range ironicdisk.Roots(i) {
		roots = append(roots, a.o.Disk.Path(r))
	}
	where := strings.Join(roots, " and ")
	a.o.Logger.Error("a boot file cannot be read", "root", where, "error", err)
	return usher.Errorf(usher.ErrUnavailable, "Below %s on %s: %v.%s", where, a.o.Host, err, fix).WithClass(classNotNow)
}
