package cluster

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/usher-boot/usher/internal/testenv"
)

// patience is how long anything may take on a busy machine that is not held
// to a bound of its own.
const patience = 60 * time.Second

// process is one usher that can be ended and started again with the same
// configuration.
type process struct {
	tb   testing.TB
	name string // "conductor 1", in messages
	role string // the command
	conf string // its configuration file
	// inside starts it in a network namespace; nil means in the test's own.
	inside func(func() error) error

	cmd    *exec.Cmd
	exited chan struct{}
	err    error // how it ended
	output testenv.Log
}

// newProcess writes the configuration of a process that start starts.
func newProcess(tb testing.TB, name, role, config string) *process {
	tb.Helper()
	conf := filepath.Join(tb.TempDir(), "usher.conf")
	if err := os.WriteFile(conf, []byte(config), 0o600); err != nil {
		tb.Fatal(err)
	}
	p := &process{tb: tb, name: name, role: role, conf: conf}
	tb.Cleanup(func() {
		p.kill()
		if tb.Failed() {
			lines := strings.Split(p.output.String(), "\n")
			var told []string
			for _, line := range lines { // the answers to machines are the checker's to tell
				if !strings.Contains(line, "outcome=served") && !strings.Contains(line, "RPC answered") {
					told = append(told, line)
				}
			}
			tb.Logf("%s said, less what it served:\n%s", name, strings.Join(told[max(0, len(told)-60):], "\n"))
		}
	})
	return p
}

// launch starts the process without waiting for it to be up.
func (p *process) launch() {
	p.tb.Helper()
	cmd := exec.Command(program, "--config-file", p.conf, p.role)
	cmd.Stdout, cmd.Stderr = &p.output, &p.output
	exited := make(chan struct{})
	var start func() error
	if p.inside != nil {
		start = func() error { return p.inside(cmd.Start) }
	}
	if err := testenv.Start(cmd, start, func(err error) { p.err = err; close(exited) }); err != nil {
		p.tb.Fatalf("start %s: %v", p.name, err)
	}
	p.cmd, p.exited = cmd, exited
}

// start starts the process and waits until it says that it is up.
func (p *process) start() {
	p.tb.Helper()
	before := strings.Count(p.output.String(), upMark)
	p.launch()
	p.waitFor(func() bool { return strings.Count(p.output.String(), upMark) > before }, "is up")
}

const upMark = "usher is up"

// waitFor waits until the process has said or done something.
func (p *process) waitFor(done func() bool, what string) {
	p.tb.Helper()
	testenv.Until(p.tb, patience, p.name+" "+what, func() bool {
		if done() {
			return true
		}
		select {
		case <-p.exited:
			p.tb.Fatalf("%s ended (%v) before it %s", p.name, p.err, what)
		default:
		}
		return false
	})
}

// stop asks the process to end and waits until it has. An unclean end fails
// the test.
func (p *process) stop() {
	p.tb.Helper()
	p.signal(syscall.SIGTERM)
	p.wait()
	if p.err != nil {
		p.tb.Errorf("%s ended with %v when asked to stop", p.name, p.err)
	}
}

// wait waits for the end of the process.
func (p *process) wait() {
	p.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	select {
	case <-p.exited:
	case <-ctx.Done():
		p.tb.Fatalf("%s does not end", p.name)
	}
}

// kill ends the process as a power failure would.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.exited
}

func (p *process) signal(s syscall.Signal) {
	p.tb.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.tb.Fatal(err)
	}
}

// usherRun runs a command of the program to its end.
func usherRun(tb testing.TB, conf string, args ...string) (stdout, stderr string, code int) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, append([]string{"--config-file", conf}, args...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		tb.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}
