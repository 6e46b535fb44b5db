package jsonrpc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/usher-boot/usher"
)

// Method is one remote procedure. params is a JSON object without the context;
// the caller's request id is in ctx (usher.RequestIDOf). An error that is an
// *usher.Error, or wraps one of usher's sentinels, reaches the caller as
// Ironic's exception of that meaning; the text of any other error stays in our
// log.
type Method func(ctx context.Context, params json.RawMessage) (any, error)

// ServerOptions are the settings of a Server.
type ServerOptions struct {
	Methods map[string]Method
	// MaxBody bounds a request's body in bytes; 0 means 1 MiB.
	MaxBody int64
	Logger  *slog.Logger // required
}

// Server answers calls at any path and of any content type, as Ironic's. It
// is an http.Handler without state.
type Server struct {
	methods map[string]Method
	maxBody int64
	log     *slog.Logger
}

// NewServer returns a Server.
func NewServer(o ServerOptions) *Server {
	if o.MaxBody == 0 {
		o.MaxBody = 1 << 20
	}
	return &Server{methods: maps.Clone(o.Methods), maxBody: o.MaxBody, log: o.Logger}
}

// WriteHTTPError answers outside of JSON-RPC, with a real status, in the shape
// that Ironic has for it: {"error": {"code": 401, "message": "..."}}.
func WriteHTTPError(w http.ResponseWriter, status int, message string) {
	body, err := encode(map[string]any{"error": wireError{Code: status, Message: message}})
	if err != nil {
		panic(err) // a number and a string
	}
	writeJSON(w, status, body)
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		WriteHTTPError(w, http.StatusMethodNotAllowed, "Only POST method can be used")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.maxBody))
	if err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			WriteHTTPError(w, http.StatusRequestEntityTooLarge,
				fmt.Sprintf("The request is larger than %d bytes", s.maxBody))
			return
		}
		s.log.InfoContext(r.Context(), "RPC request broke off", "remote", r.RemoteAddr, "error", err)
		WriteHTTPError(w, http.StatusBadRequest, "The request broke off")
		return
	}
	req, problem := parse(body)
	var result json.RawMessage
	if problem == nil {
		result, problem = s.call(r.Context(), &req, r.RemoteAddr)
		if req.id == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	answer, err := encode(struct {
		Version string          `json:"jsonrpc"`
		Result  json.RawMessage `json:"result,omitempty"`
		ID      json.RawMessage `json:"id"`
		Error   *wireError      `json:"error,omitempty"`
	}{"2.0", result, req.id, problem})
	if err != nil {
		panic(err) // all raw messages in it have been read or written as JSON
	}
	writeJSON(w, http.StatusOK, answer)
}

// call runs the method and writes the one log line of the request.
func (s *Server) call(ctx context.Context, req *request, remote string) (json.RawMessage, *wireError) {
	start := time.Now()
	method, ok := s.methods[req.method]
	if !ok {
		s.log.WarnContext(ctx, "RPC for an unknown method", "method", fmt.Sprintf("%.64s", req.method), "remote", remote)
		return nil, &wireError{Code: codeMethodNotFound, Message: fmt.Sprintf("Method %s was not found", req.method)}
	}
	id, problem := req.takeContext()
	if problem != nil {
		s.log.WarnContext(ctx, "RPC with wrong parameters", "method", req.method, "remote", remote, "error", problem.Message)
		return nil, problem
	}
	log := s.log.With("method", req.method, "remote", remote, "request_id", fmt.Sprintf("%.64s", id))

	result, err := run(usher.WithRequestID(ctx, id), method, req.params)
	log = log.With("took", time.Since(start))
	if err == nil {
		log.DebugContext(ctx, "RPC answered")
		return result, nil
	}
	code, message, class, expected := toWire(err)
	if !expected {
		log.ErrorContext(ctx, "RPC failed unexpectedly", "error", err)
		return nil, &wireError{Code: http.StatusInternalServerError,
			Message: "Unexpected error, see the log of the conductor"}
	}
	log.InfoContext(ctx, "RPC refused", "class", class, "error", err)
	return nil, &wireError{Code: code, Message: message, Data: &wireClass{Class: class}}
}

// run calls the method and encodes its result. A panic becomes an error: one
// bad call must not look like a conductor that died.
func run(ctx context.Context, method Method, params object) (result json.RawMessage, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	raw, err := encode(params.values)
	if err != nil {
		return nil, err
	}
	v, err := method(ctx, raw)
	if err != nil {
		return nil, err
	}
	return encode(v)
}

// encode is json.Marshal without its escapes for HTML.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a caller that hung up will ask again
}
