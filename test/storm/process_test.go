package storm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-boot/usher/internal/testenv"
)

// patience is how long anything may take on a busy machine.
const patience = 2 * time.Minute

// process is one usher that runs until the test ends.
type process struct {
	name   string
	cmd    *exec.Cmd
	exited chan struct{}
	output buffer
}

// buffer collects the end of what a process says.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
	up bool
}

const upMark = "usher is up"

func (l *buffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.up = l.up || bytes.Contains(p, []byte(upMark))
	if l.b.Len() > 1<<20 {
		l.b.Next(l.b.Len() - 1<<16)
	}
	return l.b.Write(p)
}

func (l *buffer) isUp() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.up
}

func (l *buffer) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := strings.Split(l.b.String(), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

// start starts a role of the program without waiting until it is up.
func start(tb testing.TB, name, role, conf string, environ ...string) *process {
	tb.Helper()
	p := &process{name: name, exited: make(chan struct{})}
	p.cmd = exec.Command(program, "--config-file", conf, role)
	p.cmd.Env = append(os.Environ(), environ...)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	if err := testenv.Start(p.cmd, nil, func(error) { close(p.exited) }); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
		if tb.Failed() {
			tb.Logf("%s said last:\n%s", name, p.output.tail())
		}
	})
	return p
}

// await waits until the process is up.
func (p *process) await(tb testing.TB) {
	tb.Helper()
	testenv.Until(tb, patience, p.name+" is up", func() bool {
		select {
		case <-p.exited:
			tb.Fatalf("%s has ended:\n%s", p.name, p.output.tail())
		default:
		}
		return p.output.isUp()
	})
}

// cost is what a process has used.
type cost struct {
	cpu      time.Duration
	rss, top float64 // MiB, now and at most
}

func costOf(pid int) (c cost) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if fields := strings.Fields(string(text)[strings.LastIndexByte(string(text), ')')+1:]); len(fields) > 12 {
		for _, f := range fields[11:13] { // utime and stime
			n, _ := strconv.Atoi(f)
			c.cpu += time.Duration(n) * 10 * time.Millisecond // USER_HZ
		}
	}
	text, _ = os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.ParseFloat(fields[1], 64)
		switch fields[0] {
		case "VmRSS:":
			c.rss = kib / 1024
		case "VmHWM:":
			c.top = kib / 1024
		}
	}
	return c
}

// usher runs a command of the program to its end.
func usher(tb testing.TB, limit time.Duration, conf string, args ...string) (stdout, stderr string, code int, used time.Duration) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, append([]string{"--config-file", conf}, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = patience
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		tb.Fatal(err)
	}
	state := cmd.ProcessState
	return out.String(), errs.String(), state.ExitCode(), state.UserTime() + state.SystemTime()
}

// config writes a configuration file.
func config(tb testing.TB, name string, options ...string) string {
	tb.Helper()
	file := filepath.Join(tb.TempDir(), name+".conf")
	if err := os.WriteFile(file, []byte(testenv.Config(options...)), 0o600); err != nil {
		tb.Fatal(err)
	}
	return file
}
