package management

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/usher-boot/usher"
)

const (
	requestIDHeader  = "Openstack-Request-Id"
	incomingIDHeader = "X-Openstack-Request-Id"
)

// API serves the management door. Authentication is the caller's, with
// [API.Public]'s help.
type API struct {
	Options
	routes      []route
	crossOrigin *http.CrossOriginProtection
}

// New checks the options and returns the API.
func New(o Options) (*API, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	o.PublicEndpoint = strings.TrimRight(o.PublicEndpoint, "/")
	return &API{Options: o, routes: routes(), crossOrigin: http.NewCrossOriginProtection()}, nil
}

// request is one request with what the routes have found out about it.
type request struct {
	*http.Request
	minor int    // the microversion
	base  string // what links begin with
}

type handler func(w http.ResponseWriter, r *request) error

// ServeHTTP answers everything but /v1/boot, which is mounted in front of it.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.serve(w, r, false)
}

// RamdiskHandler serves only what a ramdisk needs without credentials (/,
// /v1, lookup and heartbeat), for the machines' door.
func (a *API) RamdiskHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.serve(w, r, true) })
}

// Public says whether a request needs no credentials: /, /v1, lookup and
// heartbeat, as in Ironic.
func (a *API) Public(r *http.Request) bool {
	return len(a.matching(r, true)) > 0
}

func (a *API) serve(w http.ResponseWriter, r *http.Request, ramdisk bool) {
	began := time.Now()
	id := usher.RequestID(r.Header.Get(incomingIDHeader))
	w.Header().Set(requestIDHeader, id)
	ctx, cancel := context.WithTimeout(usher.WithRequestID(r.Context(), id), a.Timeout)
	defer cancel()
	seen := &statusWriter{ResponseWriter: w, code: http.StatusOK}
	err := a.answer(seen, r.WithContext(ctx), ramdisk)
	level := slog.LevelInfo
	attrs := []slog.Attr{slog.String("request_id", id), slog.String("method", r.Method), slog.String("path", r.URL.Path)}
	if err != nil {
		if answerError(seen, err) >= http.StatusInternalServerError {
			level = slog.LevelError
		}
		attrs = append(attrs, slog.String("cause", err.Error()))
	}
	attrs = append(attrs, slog.Int("status", seen.code), slog.Duration("took", time.Since(began)))
	a.Logger.LogAttrs(r.Context(), level, "management request", attrs...)
}

// answer finds the route, settles the microversion, and calls the handler.
func (a *API) answer(w http.ResponseWriter, r *http.Request, ramdisk bool) error {
	if err := a.crossOrigin.Check(r); err != nil {
		return refusedOrigin()
	}
	found := a.matching(r, ramdisk)
	if len(found) == 0 {
		return bare(http.StatusNotFound, "")
	}
	rt, ok := forMethod(found, r.Method)
	if !ok {
		w.Header().Set("Allow", allowed(found))
		return bare(http.StatusMethodNotAllowed, "")
	}
	if rt.mints && fromOtherSite(r.Header) {
		return refusedOrigin()
	}
	req := &request{Request: r, base: a.PublicEndpoint}
	if req.base == "" {
		req.base = "http://" + r.Host
		if r.TLS != nil {
			req.base = "https://" + r.Host
		}
	}
	r.Body = http.MaxBytesReader(w, r.Body, rt.bodyLimit())
	if rt.pattern != "/" {
		w.Header().Set(minVersionHeader, minVersion)
		w.Header().Set(maxVersionHeader, maxVersion)
		minor, err := negotiate(r.Header)
		if err != nil {
			return err
		}
		req.minor = minor
		w.Header().Set(versionHeader, fmt.Sprintf("1.%d", minor))
		if minor < rt.since {
			return hidden()
		}
	}
	return rt.handle(a)(w, req)
}

func refusedOrigin() error {
	return bare(http.StatusForbidden, "Refused: a browser sent this from another origin.")
}

// fromOtherSite says that a browser may have sent a GET for somebody else's
// page. CrossOriginProtection lets all GETs pass, since they change nothing.
func fromOtherSite(h http.Header) bool {
	switch h.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return h.Get("Origin") != ""
	}
	return true
}

// statusWriter remembers the status for the log line.
type statusWriter struct {
	http.ResponseWriter
	code int
}

func (w *statusWriter) WriteHeader(code int) {
	w.code = code
	w.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController and MaxBytesReader reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// answerJSON writes a body. It is encoded first, so that what cannot be
// encoded can still change the status.
func answerJSON(w http.ResponseWriter, code int, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(text) // the client may be gone
	return nil
}

// object is a JSON object being built.
type object = map[string]any

type link struct {
	Href string `json:"href"`
	Rel  string `json:"rel"`
	Type string `json:"type,omitempty"`
}

// links are the two that Ironic gives of a thing below /v1.
func (r *request) links(path string) []link {
	return []link{{Href: r.base + "/v1/" + path, Rel: "self"}, {Href: r.base + "/" + path, Rel: "bookmark"}}
}
