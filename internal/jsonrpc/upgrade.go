package jsonrpc

import (
	"context"
	"fmt"
	"io"
	"net/http"
)

// Upgrade makes the conductor at host go on in another protocol than JSON-RPC,
// on a connection of its own that is the caller's: by HTTP's upgrade at path,
// with the address, credentials and TLS of every call. A conductor that does
// not upgrade does not know the protocol: a *RemoteError with UnknownMethod.
// Other errors are those of Call.
func (c *Client) Upgrade(ctx context.Context, host, path, protocol string) (io.ReadWriteCloser, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	conn, err := c.upgrade(ctx, host, path, protocol)
	c.tell(host, err)
	return conn, err
}

func (c *Client) upgrade(ctx context.Context, host, path, protocol string) (io.ReadWriteCloser, error) {
	res, reached, err := c.do(ctx, message{host: host, path: path, upgrade: protocol})
	if err != nil {
		return nil, &CallError{Host: host, Method: path, Reached: reached, Err: withDeadline(ctx, err)}
	}
	if conn, ok := res.Body.(io.ReadWriteCloser); ok && res.StatusCode == http.StatusSwitchingProtocols {
		return conn, nil
	}
	defer res.Body.Close()
	if res.StatusCode < http.StatusInternalServerError {
		return nil, &RemoteError{Host: host, Method: path, Code: codeMethodNotFound, Message: "HTTP status " + res.Status}
	}
	return nil, &CallError{Host: host, Method: path, Reached: true,
		Err: fmt.Errorf("HTTP status %s where an upgrade is answered by 101", res.Status)}
}
