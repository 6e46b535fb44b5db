package storm

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http/httputil"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// This is HTTP as iPXE speaks it: one request at a time on one connection,
// three headers in this order. net/http's client costs several times as much,
// and the machines share their host with what they measure.

// userAgent is that of Debian 12's iPXE.
const userAgent = "iPXE/1.0.0+git-20190125.36a4c85-5.1"

const (
	// connectTimeout is how long iPXE sends SYNs: 0.25 + 0.5 + ... + 8 s.
	connectTimeout = 16 * time.Second
	// idleTimeout is when iPXE drops a connection that it does not use.
	idleTimeout = 10 * time.Second
	maxBody     = 1 << 20
	maxHeaders  = 64
)

// answer is what came back.
type answer struct {
	status     int
	retryAfter time.Duration // negative where the header is not there
	body       []byte
}

// script says whether iPXE would run the body.
func (a *answer) script() bool {
	return ipxeScript.Match(a.body)
}

// ipxeScript is how a script begins, as iPXE's src/image/script.c has it.
var ipxeScript = regexp.MustCompile(`^#!(ipxe|gpxe)[ \t\n\v\f\r]`)

// client is one machine's connection to the door.
type client struct {
	dial dialer
	host string // as the Host header names it
	conn net.Conn
	r    *bufio.Reader
	stop func() bool // forgets what the end of the context does to conn
	used bool        // a request was answered on conn
}

// dialer opens a connection to the door until deadline; the zero one is none.
type dialer func(ctx context.Context, deadline time.Time) (net.Conn, error)

// tcp connects to an address, from another one where that is not nil.
func tcp(address string, from net.Addr) dialer {
	return func(ctx context.Context, deadline time.Time) (net.Conn, error) {
		d := net.Dialer{Timeout: connectTimeout, Deadline: deadline, LocalAddr: from, KeepAlive: -1}
		return d.DialContext(ctx, "tcp", address)
	}
}

// readers are buffers that no machine needs just now: most machines only
// hold a connection open.
type readers struct{ pool sync.Pool }

func (p *readers) get(c net.Conn) *bufio.Reader {
	if r, ok := p.pool.Get().(*bufio.Reader); ok {
		r.Reset(c)
		return r
	}
	return bufio.NewReaderSize(c, 2048)
}

func (p *readers) put(r *bufio.Reader) {
	r.Reset(nil)
	p.pool.Put(r)
}

// longAgo as a deadline ends what waits for a connection.
var longAgo = time.Unix(1, 0)

// connect opens the connection, which ends with ctx at the latest.
func (c *client) connect(ctx context.Context, deadline time.Time, buffers *readers) error {
	conn, err := c.dial(ctx, deadline)
	if err != nil {
		return err
	}
	c.conn, c.r, c.used = conn, buffers.get(conn), false
	c.stop = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(longAgo) })
	return nil
}

func (c *client) close(buffers *readers) {
	if c.conn == nil {
		return
	}
	c.stop()
	_ = c.conn.Close() // whatever it still had to say
	c.release(buffers)
	c.conn = nil
}

// release gives the buffer back of a connection that is only held open.
func (c *client) release(buffers *readers) {
	if c.r != nil {
		buffers.put(c.r)
		c.r = nil
	}
}

// get asks for a path on the open connection, which it closes where it cannot
// be used again. The zero deadline is none.
func (c *client) get(ctx context.Context, path string, deadline time.Time, buffers *readers) (a answer, err error) {
	_ = c.conn.SetDeadline(deadline)
	if ctx.Err() != nil { // its end may have come before the deadline was set
		c.close(buffers)
		return answer{}, ctx.Err()
	}
	keep := false
	defer func() {
		if !keep {
			c.close(buffers)
		}
	}()
	request := make([]byte, 0, 256)
	request = append(request, "GET "...)
	request = append(request, path...)
	request = append(request, " HTTP/1.1\r\nConnection: keep-alive\r\nUser-Agent: "+userAgent+"\r\nHost: "...)
	request = append(request, c.host...)
	request = append(request, "\r\n\r\n"...)
	if _, err := c.conn.Write(request); err != nil {
		return answer{}, err
	}
	a, keep, err = read(c.r)
	c.used = true
	return a, err
}

var errNotHTTP = errors.New("the answer is not HTTP")

// read reads one answer and says whether another may follow.
func read(r *bufio.Reader) (a answer, keep bool, err error) {
	a.retryAfter = -1
	line, err := r.ReadSlice('\n')
	if err != nil {
		return a, false, err
	}
	if len(line) < len("HTTP/1.1 200\n") || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return a, false, errNotHTTP
	}
	keep = line[7] == '1'
	if a.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return a, false, errNotHTTP
	}
	length, chunked := -1, false
	for range maxHeaders {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return a, false, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return readBody(r, a, keep, length, chunked)
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case is(name, "Content-Length"):
			if length, err = strconv.Atoi(string(value)); err != nil || length < 0 || length > maxBody {
				return a, false, errNotHTTP
			}
		case is(name, "Transfer-Encoding"):
			chunked = is(value, "chunked")
		case is(name, "Connection"):
			keep = keep && !is(value, "close")
		case is(name, "Retry-After"):
			a.retryAfter = 5 * time.Second // as iPXE takes a date
			if n, err := strconv.Atoi(string(value)); err == nil {
				a.retryAfter = time.Duration(n) * time.Second
			}
		}
	}
	return a, false, errNotHTTP
}

func is(text []byte, name string) bool {
	return len(text) == len(name) && strings.EqualFold(string(text), name)
}

func readBody(r *bufio.Reader, a answer, keep bool, length int, chunked bool) (answer, bool, error) {
	var err error
	switch {
	case chunked: // its trailer is not read, hence no other answer
		a.body, err = io.ReadAll(io.LimitReader(httputil.NewChunkedReader(r), maxBody))
		return a, false, err
	case length < 0:
		a.body, err = io.ReadAll(io.LimitReader(r, maxBody))
		return a, false, err
	}
	a.body = make([]byte, length)
	_, err = io.ReadFull(r, a.body)
	return a, keep && err == nil, err
}

// linger holds the connection open as iPXE does after its last request: until
// the door closes it, or iPXE drops it.
func (c *client) linger(ctx context.Context, buffers *readers) {
	if c.conn == nil {
		return
	}
	c.release(buffers)
	_ = c.conn.SetDeadline(time.Now().Add(idleTimeout))
	if ctx.Err() == nil {
		_, _ = c.conn.Read(make([]byte, 1)) // nothing comes but the end
	}
	c.close(buffers)
}
