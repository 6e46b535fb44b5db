// Package test tries the whole program as its users do.
package test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/bcrypt"

	"github.com/usher-boot/usher/internal/cli"
	"github.com/usher-boot/usher/internal/testenv"
)

// TestMain lets the test binary be the real program for the scripts.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"usher": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		reload := make(chan os.Signal, 1)
		signal.Notify(reload, syscall.SIGHUP)
		code := cli.Main(ctx, os.Args[1:], cli.Env{Program: "usher", Stdout: os.Stdout, Stderr: os.Stderr,
			Environ: os.Environ(), Reload: reload})
		os.Exit(code)
	}})
}

// TestScripts runs testdata/script/*.txtar: what a user types, and what
// comes. Each has a state folder and ports of its own.
func TestScripts(t *testing.T) { run(t, "testdata/script") }

// TestClients does the same with clients that others wrote.
func TestClients(t *testing.T) {
	testenv.NeedProgram(t, "openstack")
	run(t, "testdata/clients")
}

func run(t *testing.T, dir string) {
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		Setup:               setup,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"ready":    ready,
			"exits":    exits,
			"counted":  counted,
			"seen":     seen,
			"signal":   signalServe,
			"htpasswd": htpasswd,
			"uuid":     uuid,
		},
	})
}

func setup(env *testscript.Env) error {
	var ports [3]string
	for i := range ports {
		var err error
		if ports[i], err = testenv.Port("127.0.0.1"); err != nil {
			return err
		}
	}
	boot, api, admin := ports[0], ports[1], ports[2]
	env.Setenv("GORACE", "atexit_sleep_ms=0") // or each command takes a second more
	env.Setenv("HOME", env.WorkDir)
	env.Setenv("BOOT_PORT", boot)
	env.Setenv("BOOT", "127.0.0.1:"+boot)
	env.Setenv("API", "127.0.0.1:"+api)
	env.Setenv("ADMIN", "127.0.0.1:"+admin)
	env.Setenv("OS_DEFAULT__STATE_PATH", env.WorkDir+"/state")
	env.Setenv("OS_DEFAULT__HOST", "conductor-1")
	env.Setenv("OS_DEFAULT__MY_IP", "127.0.0.1")
	env.Setenv("OS_CONDUCTOR__FILE_URL_ALLOWED_PATHS", env.WorkDir)
	env.Setenv("OS_USHER__BOOT_LISTEN", "127.0.0.1:"+boot)
	env.Setenv("OS_USHER__ADMIN_LISTEN", "127.0.0.1:"+admin)
	env.Setenv("OS_API__PORT", api)
	return nil
}

// ready waits until the program answers for machines: "ready ADDRESS" of its
// admin door.
func ready(ts *testscript.TestScript, _ bool, args []string) {
	poll(ts, func() error {
		resp, err := http.Get("http://" + args[0] + "/readyz")
		if err != nil {
			return err
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return errors.New(resp.Status)
		}
		return nil
	})
}

// signalServe sends a signal to the program that runs on the state folder:
// "signal TERM", "signal HUP" or "signal KILL".
func signalServe(ts *testscript.TestScript, _ bool, args []string) {
	signals := map[string]syscall.Signal{"TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "KILL": syscall.SIGKILL}
	pid, err := strconv.Atoi(strings.TrimSpace(ts.ReadFile("state/usher.lock")))
	ts.Check(err)
	ts.Check(syscall.Kill(pid, signals[args[0]]))
}

// htpasswd makes a file with one user: "htpasswd FILE USER PASSWORD".
func htpasswd(ts *testscript.TestScript, _ bool, args []string) {
	hash, err := bcrypt.GenerateFromPassword([]byte(args[2]), bcrypt.MinCost)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), fmt.Appendf(nil, "%s:%s\n", args[1], hash), 0o600))
}

// uuid puts the content of a file into $UUID.
func uuid(ts *testscript.TestScript, _ bool, args []string) {
	ts.Setenv("UUID", strings.TrimSpace(ts.ReadFile(args[0])))
}

// counted waits until a metric has a value: "counted ADDRESS METRIC VALUE".
func counted(ts *testscript.TestScript, _ bool, args []string) {
	poll(ts, func() error {
		resp, err := http.Get("http://" + args[0] + "/metrics")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err == nil && !strings.Contains(string(text), args[1]+" "+args[2]+"\n") {
			err = fmt.Errorf("%s is not %s", args[1], args[2])
		}
		return err
	})
}

// seen waits until a file that another process writes holds a text: "seen
// FILE TEXT".
func seen(ts *testscript.TestScript, _ bool, args []string) {
	poll(ts, func() error {
		text, err := os.ReadFile(ts.MkAbs(args[0]))
		if err == nil && !strings.Contains(string(text), args[1]) {
			err = fmt.Errorf("%s does not hold %q but %q", args[0], args[1], text)
		}
		return err
	})
}

// poll asks another process, which has no way to tell us, until it is so.
func poll(ts *testscript.TestScript, so func() error) {
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := so()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%v", err)
		}
	}
}

// exits runs a command and checks its exit code: "exits CODE COMMAND ...".
func exits(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if want := args[0]; fmt.Sprint(code) != want {
		ts.Fatalf("exit code %d, want %s", code, want)
	}
}
