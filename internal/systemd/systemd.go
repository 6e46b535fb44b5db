// Package systemd tells the service manager how this process is: ready,
// reloading, stopping, alive. It speaks the protocol of sd_notify(3), which
// is one datagram for each message to the socket in $NOTIFY_SOCKET. Without
// that socket it does nothing. It also takes the sockets that the manager hands
// over.
//
// go-systemd's daemon.SdNotify would do for a message, but waits without a
// bound for a manager whose socket is full.
package systemd

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// sendLimit bounds a message: the manager's socket may be full.
const sendLimit = 2 * time.Second

// Notifier sends messages to the service manager. A nil Notifier is one
// without a manager: its methods do nothing.
type Notifier struct {
	socket   string
	watchdog time.Duration // 0: nobody watches
}

// FromEnviron returns the Notifier of a process with this environment
// ("NAME=value"), nil where no manager waits to be told. A manager's variable
// that makes no sense is an error: it would end the process later, unexplained.
func FromEnviron(environ []string) (*Notifier, error) {
	socket := value(environ, "NOTIFY_SOCKET")
	if socket == "" {
		return nil, nil
	}
	if socket[0] != '/' && socket[0] != '@' {
		return nil, fmt.Errorf("$NOTIFY_SOCKET is %q; it must be an absolute path, or start with @", socket)
	}
	n := &Notifier{socket: socket}
	text := value(environ, "WATCHDOG_USEC")
	if text == "" {
		return n, nil
	}
	usec, err := strconv.ParseInt(text, 10, 64)
	if err != nil || usec <= 0 || usec > int64(1<<63-1)/int64(time.Microsecond) {
		return nil, fmt.Errorf("$WATCHDOG_USEC is %q; it must be a number of microseconds above 0", text)
	}
	if pid := value(environ, "WATCHDOG_PID"); pid == "" || pid == strconv.Itoa(os.Getpid()) {
		n.watchdog = time.Duration(usec) * time.Microsecond
	}
	return n, nil
}

func value(environ []string, name string) string {
	found := ""
	for _, v := range environ {
		if text, ok := strings.CutPrefix(v, name+"="); ok {
			found = text // the last one counts, as in os/exec
		}
	}
	return found
}

// Ready says that the process does its work; also after Reloading. status is
// one line for people, which "systemctl status" shows.
func (n *Notifier) Ready(ctx context.Context, status string) error {
	return n.send(ctx, "READY=1", statusLine(status))
}

// Reloading says that the configuration is being read again; Ready ends it.
func (n *Notifier) Reloading(ctx context.Context) error {
	if n == nil {
		return nil
	}
	// Type=notify-reload wants to know when, on the clock of all processes.
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return fmt.Errorf("read the monotonic clock: %w", err)
	}
	return n.send(ctx, "RELOADING=1", "MONOTONIC_USEC="+strconv.FormatInt(now.Nano()/1000, 10))
}

// Stopping says that the process is about to end.
func (n *Notifier) Stopping(ctx context.Context, status string) error {
	return n.send(ctx, "STOPPING=1", statusLine(status))
}

// Status says in one line how things stand.
func (n *Notifier) Status(ctx context.Context, status string) error {
	return n.send(ctx, statusLine(status))
}

// Watched says how often the manager wants to hear that the process is alive;
// 0 where it does not.
func (n *Notifier) Watched() time.Duration {
	if n == nil {
		return 0
	}
	return n.watchdog
}

// Watch tells the manager that the process is alive as often as it wants to
// hear it, and only after alive found it so. alive has half of that time. What
// it finds wrong goes to report; if it finds the same until the manager's time
// is up, the manager ends the process. Watch returns when ctx ends, or at once
// where nobody watches.
func (n *Notifier) Watch(ctx context.Context, alive func(ctx context.Context) error, report func(error)) {
	if n.Watched() == 0 {
		return
	}
	ticks := time.NewTicker(n.watchdog / 2)
	defer ticks.Stop()
	for {
		err := n.ping(ctx, alive)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			report(err)
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return
		}
	}
}

func (n *Notifier) ping(ctx context.Context, alive func(ctx context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, n.watchdog/2)
	defer cancel()
	if err := alive(limited); err != nil {
		return err
	}
	return n.send(ctx, "WATCHDOG=1")
}

func statusLine(status string) string {
	return "STATUS=" + strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' {
			return ' ' // a line of its own would be a message of its own
		}
		return r
	}, status)
}

// send opens the socket for each message: they are rare, and a manager that
// was started again has a new one.
func (n *Notifier) send(ctx context.Context, lines ...string) error {
	if n == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendLimit)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unixgram", n.socket) // '@' is an abstract name there too
	if err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	if _, err := conn.Write([]byte(strings.Join(lines, "\n"))); err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	return nil
}
