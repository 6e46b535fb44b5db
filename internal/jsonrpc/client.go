package jsonrpc

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/usher-boot/usher"
)

// ClientOptions are the settings of a Client, as [json_rpc] has them.
type ClientOptions struct {
	// Port is where conductors listen whose host names have no port.
	Port int
	// Addresses overrides where single conductors are, by their host name or by
	// what is before its port, and beside Ironic by either name of theirs: an
	// address, a name, or either with a port.
	Addresses map[string]string
	// IgnorePorts says that a port in a host name is another program's:
	// Ironic's own, where an agent of Usher's listens beside it.
	IgnorePorts bool
	// Username and Password, where set, are sent as HTTP Basic credentials.
	Username, Password string
	// TLS, where set, makes calls by HTTPS.
	TLS *TLSOptions
	// Timeout bounds a call whose context would allow more; 0 means 3 s.
	Timeout time.Duration
	// MaxAnswer bounds an answer in bytes; 0 means 4 MiB.
	MaxAnswer int64
	// Header, where set, adds to the header of each call.
	Header func(ctx context.Context, h http.Header)
	// Failed, where set, is told of each call that failed: see Kind.
	Failed func(host string, k Kind)
	// UserAgent is sent as the header of that name; empty means "usher".
	UserAgent string
}

// Client calls conductors. It keeps connections open between calls and is
// safe for concurrent use.
type Client struct {
	o      ClientOptions
	scheme string
	http   *http.Client
}

// connections bounds those to one conductor: enough that a boot storm does not
// queue, few enough that a hung conductor does not eat all file descriptors.
const connections = 64

// dialTimeout bounds the wait for a connection, of whatever time a call has: a
// conductor that the network does not reach must not keep a verb waiting.
const dialTimeout = 2 * time.Second

// NewClient checks the options, reads the certificates and returns a Client.
func NewClient(o ClientOptions) (*Client, error) {
	if o.Port < 1 || o.Port > 65535 {
		return nil, usher.Errorf(usher.ErrInvalid, "[json_rpc]port = %d: want 1 to 65535", o.Port)
	}
	if o.Timeout == 0 {
		o.Timeout = 3 * time.Second
	}
	if o.MaxAnswer == 0 {
		o.MaxAnswer = 4 << 20
	}
	if o.UserAgent == "" {
		o.UserAgent = "usher"
	}
	scheme := "http"
	var tlsConfig *tls.Config
	if o.TLS != nil {
		scheme = "https"
		var err error
		if tlsConfig, err = o.TLS.config(); err != nil {
			return nil, err
		}
	}
	transport := &http.Transport{
		// Conductors are spoken to directly, whatever the environment says
		// about proxies for the outer world.
		Proxy:               nil,
		DialContext:         (&net.Dialer{Timeout: min(o.Timeout, dialTimeout), KeepAlive: 15 * time.Second}).DialContext,
		TLSClientConfig:     tlsConfig,
		TLSHandshakeTimeout: o.Timeout,
		MaxConnsPerHost:     connections,
		MaxIdleConnsPerHost: connections,
		IdleConnTimeout:     time.Minute,
		DisableCompression:  true, // an answer may not grow beyond its bound
	}
	return &Client{o: o, scheme: scheme, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Close closes the idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Address is where the conductor at host, a conductors.hostname, is called.
func (c *Client) Address(host string) (string, error) { return c.o.address(host) }

// Call calls a method of the conductor at host, a conductors.hostname, and
// stores its result in result unless that is nil. The parameters may not be
// named "context" or "rpc.version".
//
// An exception of Ironic's comes back as *usher.Error, any other error that
// the conductor answers with as *RemoteError, and no answer as *CallError.
//
// When the conductor closes a connection just as the request is written to it,
// the request is sent once more by a new one, so the method must not mind
// being called twice.
func (c *Client) Call(ctx context.Context, host, method string, params map[string]any, result any) error {
	err := c.call(ctx, host, method, params, result)
	c.tell(host, err)
	return err
}

func (c *Client) call(ctx context.Context, host, method string, params map[string]any, result any) error {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	id := usher.RequestID(usher.RequestIDOf(ctx))
	body, err := encodeCall(id, method, params)
	if err != nil {
		return fmt.Errorf("encode parameters of %s: %w", method, err)
	}
	raw, reached, err := c.send(ctx, message{host: host, path: "/", body: body})
	if err != nil {
		return &CallError{Host: host, Method: method, Reached: reached, Err: withDeadline(ctx, err)}
	}
	answer, err := decodeAnswer(raw, id)
	if err != nil {
		return &CallError{Host: host, Method: method, Reached: true, Err: err}
	}
	if answer.Error != nil {
		return fromWire(host, method, answer.Error)
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(answer.Result, result); err != nil {
		return &CallError{Host: host, Method: method, Reached: true, Err: fmt.Errorf("result: %w", err)}
	}
	return nil
}

// tell reports a call that failed.
func (c *Client) tell(host string, err error) {
	if err != nil && c.o.Failed != nil {
		if kind := KindOf(err); kind != "" {
			c.o.Failed(host, kind)
		}
	}
}

// encodeCall makes the request as Ironic's client does.
func encodeCall(id, method string, params map[string]any) ([]byte, error) {
	all := maps.Clone(params)
	if all == nil {
		all = map[string]any{}
	}
	all["context"] = map[string]any{"request_id": id, "is_admin": false, "roles": []string{}}
	return encode(map[string]any{"jsonrpc": "2.0", "method": method, "params": all, "id": id})
}

// message is what a conductor is sent: JSON by POST, or a request to speak
// another protocol.
type message struct {
	host, path string
	body       []byte
	upgrade    string
}

// send sends a message and returns the answer. reached is as in CallError.
func (c *Client) send(ctx context.Context, m message) (answer []byte, reached bool, err error) {
	res, reached, err := c.do(ctx, m)
	if err != nil {
		return nil, reached, err
	}
	defer res.Body.Close()
	answer, err = c.read(res)
	switch {
	case res.StatusCode != http.StatusOK:
		return nil, true, fmt.Errorf("HTTP status %s where JSON-RPC has 200: %.256q", res.Status, answer)
	case err != nil:
		return nil, true, fmt.Errorf("read answer: %w", err)
	case int64(len(answer)) > c.o.MaxAnswer:
		return nil, true, fmt.Errorf("the answer is larger than %d bytes", c.o.MaxAnswer)
	}
	return answer, true, nil
}

// do is the HTTP request of a message; an answer of 401 is an error. reached is
// as in CallError.
func (c *Client) do(ctx context.Context, m message) (res *http.Response, reached bool, err error) {
	at, err := c.o.address(m.host)
	if err != nil {
		return nil, false, err
	}
	var connected atomic.Bool // the trace may be told from another goroutine
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	u := url.URL{Scheme: c.scheme, Host: at, Path: m.path}
	method, header := http.MethodPost, http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"},
		// Present but without a value: not sent, and net/http takes the request
		// for one that may be repeated on a connection that turned out closed.
		"Idempotency-Key": nil}
	if m.upgrade != "" {
		method, header = http.MethodGet, http.Header{"Connection": {"Upgrade"}, "Upgrade": {m.upgrade}}
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(m.body))
	if err != nil {
		return nil, false, err
	}
	req.Header = header
	req.Header.Set("User-Agent", c.o.UserAgent)
	if c.o.Header != nil {
		c.o.Header(ctx, req.Header)
	}
	if c.o.Username != "" || c.o.Password != "" {
		req.SetBasicAuth(c.o.Username, c.o.Password)
	}
	res, err = c.http.Do(req)
	if err != nil {
		// The URL that *url.Error adds is told by CallError.
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err
		}
		return nil, connected.Load(), err
	}
	if res.StatusCode == http.StatusUnauthorized {
		res.Body.Close()
		return nil, true, fmt.Errorf("%w (HTTP 401): check [json_rpc]username and password", ErrCredentials)
	}
	return res, true, nil
}

// read reads an answer's body, one byte beyond the bound at most.
func (c *Client) read(res *http.Response) ([]byte, error) {
	if n := res.ContentLength; n >= 0 && n <= c.o.MaxAnswer {
		body := make([]byte, n)
		n, err := io.ReadFull(res.Body, body)
		return body[:n], err
	}
	return io.ReadAll(io.LimitReader(res.Body, c.o.MaxAnswer+1))
}

// withDeadline makes errors of a call that ran out of time match
// context.DeadlineExceeded, whichever of the transport's own limits was first.
func withDeadline(ctx context.Context, err error) error {
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", context.DeadlineExceeded, err)
	}
	return err
}

// answer is what a conductor says.
type answer struct {
	Result json.RawMessage `json:"result"`
	ID     json.RawMessage `json:"id"`
	Error  *wireError      `json:"error"`
}

// decodeAnswer checks that raw is the answer to the request with this id: a
// mixed-up one could be another node's configuration.
func decodeAnswer(raw []byte, id string) (*answer, error) {
	var a answer
	if err := json.Unmarshal(raw, &a); err != nil {
		return nil, fmt.Errorf("the answer is not JSON-RPC: %w: %.256q", err, raw)
	}
	var got *string
	if err := json.Unmarshal(a.ID, &got); err != nil || (got == nil && a.Error == nil) || (got != nil && *got != id) {
		return nil, fmt.Errorf("the answer is for request %.64s, not for %s", a.ID, id)
	}
	if a.Error == nil && a.Result == nil {
		return nil, errors.New("the answer has neither result nor error")
	}
	return &a, nil
}
