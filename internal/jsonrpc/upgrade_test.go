package jsonrpc_test

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"testing"

	"github.com/usher-boot/usher/internal/jsonrpc"
)

// TestUpgrade: what comes after 101 is the caller's; any other answer is one
// that does not know the protocol, or a failure, which is told.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	upgrade := func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if r.URL.Path != "/talk" || r.Header.Get("Upgrade") != "test/1" || user != "u" || password != "p" {
			w.WriteHeader(http.StatusUpgradeRequired)
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test/1\r\n\r\nhello ")
		_, _ = io.Copy(conn, conn)
	}
	status := func(code int) string {
		return serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
	}
	good := serve(t, upgrade)
	for _, tc := range []struct {
		name, host, protocol string
		unknown              bool
		kind                 jsonrpc.Kind
	}{
		{name: "upgraded", host: good, protocol: "test/1"},
		{name: "another protocol", host: good, protocol: "test/2", unknown: true},
		{name: "JSON-RPC alone", protocol: "test/1", unknown: true,
			host: serve(t, jsonrpc.NewServer(jsonrpc.ServerOptions{Logger: slog.New(slog.DiscardHandler)}).ServeHTTP)},
		{name: "broken", host: status(http.StatusServiceUnavailable), protocol: "test/1", kind: jsonrpc.KindBroken},
		{name: "credentials", host: status(http.StatusUnauthorized), protocol: "test/1", kind: jsonrpc.KindCredentials},
		{name: "nobody there", host: closedPort(t), protocol: "test/1", kind: jsonrpc.KindUnreachable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var told jsonrpc.Kind
			c := newClient(t, jsonrpc.ClientOptions{Port: 8089, Username: "u", Password: "p", Timeout: longTimeout,
				Failed: func(_ string, k jsonrpc.Kind) { told = k }})
			conn, err := c.Upgrade(t.Context(), tc.host, "/talk", tc.protocol)
			remote, answered := errors.AsType[*jsonrpc.RemoteError](err)
			if (answered && remote.UnknownMethod()) != tc.unknown || jsonrpc.KindOf(err) != tc.kind || told != tc.kind {
				t.Errorf("%v, kind %q, told %q", err, jsonrpc.KindOf(err), told)
			}
			if conn == nil {
				return
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, "world\n"); err != nil {
				t.Error(err)
			}
			if got, err := bufio.NewReader(conn).ReadString('\n'); got != "hello world\n" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}
