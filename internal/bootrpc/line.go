package bootrpc

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/usher-boot/usher"
)

// A line is a connection on which, after an HTTP/1.1 upgrade, a client asks one
// question after another and gets as many answers: four bytes of length, most
// significant first, and the message. It costs half of an HTTP request, and has
// what its one HTTP request brought: address, credentials and TLS.

// lineLife is how long a client uses a line before it opens another one, so
// that credentials are checked again. Both ends close a line lineGrace later.
const (
	lineLife  = 50 * time.Second
	lineGrace = 10 * time.Second
)

// lineBuffer is what one read takes: most answers whole.
const lineBuffer = 16 << 10

var errTooLong = errors.New("the message is too long")

// line is a client's end.
type line struct {
	conn  io.ReadWriteCloser
	r     *bufio.Reader
	until time.Time // it is used for new questions
	end   *time.Timer
}

func newLine(conn io.ReadWriteCloser) *line {
	return &line{conn: conn, r: bufio.NewReaderSize(conn, lineBuffer), until: time.Now().Add(lineLife),
		end: time.AfterFunc(lineLife+lineGrace, func() { conn.Close() })}
}

func (l *line) close() {
	l.end.Stop()
	l.conn.Close()
}

// ask asks one question, with frameHead bytes free before it. Where ok is false the line cannot be used again.
func (l *line) ask(ctx context.Context, question []byte) (answer []byte, ok bool, err error) {
	release := context.AfterFunc(ctx, func() { l.conn.Close() })
	if _, err = l.conn.Write(frame(question)); err == nil {
		answer, err = readMessage(l.r, nil, mostAnswer)
	}
	return answer, release() && err == nil, err
}

// lines are the open lines to one conductor.
type lines struct {
	host   string
	caller Caller
	failed func(host string, err error) // nil: nobody is told
	idle   chan *line                   // nobody asks on these
}

func newLines(host string, o Options) *lines {
	return &lines{host: host, caller: o.Caller, failed: o.Failed, idle: make(chan *line, calls)}
}

// ask asks the conductor one question, with frameHead bytes free before it, on
// an idle line where there is one. A question may be asked twice.
func (p *lines) ask(ctx context.Context, question []byte) ([]byte, error) {
	for {
		l := p.take()
		kept := l != nil
		if !kept {
			conn, err := p.caller.Upgrade(ctx, p.host, Path, Protocol)
			if err != nil {
				return nil, err
			}
			l = newLine(conn)
		}
		answer, ok, err := l.ask(ctx, question)
		p.put(l, ok)
		if err == nil {
			return answer, nil
		}
		// The conductor may have closed an idle line, or been started again.
		if kept && ctx.Err() == nil && !errors.Is(err, errTooLong) {
			continue
		}
		err = &lineError{p.host, withDeadline(ctx, err)}
		if p.failed != nil {
			p.failed(p.host, err)
		}
		return nil, err
	}
}

// take returns an idle line that may be used, or nil.
func (p *lines) take() *line {
	for {
		select {
		case l := <-p.idle:
			if time.Now().Before(l.until) {
				return l
			}
			l.close()
		default:
			return nil
		}
	}
}

// put takes a line back; where ok is false it cannot be used again.
func (p *lines) put(l *line, ok bool) {
	if ok {
		select {
		case p.idle <- l:
			return
		default: // there are enough
		}
	}
	l.close()
}

// close closes the idle lines. Nobody may be asking.
func (p *lines) close() {
	for {
		select {
		case l := <-p.idle:
			l.close()
		default:
			return
		}
	}
}

// lineError says that a question on a line got no answer. It is
// usher.ErrUnavailable, and its cause.
type lineError struct {
	host string
	err  error
}

func (e *lineError) Error() string {
	return fmt.Sprintf("ask conductor %s for boot files: %v", e.host, e.err)
}

func (e *lineError) Unwrap() []error { return []error{usher.ErrUnavailable, e.err} }

// Unreached is false: the conductor may have seen the question.
func (e *lineError) Unreached() bool { return false }

// withDeadline makes the error of a question that ran out of time match
// context.DeadlineExceeded: it is one of the connection that was closed for it.
func withDeadline(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

// frameHead is how many bytes come before a message.
const frameHead = 4

// frame fills in the head of a message that was left room for.
func frame(b []byte) []byte {
	binary.BigEndian.PutUint32(b, uint32(len(b)-frameHead))
	return b
}

// readMessage reads a message, into room where that is large enough. Its error
// is io.EOF only where the line ends between two messages.
func readMessage(r *bufio.Reader, room []byte, most int64) ([]byte, error) {
	head, err := r.Peek(frameHead)
	if err != nil {
		if len(head) > 0 {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	size := binary.BigEndian.Uint32(head)
	if int64(size) > most {
		return nil, fmt.Errorf("%w: %d bytes where at most %d are read", errTooLong, size, most)
	}
	message := slices.Grow(room[:0], int(size))[:size]
	_, _ = r.Discard(len(head)) // they are in the buffer
	if _, err = io.ReadFull(r, message); errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return message, err
}
