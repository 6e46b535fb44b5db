package testenv

import (
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// Start starts a command that ends with this process at the latest, however
// this one ends. start, where not nil, is called instead of cmd.Start; ended
// once the command has ended, with what Wait said.
func Start(cmd *exec.Cmd, start func() error, ended func(error)) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	cmd.WaitDelay = time.Second
	if start == nil {
		start = cmd.Start
	}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // Pdeathsig counts the thread that started it
		defer runtime.UnlockOSThread()
		err := start()
		started <- err
		if err == nil {
			ended(cmd.Wait())
		}
	}()
	return <-started
}
