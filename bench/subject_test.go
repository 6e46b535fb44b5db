package bench

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// subject is a server of boot files with all processes that have a part in
// its answers.
type subject struct {
	name      string
	fleet     fleet
	address   string
	path      string // %s: the MAC, with hyphens
	processes []*process
	database  func() int // pid of the database server; nil without one
}

// process is one that is started and ended with its subject.
type process struct {
	part  string // what it is called in results
	args  []string
	admin string // host:port of the door that has /readyz; empty without one
	cmd   *exec.Cmd

	exited <-chan struct{}
}

// start starts the processes and waits for the first right answer. It
// returns how long that took, from the first exec on.
func (s *subject) start(b *testing.B) time.Duration {
	b.Helper()
	began := time.Now()
	for _, p := range s.processes {
		p.start(b)
	}
	for _, p := range s.processes {
		if p.admin != "" {
			await(b, "http://"+p.admin+"/readyz", "")
		}
	}
	n := (s.fleet.waiting - 1) * s.fleet.step
	await(b, s.url(n), uuid(n))
	return time.Since(began)
}

// usher says that the subject is Usher, and no reference.
func (s *subject) usher() bool { return s.processes[0].admin != "" }

// stop ends them in good order.
func (s *subject) stop() {
	for i := len(s.processes) - 1; i >= 0; i-- {
		s.processes[i].stop()
	}
}

func (p *process) start(b *testing.B) {
	b.Helper()
	log, err := os.OpenFile(filepath.Join(b.TempDir(), "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	p.cmd = exec.Command(p.args[0], p.args[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	// It ends with this process, however that ends. The signal is tied to the
	// thread that started it, which therefore must not end before.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	started, exited := make(chan error), make(chan struct{})
	p.exited = exited
	go func(cmd *exec.Cmd) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(exited)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it went shows in the answers and in the log
		}
	}(p.cmd)
	if err := <-started; err != nil {
		p.cmd = nil
		b.Fatal(err)
	}
	b.Cleanup(func() {
		p.stop()
		if b.Failed() {
			text, _ := os.ReadFile(log.Name())
			b.Logf("%s:\n%s", p.part, text[max(0, len(text)-4000):])
		}
	})
}

func (p *process) stop() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	<-p.exited
	p.cmd = nil
}

func (s *subject) url(n int) string {
	return "http://" + s.address + fmt.Sprintf(s.path, mac(n))
}

// prepared waits until every waiting node has been answered, each with its
// own boot file.
func (s *subject) prepared(b *testing.B) {
	b.Helper()
	var group errgroup.Group
	group.SetLimit(8)
	for n := 0; n < s.fleet.nodes; n += s.fleet.step {
		group.Go(func() error { return ask200(s.url(n), uuid(n)) })
	}
	if err := group.Wait(); err != nil {
		b.Fatalf("%s: %v", s.name, err)
	}
}

// patience is how long anything may take to come up.
const patience = 2 * time.Minute

// await waits until an URL answers with 200 and text that contains want.
func await(b *testing.B, url, want string) {
	b.Helper()
	if err := ask200(url, want); err != nil {
		b.Fatal(err)
	}
}

func ask200(url, want string) error {
	var last string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		resp, err := http.Get(url)
		if err != nil {
			last = err.Error()
			continue
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err == nil && resp.StatusCode == http.StatusOK {
			if strings.Contains(string(body), want) {
				return nil
			}
			return fmt.Errorf("%s: wrong answer, without %q:\n%s", url, want, body)
		}
		last = fmt.Sprint(resp.Status, " ", err)
	}
	return fmt.Errorf("%s does not answer: %s", url, last)
}

// used is the CPU time of each part until now.
func (s *subject) used() map[string]time.Duration {
	parts := map[string]time.Duration{}
	for _, p := range s.processes {
		parts[p.part] += cpuOf(p.cmd.Process.Pid)
	}
	if s.database != nil {
		parts["database"] = cpuOf(s.database())
	}
	return parts
}

// own is the CPU time and the voluntary switches of the subject's processes,
// without the database.
func (s *subject) own() (cpu time.Duration, slept int) {
	for _, p := range s.processes {
		cpu += cpuOf(p.cmd.Process.Pid)
		slept += switches(p.cmd.Process.Pid)
	}
	return cpu, slept
}

// memory is a line of /proc/<pid>/status of each process, in MiB.
func (s *subject) memory(line string) map[string]float64 {
	parts := map[string]float64{}
	for _, p := range s.processes {
		parts[p.part] = memory(p.cmd.Process.Pid, line)
	}
	return parts
}

// settle waits until what the start has begun is done: until a second passes
// in which the processes use less than a hundredth of a core.
func (s *subject) settle(b *testing.B) {
	b.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		before, _ := s.own()
		time.Sleep(time.Second)
		if after, _ := s.own(); after-before < 10*time.Millisecond {
			return
		}
	}
	b.Logf("%s does not come to rest", s.name)
}

// idle watches the subject while nobody asks.
func (s *subject) idle(d time.Duration) *Idle {
	cpu, slept := s.own()
	began := time.Now()
	time.Sleep(d)
	cpuAfter, sleptAfter := s.own()
	seconds := time.Since(began).Seconds()
	return &Idle{Seconds: seconds, CPU: float64((cpuAfter - cpu).Microseconds()) / seconds,
		Switches: float64(sleptAfter-slept) / seconds}
}
