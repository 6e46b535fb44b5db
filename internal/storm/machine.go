package storm

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"
)

// machine is one that is on.
type machine struct {
	s      *storm
	self   *Machine
	client client
}

// How a machine's boot ends.
const (
	configured  = "configured"
	interrupted = "interrupted"
	noRounds    = "no boot file for any NIC in all rounds"
)

// play is a machine's life from power-on to its configuration.
func (s *storm) play(ctx context.Context, i int) {
	on := time.Now()
	m := &machine{s: s, self: &s.o.Machines[i], client: client{dial: s.dial(i), host: s.o.API.Host}}
	s.tally.powerOn()
	switch end := m.boot(ctx); end {
	case interrupted:
		m.client.close(&s.buffers)
		return // the report counts it as not done
	case configured:
		s.tally.configure(time.Since(on), time.Since(s.began))
	default:
		s.tally.lose(end)
	}
	s.lingerers.Go(func() { m.client.linger(s.open, &s.buffers) })
}

// boot is what iPXE does with the URL that DHCP gave it, and then the root
// script.
func (m *machine) boot(ctx context.Context) string {
	a, err := m.fetch(ctx, "/boot.ipxe", time.Time{}, rootScript)
	switch {
	case ctx.Err() != nil:
		return interrupted
	case err != nil:
		return "no root script: " + kindOf(err)
	case a.status != 200:
		return "no root script: status " + strconv.Itoa(a.status)
	case !a.script():
		return "no root script: it does not begin with #!ipxe"
	}
	for round := 1; ; round++ {
		for _, mac := range m.self.NICs {
			a, err := m.fetch(ctx, "/v1/boot/"+mac.Hyphenated()+"/boot.ipxe", time.Now().Add(m.s.o.Timeout), bootFile)
			if ctx.Err() != nil {
				return interrupted
			}
			if err == nil && a.status == 200 && a.script() {
				m.s.tally.check(m.self, mac, string(a.body), m.s.o.IsNode)
				return configured
			}
		}
		if round >= m.s.o.Rounds {
			return noRounds
		}
		m.s.tally.anotherRound()
		if !pause(ctx, time.Duration(round)*time.Second) {
			return interrupted
		}
	}
}

var errTimeout = errors.New("time-out")

// fetch gets a path, again and again while it is told to wait, until deadline,
// by which iPXE must have made progress (the zero deadline is none). A
// connection that the door has closed meanwhile is opened anew, as iPXE does.
func (m *machine) fetch(ctx context.Context, path string, deadline time.Time, what request) (answer, error) {
	for {
		a, err := m.once(path, deadline, what)
		if err != nil || a.status < 400 || a.retryAfter < 0 || ctx.Err() != nil {
			return a, err
		}
		m.s.tally.retry()
		if !deadline.IsZero() && time.Now().Add(a.retryAfter).After(deadline) {
			if !pause(ctx, time.Until(deadline)) {
				return answer{}, ctx.Err()
			}
			m.s.tally.fail(errTimeout)
			m.client.close(&m.s.buffers)
			return answer{}, errTimeout
		}
		if !pause(ctx, a.retryAfter) {
			return answer{}, ctx.Err()
		}
	}
}

// once asks once and notes the answer.
func (m *machine) once(path string, deadline time.Time, what request) (answer, error) {
	for {
		if m.client.conn == nil {
			began := time.Now()
			if err := m.client.connect(m.s.open, deadline, &m.s.buffers); err != nil {
				m.fail(err)
				return answer{}, err
			}
			m.s.tally.connected(time.Since(began))
		}
		reused, began := m.client.used, time.Now()
		a, err := m.client.get(m.s.open, path, deadline, &m.s.buffers)
		switch {
		case err == nil:
			m.s.tally.answered(what, &a, time.Since(began))
			return a, nil
		case reused && !errors.Is(err, os.ErrDeadlineExceeded) && m.s.open.Err() == nil:
			continue // on a new connection, once: that one is not used
		}
		m.fail(err)
		return answer{}, err
	}
}

// fail notes a request without an answer, unless it is the storm that ended.
func (m *machine) fail(err error) {
	if m.s.open.Err() == nil {
		m.s.tally.fail(err)
	}
}

// kindOf is a failure in a few words that do not tell machines apart.
func kindOf(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, errTimeout), errors.As(err, &timeout) && timeout.Timeout():
		return "time-out"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "no free port on this host"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "too many open files on this host"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed without an answer"
	case errors.Is(err, errNotHTTP):
		return errNotHTTP.Error()
	}
	return "other"
}
