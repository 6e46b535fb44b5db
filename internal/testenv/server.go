package testenv

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The account that URL speaks of may do everything in the databases that
// Database made and nothing else. Its password needs percent-encoding.
const (
	Account  = "usher"
	Password = "p@ss:w/rd%+ 1"
)

// connections is how many a server takes: as docs/capacity.md wants it for the
// five processes that a test starts at most.
const connections = "300"

// startLimit is how long a server may take to come up on a busy machine.
const startLimit = 60 * time.Second

// Server is a private database server: one process, a folder of its own, a
// unix socket in it, and a TCP port on 127.0.0.1 that stays the same when the
// server is stopped and started. All settings trade safety for speed.
type Server struct {
	Dir    string // of data, socket and log
	Port   string
	engine engine

	mu        sync.Mutex
	cmd       *exec.Cmd
	exited    chan struct{}
	databases int
}

// engine is what differs between the two kinds of server.
type engine struct {
	name    string
	scheme  string // of SQLAlchemy's URLs
	socket  string // query option that names the socket
	install [][]string
	command []string
	stop    syscall.Signal // a fast shutdown in good order
	admin   func(database string) (*sql.DB, error)
	account []string // statements that make Account
	create  func(database string) []string
}

// URL is the connection URL of a database over TCP, in SQLAlchemy's form.
func (s *Server) URL(database string) string {
	return s.engine.scheme + "://" + Account + ":" + escaped() + "@127.0.0.1:" +
		s.Port + "/" + database
}

// SocketURL is the same over the unix socket.
func (s *Server) SocketURL(database string) string {
	return s.engine.scheme + "://" + Account + ":" + escaped() + "@/" + database +
		"?" + s.engine.socket
}

// escaped is the password as a URL holds it; QueryEscape alone would write a
// blank as '+'.
func escaped() string { return strings.ReplaceAll(url.QueryEscape(Password), "+", "%20") }

// Database makes a fresh, empty database and returns its name.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	s.mu.Lock()
	s.databases++
	name := fmt.Sprintf("usher_%d", s.databases)
	s.mu.Unlock()
	s.Admin(tb, "", s.engine.create(name)...)
	return name
}

// Admin runs statements as the server's administrator.
func (s *Server) Admin(tb testing.TB, database string, statements ...string) {
	tb.Helper()
	if err := s.runAdmin(database, statements); err != nil {
		tb.Fatal(err)
	}
}

// Open returns a database as the server's administrator sees it, until the test
// ends.
func (s *Server) Open(tb testing.TB, database string) *sql.DB {
	tb.Helper()
	db, err := s.engine.admin(database)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

func (s *Server) runAdmin(database string, statements []string) error {
	db, err := s.engine.admin(database)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // so that SET holds for the statements after it
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	for _, statement := range statements {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %s: %w", s.engine.name, statement, err)
		}
	}
	return nil
}

// newServer makes the folder, installs the server into it, starts it and
// makes the account.
func newServer(build func(s *Server) engine) (s *Server, err error) {
	dir, err := os.MkdirTemp("", "usher-db-") // short: a socket's path has 107 bytes
	if err != nil {
		return nil, err
	}
	s = &Server{Dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.remove())
		}
	}()
	if s.Port, err = Port("127.0.0.1"); err != nil {
		return nil, err
	}
	s.engine = build(s)
	if err := own(dir); err != nil {
		return nil, err
	}
	for _, args := range s.engine.install {
		if out, err := s.command(args).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	if err := s.start(); err != nil {
		return nil, err
	}
	return s, s.runAdmin("", s.engine.account)
}

// Start starts a stopped server and waits until it answers.
func (s *Server) Start(tb testing.TB) {
	tb.Helper()
	if err := s.start(); err != nil {
		tb.Fatal(err)
	}
}

// Stop shuts the server down in good order and waits for its end.
func (s *Server) Stop(tb testing.TB) {
	tb.Helper()
	if err := s.end(s.engine.stop); err != nil {
		tb.Fatal(err)
	}
}

// Kill ends the server as a crash would.
func (s *Server) Kill(tb testing.TB) {
	tb.Helper()
	if err := s.end(syscall.SIGKILL); err != nil {
		tb.Fatal(err)
	}
}

// Restart is Stop and Start.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	s.Stop(tb)
	s.Start(tb)
}

// Signal sends a signal to the server, such as SIGSTOP and SIGCONT, and waits
// until a SIGSTOP has taken hold.
func (s *Server) Signal(tb testing.TB, sig syscall.Signal) {
	tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		tb.Fatalf("%s does not run", s.engine.name)
	}
	if err := s.cmd.Process.Signal(sig); err != nil {
		tb.Fatal(err)
	}
	for deadline := time.Now().Add(startLimit); sig == syscall.SIGSTOP && !s.halted(); {
		if time.Now().After(deadline) {
			tb.Fatalf("%s does not halt", s.engine.name)
		}
		time.Sleep(time.Millisecond)
	}
}

// Pid is the process of a running server; PostgreSQL has children.
func (s *Server) Pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cmd.Process.Pid
}

// halted says whether each thread of the server has stopped: the signal
// reaches them one by one, and meanwhile the others still answer.
func (s *Server) halted() bool {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", s.cmd.Process.Pid))
	for _, task := range tasks {
		stat, err := os.ReadFile(task)
		// "pid (name) STATE ...", and a name may hold anything.
		if _, state, ok := strings.Cut(string(stat), ") "); err == nil && ok && !strings.HasPrefix(state, "T") {
			return false
		}
	}
	return len(tasks) > 0
}

func (s *Server) start() error {
	deadline := time.Now().Add(startLimit)
	for {
		err := s.startOnce(deadline)
		// After a kill the orphans of the old server may hold its port or
		// shared memory a little longer.
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (s *Server) startOnce(deadline time.Time) error {
	log, err := os.OpenFile(filepath.Join(s.Dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := s.command(s.engine.command)
	cmd.Stdout, cmd.Stderr = log, log
	// If the test process dies, so does the server. The signal is tied to the
	// thread that started it, which therefore must not end before.
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	exited := make(chan struct{})
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // a killed server is no failure
			close(exited)
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	s.mu.Lock()
	s.cmd, s.exited = cmd, exited
	s.mu.Unlock()
	for {
		err := s.runAdmin("", []string{"SELECT 1"})
		if err == nil {
			return nil
		}
		select {
		case <-exited:
			err = fmt.Errorf("%s ended at once: %w\n%s", s.engine.name, err, s.tail())
			s.mu.Lock()
			s.cmd = nil
			s.mu.Unlock()
			return err
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return errors.Join(fmt.Errorf("%s does not answer: %w\n%s", s.engine.name, err, s.tail()), s.end(syscall.SIGKILL))
		}
	}
}

func (s *Server) tail() string {
	log, _ := os.ReadFile(filepath.Join(s.Dir, "log"))
	return string(log[max(0, len(log)-2000):])
}

func (s *Server) end(sig syscall.Signal) error {
	s.mu.Lock()
	cmd, exited := s.cmd, s.exited
	s.cmd = nil
	s.mu.Unlock()
	if cmd == nil {
		return nil
	}
	if err := cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-exited:
		return nil
	case <-time.After(startLimit):
		return fmt.Errorf("%s does not stop; killing it: %v", s.engine.name, cmd.Process.Kill())
	}
}

func (s *Server) remove() error {
	return errors.Join(s.end(syscall.SIGKILL), os.RemoveAll(s.Dir))
}

// command prepares a program in the server's folder, under an account that
// is not root: PostgreSQL refuses root.
func (s *Server) command(args []string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = s.Dir
	cmd.Env = append(os.Environ(), "HOME="+s.Dir, "LC_ALL=C", "TZ=America/New_York")
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if uid, gid, ok := lesser(); ok {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	}
	return cmd
}

// lesser is who servers run as when the tests run as root.
func lesser() (uid, gid uint32, ok bool) {
	if os.Geteuid() != 0 {
		return 0, 0, false
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		return 65534, 65534, true
	}
	u, _ := strconv.ParseUint(nobody.Uid, 10, 32)
	g, _ := strconv.ParseUint(nobody.Gid, 10, 32)
	return uint32(u), uint32(g), true
}

func own(dir string) error {
	uid, gid, ok := lesser()
	if !ok {
		return nil
	}
	return os.Chown(dir, int(uid), int(gid))
}
