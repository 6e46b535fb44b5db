package jsonrpc_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/jsonrpc"
)

// A client tells of what failed, not of what was answered with a "no".
func TestFailed(t *testing.T) {
	t.Parallel()
	fail := func(err error) jsonrpc.Method {
		return func(context.Context, json.RawMessage) (any, error) { return nil, err }
	}
	conductor := httptest.NewServer(jsonrpc.NewServer(jsonrpc.ServerOptions{Logger: slog.New(slog.DiscardHandler), Methods: map[string]jsonrpc.Method{
		"ok":       fail(nil),
		"no":       fail(usher.Errorf(usher.ErrNotFound, "none")),
		"not now":  fail(usher.Errorf(usher.ErrUnavailable, "later")),
		"surprise": fail(io.EOF),
	}}))
	t.Cleanup(conductor.Close)
	usual := conductor.Listener.Addr().String()
	for _, tc := range []struct {
		host, method string
		want         jsonrpc.Kind // "": nothing is told
	}{
		{usual, "ok", ""},
		{usual, "no", ""},
		{usual, "not known", ""},
		{usual, "not now", jsonrpc.KindRefused},
		{usual, "surprise", jsonrpc.KindError},
		{closedPort(t), "ok", jsonrpc.KindUnreachable},
		{serve(t, http.NotFound), "ok", jsonrpc.KindBroken},
		{serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }), "ok", jsonrpc.KindCredentials},
		{serve(t, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}), "ok", jsonrpc.KindTimeout},
	} {
		var told []jsonrpc.Kind
		o := jsonrpc.ClientOptions{Port: 1, Timeout: longTimeout, Failed: func(host string, k jsonrpc.Kind) {
			if host != tc.host {
				t.Errorf("told of %s", host)
			}
			told = append(told, k)
		}}
		if tc.want == jsonrpc.KindTimeout {
			o.Timeout = 100 * time.Millisecond
		}
		err := newClient(t, o).Call(t.Context(), tc.host, tc.method, nil, nil)
		if tc.want == "" && len(told) == 0 || len(told) == 1 && told[0] == tc.want {
			continue
		}
		t.Errorf("%s of %s: told %v of %v, want %q", tc.method, tc.host, told, err, tc.want)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	client := newClient(t, jsonrpc.ClientOptions{Port: 1, Failed: func(string, jsonrpc.Kind) { t.Error("told of a caller that gave up") }})
	if err := client.Call(ctx, usual, "ok", nil, nil); err == nil {
		t.Error("no error")
	}
}

// What Header adds is sent.
func TestHeader(t *testing.T) {
	t.Parallel()
	type key struct{}
	got := make(chan string, 1)
	host := serve(t, func(_ http.ResponseWriter, r *http.Request) { got <- r.Header.Get("Traceparent") })
	client := newClient(t, jsonrpc.ClientOptions{Port: 1, Header: func(ctx context.Context, h http.Header) {
		h.Set("Traceparent", ctx.Value(key{}).(string))
	}})
	_ = client.Call(context.WithValue(t.Context(), key{}, "00-trace"), host, "m", nil, nil)
	if h := <-got; h != "00-trace" {
		t.Errorf("sent %q", h)
	}
}
