package jsonrpc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/jsonrpc"
)

// getBootConfig behaves as the manager in testdata/ironic_server.py.
func getBootConfig(ctx context.Context, params json.RawMessage) (any, error) {
	var p struct {
		Node string `json:"node_id"`
		Name string `json:"name"`
	}
	if err := json.Unmarshal(params, &p); err != nil {
		return nil, err
	}
	node, name := p.Node, p.Name
	switch class, raise := strings.CutPrefix(node, "raise "); {
	case node == "context":
		return usher.RequestIDOf(ctx), nil
	case node == "nothing":
		return nil, nil
	case node == "locked":
		return nil, fmt.Errorf("reserve: %w", usher.Errorf(usher.ErrConflict, "Node n is locked by host 192.0.2.1, "+
			"please retry after the current operation is completed.").WithClass("NodeLocked"))
	case node == "crash":
		return nil, errors.New("an internal matter")
	case node == "panic":
		panic("an internal matter")
	case node == "deadline":
		return nil, fmt.Errorf("query: %w", context.DeadlineExceeded)
	case node == "wrapped sentinel":
		return nil, fmt.Errorf("disk: %w", usher.ErrNotFound)
	case raise:
		return nil, usher.Errorf(kinds[class], "a message for %s", node).WithClass(class)
	}
	return fmt.Sprintf("#!ipxe\n# %s <é漢> of %s\n", name, node), nil
}

var kinds = map[string]error{
	"NodeNotFound": usher.ErrNotFound, "InvalidParameterValue": usher.ErrInvalid, "NodeLocked": usher.ErrConflict,
	"UnsupportedDriverExtension": usher.ErrUnsupported, "NoValidHost": usher.ErrUnavailable,
	"NoFreeConductorWorker": usher.ErrUnavailable, "TemporaryFailure": usher.ErrUnavailable,
	"ServiceUnavailable": usher.ErrUnavailable, "ImageUnacceptable": usher.ErrInvalid,
}

func newServer() *jsonrpc.Server {
	return jsonrpc.NewServer(jsonrpc.ServerOptions{
		Methods: map[string]jsonrpc.Method{"get_boot_config": getBootConfig},
		MaxBody: 4096,
		Logger:  slog.New(slog.DiscardHandler),
	})
}

// ask gives the status and the body of the answer, as "200 {...}".
func ask(t *testing.T, h http.Handler, method, path, body string) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body)))
	if w.Code != 204 && w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%s %s: Content-Type %q", method, path, w.Header().Get("Content-Type"))
	}
	return fmt.Sprintf("%d %s", w.Code, w.Body)
}

// What Ironic's server cannot show: our own bounds and failures. All the rest
// is in TestServerAnswersAsIronic.
func TestServer(t *testing.T) {
	t.Parallel()
	call := func(node string) string {
		return `{"jsonrpc":"2.0","id":7,"method":"get_boot_config","params":{"context":{},"node_id":"` + node + `","name":"f"}}`
	}
	failed := func(code int, message, class string) string {
		data := ""
		if class != "" {
			data = fmt.Sprintf(`,"data":{"class":"ironic.common.exception.%s"}`, class)
		}
		return fmt.Sprintf(`200 {"jsonrpc":"2.0","id":7,"error":{"code":%d,"message":%q%s}}`, code, message, data)
	}
	for _, tc := range []struct{ name, body, want string }{
		{"an internal error stays inside", call("crash"), failed(500, "Unexpected error, see the log of the conductor", "")},
		{"a panic is an answer", call("panic"), failed(500, "Unexpected error, see the log of the conductor", "")},
		{"a deadline is temporary", call("deadline"), failed(503, "The conductor did not finish in time, please retry.", "TemporaryFailure")},
		{"a sentinel alone has its usual class", call("wrapped sentinel"), failed(404, "disk: not found", "NotFound")},
		{"a wrapped error keeps its message", call("locked"), failed(409, "Node n is locked by host 192.0.2.1, "+
			"please retry after the current operation is completed.", "NodeLocked")},
		{"too large", call(strings.Repeat("x", 5000)), `413 {"error":{"code":413,"message":"The request is larger than 4096 bytes"}}`},
		{"letter case of names counts", `{"jsonrpc":"2.0","id":7,"Method":"get_boot_config"}`,
			`200 {"jsonrpc":"2.0","id":7,"error":{"code":-32600,"message":"Invalid request object received by RPC server"}}`},
		{"method of another type", `{"jsonrpc":"2.0","id":7,"method":["get_boot_config"]}`,
			`200 {"jsonrpc":"2.0","id":7,"error":{"code":-32600,"message":"Invalid request object received by RPC server"}}`},
	} {
		if diff := cmp.Diff(tc.want, ask(t, newServer(), "POST", "/", tc.body)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

func TestServerBrokenBody(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/", io.MultiReader(strings.NewReader(`{"json`), brokenReader{}))
	newServer().ServeHTTP(w, r)
	if got, want := fmt.Sprint(w.Code, " ", w.Body), `400 {"error":{"code":400,"message":"The request broke off"}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func FuzzServer(f *testing.F) {
	for _, seed := range odd {
		f.Add([]byte(seed))
	}
	s := newServer()
	f.Fuzz(func(t *testing.T, body []byte) {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader(string(body))))
		switch w.Code {
		case 204, 413:
			return
		case 200:
		default:
			t.Fatalf("status %d to %q", w.Code, body)
		}
		var answer struct {
			Version string `json:"jsonrpc"`
			Result  *any
			Error   *struct {
				Code    int
				Message string
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatalf("%v: %q to %q", err, w.Body, body)
		}
		if answer.Version != "2.0" || (answer.Error != nil && answer.Error.Message == "") {
			t.Fatalf("%s to %q", w.Body, body)
		}
	})
}
