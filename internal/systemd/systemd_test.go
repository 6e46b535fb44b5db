package systemd

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// manager is the other end: a real datagram socket.
func manager(t *testing.T) (net.Conn, []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, []string{"NOTIFY_SOCKET=" + path}
}

func receive(t *testing.T, conn net.Conn) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

func TestMessages(t *testing.T) {
	conn, environ := manager(t)
	n, err := FromEnviron(environ)
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel() // the last messages come when everything ends
	for _, c := range []struct {
		send func() error
		want string
	}{
		{func() error { return n.Ready(t.Context(), "serve on 6386") }, `READY=1\nSTATUS=serve on 6386`},
		{func() error { return n.Reloading(t.Context()) }, `RELOADING=1\nMONOTONIC_USEC=[1-9][0-9]*`},
		{func() error { return n.Status(t.Context(), "two\nlines\r") }, `STATUS=two lines `},
		{func() error { return n.Stopping(ended, "bye") }, `STOPPING=1\nSTATUS=bye`},
	} {
		if err := c.send(); err != nil {
			t.Fatal(err)
		}
		if got := receive(t, conn); !regexp.MustCompile("^" + c.want + "$").MatchString(got) {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestAbstractSocket(t *testing.T) {
	// The kernel chooses the name, as for a port.
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: "@usher-" + strconv.Itoa(os.Getpid()) + t.Name(), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	n, err := FromEnviron([]string{"NOTIFY_SOCKET=" + conn.LocalAddr().String()})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Status(t.Context(), "here"); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, conn); got != "STATUS=here" {
		t.Errorf("got %q", got)
	}
}

func TestNobodyListens(t *testing.T) {
	for _, environ := range [][]string{nil, {"NOTIFY_SOCKET="}, {"WATCHDOG_USEC=1000000"}} {
		n, err := FromEnviron(environ)
		if n != nil || err != nil {
			t.Errorf("%q: got %v, %v", environ, n, err)
		}
		if err := errors.Join(n.Ready(t.Context(), ""), n.Reloading(t.Context()), n.Stopping(t.Context(), ""), n.Status(t.Context(), "")); err != nil {
			t.Error(err)
		}
		n.Watch(t.Context(), nil, nil) // returns
	}
	gone := &Notifier{socket: filepath.Join(t.TempDir(), "gone")}
	if err := gone.Ready(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "tell the service manager") {
		t.Errorf("got %v", err)
	}
}

func TestFromEnviron(t *testing.T) {
	me := "WATCHDOG_PID=" + strconv.Itoa(os.Getpid())
	for _, c := range []struct {
		environ  string
		watchdog time.Duration
		failure  string
	}{
		{"NOTIFY_SOCKET=/run/n", 0, ""},
		{"NOTIFY_SOCKET=/run/n WATCHDOG_USEC=30000000", 30 * time.Second, ""},
		{"NOTIFY_SOCKET=/run/n WATCHDOG_USEC=30000000 " + me, 30 * time.Second, ""},
		{"NOTIFY_SOCKET=/run/n WATCHDOG_USEC=30000000 WATCHDOG_PID=1", 0, ""},
		{"NOTIFY_SOCKET=run/n", 0, "absolute path"},
		{"NOTIFY_SOCKET=/run/n WATCHDOG_USEC=soon", 0, "microseconds"},
		{"NOTIFY_SOCKET=/run/n WATCHDOG_USEC=0", 0, "microseconds"},
		{"NOTIFY_SOCKET=/run/n WATCHDOG_USEC=9223372036854775807", 0, "microseconds"},
	} {
		n, err := FromEnviron(strings.Fields(c.environ))
		switch {
		case c.failure != "":
			if err == nil || !strings.Contains(err.Error(), c.failure) {
				t.Errorf("%s: got %v, want an error about %s", c.environ, err, c.failure)
			}
		case err != nil:
			t.Errorf("%s: %v", c.environ, err)
		case n.Watched() != c.watchdog:
			t.Errorf("%s: watched every %v, want %v", c.environ, n.Watched(), c.watchdog)
		}
	}
}

// TestWatch: no word while the check fails, and each failure is reported.
func TestWatch(t *testing.T) {
	conn, environ := manager(t)
	n, err := FromEnviron(append(environ, "WATCHDOG_USEC=20000"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	calls := 0
	reports := make(chan error, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		n.Watch(ctx, func(ctx context.Context) error {
			if _, ok := ctx.Deadline(); !ok {
				t.Error("the check has no deadline")
			}
			calls++
			if calls == 1 {
				return errors.New("stuck")
			}
			return nil
		}, func(err error) {
			if err := n.Status(ctx, err.Error()); err != nil {
				t.Error(err)
			}
			reports <- err
		})
	}()
	if got := receive(t, conn); got != "STATUS=stuck" {
		t.Errorf("the first message is %q, want that of the failure", got)
	}
	if got := receive(t, conn); got != "WATCHDOG=1" {
		t.Errorf("got %q", got)
	}
	cancel()
	<-ended
	if len(reports) != 1 {
		t.Errorf("%d reports, want 1", len(reports))
	}
}

// TestWatchRate: twice in the manager's time, so that one may be late.
func TestWatchRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &Notifier{socket: "/nobody", watchdog: 10 * time.Second}
		ctx, cancel := context.WithTimeout(t.Context(), 61*time.Second)
		defer cancel()
		checks := 0
		n.Watch(ctx, func(context.Context) error { checks++; return errors.New("no") }, func(error) {})
		if checks != 13 {
			t.Errorf("%d checks in 61 s, want 13", checks)
		}
	})
}
