// Package bootrpc carries get_boot_config from an API to a conductor: in the
// dialect of the specification with any conductor, and between Usher's own
// processes many at a time, with what the API has just read of the nodes, so
// that a storm costs neither a call nor a second look-up for each machine.
package bootrpc

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/batch"
)

// Method is the specification's RPC method.
const Method = "get_boot_config"

// Bounds of one call for many. What does not fit into an answer is asked for
// alone.
const (
	mostFiles = 64
	mostBytes = 2 << 20 // of boot files in one answer
	calls     = 8       // to one conductor at one time
)

// Bounds of the messages on a line, in bytes.
const (
	mostQuestion = 256 << 10
	mostAnswer   = 2 * mostBytes
)

// asAloneFor is how long a conductor that does not know Path is not asked
// there again. It may be upgraded.
const asAloneFor = 10 * time.Minute

// RPC calls a method of the conductor at host.
type RPC interface {
	Call(ctx context.Context, host, method string, params map[string]any, result any) error
}

// Caller reaches the conductor at host.
type Caller interface {
	RPC
	// Upgrade opens a connection for another protocol, by HTTP's upgrade at
	// path. Its error says UnknownMethod where the conductor does not know it.
	Upgrade(ctx context.Context, host, path, protocol string) (io.ReadWriteCloser, error)
}

// Local is the conductor in this process.
type Local interface {
	Ready
	// BootConfigOf answers get_boot_config with what the caller has just read
	// of the node.
	BootConfigOf(ctx context.Context, node usher.BootNode, name string) (string, error)
}

// Options are the settings of a Client.
type Options struct {
	// Local, where there is one, is called for the hosts that IsLocal accepts:
	// beside Ironic a conductor has two names.
	Local   Local
	IsLocal func(host string) bool
	// Caller reaches all others.
	Caller Caller
	// Timeout bounds a call for many, and what Local has not ready. It is asked
	// for each, since a reload may change it. A call for a single file ends with
	// its caller's context.
	Timeout func() time.Duration
	// Alone, where set, says for which callers a file is asked for by a call of
	// its own, which carries the caller's context to the conductor: for tracing.
	Alone func(ctx context.Context) bool
	// Failed, where set, is told of each question that got no answer on an open
	// connection. The Caller tells of its own failures.
	Failed func(host string, err error)
}

// Client asks conductors for boot files. It is safe for concurrent use.
type Client struct {
	o     Options
	mu    sync.RWMutex
	hosts map[string]*host
}

// host is one conductor.
type host struct {
	lines *lines
	group *batch.Group[question, answer]
	alone atomic.Int64 // until when, in Unix nanoseconds, it is asked alone
}

// answer is a boot file, unless the conductor wants to be asked for it alone.
type answer struct {
	config string
	ok     bool
}

// New returns a Client.
func New(o Options) *Client { return &Client{o: o, hosts: map[string]*host{}} }

// Close ends the calls that are on their way and closes the connections.
func (c *Client) Close() {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, h := range c.hosts {
		h.group.Close()
		h.lines.close()
	}
}

// GetBootConfig asks the conductor at name for a node's boot file. node is
// its row, read since the machine asked. Errors are those of the Caller.
func (c *Client) GetBootConfig(ctx context.Context, name string, node usher.BootNode, file string) (string, error) {
	if c.o.Local != nil && c.o.IsLocal(name) {
		return c.local(ctx, node, file)
	}
	if h := c.host(name); !(c.o.Alone != nil && c.o.Alone(ctx)) && time.Now().UnixNano() >= h.alone.Load() {
		a, err := h.group.Do(ctx, question{file, node})
		switch {
		case unknownMethod(err):
			h.alone.Store(time.Now().Add(asAloneFor).UnixNano())
		case err != nil || a.ok:
			return a.config, err
		}
	}
	var config string
	err := c.o.Caller.Call(ctx, name, Method, map[string]any{"node_id": node.UUID, "name": file}, &config)
	return config, err
}

// local sets no timer for a file that lies ready, as nearly all do.
func (c *Client) local(ctx context.Context, node usher.BootNode, file string) (string, error) {
	if config, ok := c.o.Local.ReadyBootConfig(ctx, node, file); ok {
		return config, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout())
	defer cancel()
	return c.o.Local.BootConfigOf(ctx, node, file)
}

// unknownMethod says that an error is a conductor's that has no such method.
func unknownMethod(err error) bool {
	e, ok := errors.AsType[interface {
		error
		UnknownMethod() bool
	}](err)
	return ok && e.UnknownMethod()
}

func (c *Client) host(name string) *host {
	c.mu.RLock()
	h := c.hosts[name]
	c.mu.RUnlock()
	if h != nil {
		return h
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if h = c.hosts[name]; h == nil {
		h = &host{lines: newLines(name, c.o)}
		h.group = batch.New(batch.Options[question, answer]{Most: mostFiles, Width: calls, Timeout: c.o.Timeout,
			Ask: h.many})
		c.hosts[name] = h
	}
	return h
}

// many asks for all files at once.
func (h *host) many(ctx context.Context, files []question) ([]batch.Answer[answer], error) {
	body := make([]byte, frameHead, frameHead+160*len(files))
	for _, q := range files {
		body = appendQuestion(body, q)
	}
	raw, err := h.lines.ask(ctx, body)
	if err != nil {
		return nil, err
	}
	answers := make([]batch.Answer[answer], len(files))
	err = readAnswers(raw, len(files), func(i int, config string, ok bool) { answers[i].Value = answer{config, ok} })
	if err != nil {
		return nil, usher.Errorf(usher.ErrUnavailable, "conductor %s: the answer is %v", h.lines.host, err)
	}
	return answers, nil
}
