package ironic

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/usher-boot/usher/internal/testenv"
)

// patience is how long anything may take on a busy machine.
const patience = 4 * time.Minute

// process is one program that can be ended and started again.
type process struct {
	tb   testing.TB
	name string
	args []string
	env  []string

	cmd    *exec.Cmd
	exited chan struct{}

	mu     sync.Mutex
	output bytes.Buffer
}

func newProcess(tb testing.TB, name string, args ...string) *process {
	tb.Helper()
	p := &process{tb: tb, name: name, args: args}
	tb.Cleanup(func() {
		p.kill()
		if tb.Failed() {
			said := p.said()
			tb.Logf("the end of what %s said:\n%s", name, said[max(0, len(said)-4000):])
		}
	})
	return p
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.Write(b)
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// launch starts the program in a process group of its own.
func (p *process) launch() {
	p.tb.Helper()
	cmd := exec.Command(p.args[0], p.args[1:]...)
	cmd.Env = append(os.Environ(), p.env...)
	cmd.Stdout, cmd.Stderr = p, p
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	exited := make(chan struct{})
	if err := testenv.Start(cmd, nil, func(error) { close(exited) }); err != nil {
		p.tb.Fatalf("start %s: %v", p.name, err)
	}
	p.cmd, p.exited = cmd, exited
}

// start launches and waits until the program has said mark once more.
func (p *process) start(mark string) {
	p.tb.Helper()
	before := strings.Count(p.said(), mark)
	p.launch()
	testenv.Until(p.tb, patience, p.name+" says "+mark, func() bool {
		select {
		case <-p.exited:
			p.tb.Fatalf("%s ended:\n%s", p.name, p.said())
		default:
		}
		return strings.Count(p.said(), mark) > before
	})
}

// signal goes to the whole group.
func (p *process) signal(sig syscall.Signal) {
	p.tb.Helper()
	if err := syscall.Kill(-p.cmd.Process.Pid, sig); err != nil {
		p.tb.Fatalf("%v to %s: %v", sig, p.name, err)
	}
}

// kill ends it as a crash would.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // it may have ended
	<-p.exited
	p.cmd = nil
}

// stop ends it in good order.
func (p *process) stop() {
	p.tb.Helper()
	p.signal(syscall.SIGTERM)
	select {
	case <-p.exited:
		p.cmd = nil
	case <-time.After(patience):
		p.tb.Fatalf("%s does not stop", p.name)
	}
}
