package jsonrpc

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// A line is a connection on which, after an HTTP/1.1 upgrade, a client asks one
// question after another and gets as many answers: four bytes of length, most
// significant first, and the message. It costs a fraction of HTTP, and has what
// its one HTTP request brought: address, credentials and TLS.

// lineLife is how long a client uses a line before it makes another one, so
// that credentials are asked for again; a server gives it some longer.
const (
	lineLife  = 50 * time.Second
	lineGrace = 10 * time.Second
)

// lineBuffer is what one read takes: most answers whole.
const lineBuffer = 16 << 10

var errTooLong = errors.New("the message is too long")

// line is a client's end.
type line struct {
	conn io.ReadWriteCloser
	r    *bufio.Reader
	life *time.Timer
}

// ask is one question. Where ok is false the line cannot be used again.
func (l *line) ask(ctx context.Context, question []byte, most int64) (answer []byte, ok bool, err error) {
	release := context.AfterFunc(ctx, func() { l.conn.Close() })
	if _, err = l.conn.Write(frame(append(make([]byte, frameHead, frameHead+len(question)), question...))); err == nil {
		answer, err = readMessage(l.r, nil, most)
	}
	return answer, release() && err == nil, err
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

// lines are those that nobody is asking on, by conductor.
type lines struct {
	mu     sync.Mutex
	closed bool
	idle   map[string][]*line
}

// take gives an idle line, or nil.
func (p *lines) take(host string) *line {
	p.mu.Lock()
	defer p.mu.Unlock()
	idle := p.idle[host]
	if len(idle) == 0 {
		return nil
	}
	l := idle[len(idle)-1]
	p.idle[host] = idle[:len(idle)-1]
	return l
}

// put takes a line back; where ok is false it cannot be used again.
func (p *lines) put(host string, l *line, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !ok || p.closed || l.life == nil {
		p.end(l)
		return
	}
	if p.idle == nil {
		p.idle = map[string][]*line{}
	}
	p.idle[host] = append(p.idle[host], l)
}

// limit ends a new line when its time is over, or once it is idle after that.
func (p *lines) limit(host string, l *line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.life = time.AfterFunc(lineLife, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		l.life = nil
		if i := slices.Index(p.idle[host], l); i >= 0 {
			p.idle[host] = slices.Delete(p.idle[host], i, i+1)
			l.conn.Close()
		}
	})
}

// end ends a line; the caller holds mu.
func (p *lines) end(l *line) {
	if l.life != nil {
		l.life.Stop()
	}
	l.conn.Close()
}

// close ends all lines, those in use when they come back.
func (p *lines) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, idle := range p.idle {
		for _, l := range idle {
			p.end(l)
		}
	}
	clear(p.idle)
}

// Ask asks the conductor at host one question in a protocol that is not
// JSON-RPC, on a line that stays open for the next one: how Usher's own
// processes say what JSON would be slow for. The line is made by an upgrade to
// protocol at path. A conductor that does not upgrade does not know the
// protocol: a *RemoteError with UnknownMethod. Other errors are those of Call,
// and as there a question may be asked twice.
func (c *Client) Ask(ctx context.Context, host, path, protocol string, question []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	answer, err := c.ask(ctx, host, path, protocol, question)
	c.tell(host, err)
	return answer, err
}

func (c *Client) ask(ctx context.Context, host, path, protocol string, question []byte) ([]byte, error) {
	key := host + path
	for {
		l := c.lines.take(key)
		kept := l != nil
		if !kept {
			var err error
			if l, err = c.open(ctx, host, path, protocol); err != nil {
				return nil, err
			}
			c.lines.limit(key, l)
		}
		answer, ok, err := l.ask(ctx, question, c.o.MaxAnswer)
		c.lines.put(key, l, ok)
		if err == nil {
			return answer, nil
		}
		// A conductor may have ended a kept line, or itself, since it was last used.
		if !kept || ctx.Err() != nil || errors.Is(err, errTooLong) {
			return nil, &CallError{Host: host, Method: path, Reached: true, Err: withDeadline(ctx, err)}
		}
	}
}

// open makes a line.
func (c *Client) open(ctx context.Context, host, path, protocol string) (*line, error) {
	res, reached, err := c.do(ctx, message{host: host, path: path, upgrade: protocol})
	if err != nil {
		return nil, &CallError{Host: host, Method: path, Reached: reached, Err: withDeadline(ctx, err)}
	}
	if conn, ok := res.Body.(io.ReadWriteCloser); ok && res.StatusCode == http.StatusSwitchingProtocols {
		return &line{conn: conn, r: bufio.NewReaderSize(conn, lineBuffer)}, nil
	}
	defer res.Body.Close()
	if res.StatusCode < http.StatusInternalServerError {
		return nil, &RemoteError{Host: host, Method: path, Code: codeMethodNotFound, Message: "HTTP status " + res.Status}
	}
	return nil, &CallError{Host: host, Method: path, Reached: true,
		Err: fmt.Errorf("HTTP status %s where a line is opened by 101", res.Status)}
}
