package netboot

import (
	"context"
	"errors"
	"os/exec"
	"syscall"
	"time"
)

// grace is how long a process has to end when it is asked to.
const grace = 10 * time.Second

// Process is a program that runs inside a site.
type Process struct {
	// Log is its standard output and error, as they come.
	Log  *Log
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended and Log is complete
	err  error         // set before done is closed
}

// Start runs cmd inside the site; its output goes to the process's Log,
// which name names. It is ended with the test, by its process id, and killed
// by the kernel should the test process vanish.
func (s *Site) Start(name string, cmd *exec.Cmd) *Process {
	s.tb.Helper()
	p := &Process{Log: newLog(s.tb, name), cmd: cmd, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.Log, p.Log
	cmd.WaitDelay = time.Second // for a grandchild that holds the output open
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	// The signal comes when the thread that starts the process ends: the
	// site's thread lives longer than any process in it.
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	if err := s.Do(cmd.Start); err != nil {
		s.tb.Fatalf("start %s: %v", name, err)
	}
	go func() {
		p.err = cmd.Wait()
		p.Log.end()
		close(p.done)
	}()
	s.tb.Cleanup(p.Stop)
	return p
}

// Wait waits until the process has ended and returns how it did.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Stop asks the process to end, then makes it, and waits until it has.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	ctx, cancel := context.WithTimeoutCause(context.Background(), grace, errStillRunning)
	defer cancel()
	if errors.Is(p.Wait(ctx), errStillRunning) {
		p.Kill()
	}
}

var errStillRunning = errors.New("still running")

// Kill ends the process at once, as a power failure would, and waits until it
// has ended.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}
