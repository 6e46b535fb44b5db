package jsonrpc_test

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/jsonrpc"
)

func TestExchange(t *testing.T) {
	t.Parallel()
	const kind = "application/x-test"
	host := serve(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		body, _ := io.ReadAll(r.Body)
		switch {
		case user != "u" || password != "p":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/known" && r.Header.Get("Content-Type") == kind:
			w.Header().Set("Content-Type", kind)
			_, _ = w.Write(append(body, " too"...))
		case r.URL.Path == "/chunked":
			w.Header().Set("Content-Type", kind)
			w.(http.Flusher).Flush()
			_, _ = io.WriteString(w, "in pieces")
		case r.URL.Path == "/broken":
			w.WriteHeader(http.StatusBadRequest)
		default: // a JSON-RPC server answers so at any path
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"error": {"code": -32700}}`)
		}
	})
	c := newClient(t, jsonrpc.ClientOptions{Port: 8089, Username: "u", Password: "p", Timeout: longTimeout})
	for path, want := range map[string]string{"/known": "hello too", "/chunked": "in pieces"} {
		if got, err := c.Exchange(t.Context(), host, path, kind, []byte("hello")); string(got) != want || err != nil {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	var remote *jsonrpc.RemoteError
	if _, err := c.Exchange(t.Context(), host, "/", kind, nil); !errors.As(err, &remote) || !remote.UnknownMethod() || jsonrpc.KindOf(err) != "" {
		t.Errorf("a server of JSON-RPC alone: %v", err)
	}
	if _, err := c.Exchange(t.Context(), host, "/broken", kind, nil); !errors.Is(err, usher.ErrUnavailable) || jsonrpc.KindOf(err) != jsonrpc.KindBroken {
		t.Errorf("refused: %v", err)
	}
	stranger := newClient(t, jsonrpc.ClientOptions{Port: 8089, Timeout: longTimeout})
	if _, err := stranger.Exchange(t.Context(), host, "/known", kind, nil); !errors.Is(err, jsonrpc.ErrCredentials) {
		t.Errorf("without credentials: %v", err)
	}
}
