// Package bootapi is the machines' listener: GET /v1/boot/<MAC>/<FILE>, the root
// scripts, and in our own inventory the kernels and ramdisks; beside Ironic
// also the listener of an agent, for images. It speaks HTTP as boot firmware
// needs it and decides nothing itself; the decisions are package dispatch's.
// It follows Ironic's specification "boot-config-api".
//
// It routes by hand and not with http.ServeMux because the mux redirects
// unclean paths, and neither GRUB nor UEFI follows a redirect.
package bootapi

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/dispatch"
)

// Prefix is the path below which boot files are asked for.
const Prefix = "/v1/boot/"

// Decider decides boot requests.
type Decider interface {
	Decide(ctx context.Context, r dispatch.Request) *dispatch.Decision
}

// Options are the parts of a Handler.
type Options struct {
	Decider Decider
	// Observe is called once for each decision, after it was answered; Count
	// for one of a flood that filled log and journal.
	Observe, Count func(ctx context.Context, d *dispatch.Decision)
	// MaxRequests is how many requests for boot files are decided at one
	// time. Who comes beyond is asked at once to come again, so that those
	// who are in are answered soon and memory stays bounded. 0: no bound.
	MaxRequests int
	// RetryAfter is what a machine is told to wait after a "not now"; at
	// least one second.
	RetryAfter time.Duration
	// Static, where set, gives the address and the boot file for a path that
	// stands for a boot file without being one of the API's; such a request is
	// decided like any other.
	Static func(path string) (mac, file string, ok bool)
	// StaticOnly leaves the API itself out.
	StaticOnly bool
	// Scripts are served as they are, by path ("/boot.ipxe").
	Scripts map[string][]byte
	// Files answers what nothing else does; nil means 404.
	Files http.Handler
}

// Handler serves the machines' door. Every path answers GET and HEAD.
type Handler struct {
	o          Options
	retryAfter string
	busy       atomic.Int64  // requests that are being decided
	told       *rate.Limiter // how often an overload is told
}

// New returns a Handler.
func New(o Options) *Handler {
	return &Handler{o: o, retryAfter: retrySeconds(o.RetryAfter), told: rate.NewLimiter(toldPerSecond, toldPerSecond)}
}

// reads refuses every method but those that firmware reads with.
func reads(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	answer(w, r, http.StatusMethodNotAllowed, "# method not allowed\n")
	return false
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !reads(w, r) {
		return
	}
	grubCloses(w, r)
	// shim, loaded by UEFI HTTP boot, doubles the first slash.
	path := "/" + strings.TrimLeft(r.URL.Path, "/")
	if mac, file, ok := h.bootFile(path); ok {
		h.boot(w, r, mac, file)
		return
	}
	if script, ok := h.o.Scripts[path]; ok {
		answer(w, r, http.StatusOK, string(script))
		return
	}
	if h.o.Files != nil {
		h.o.Files.ServeHTTP(w, r)
		return
	}
	NotFound(w, r)
}

// bootFile says which boot file a path asks for, if it asks for any.
func (h *Handler) bootFile(path string) (mac, file string, ok bool) {
	rest, ok := strings.CutPrefix(path, Prefix)
	switch {
	case ok && !h.o.StaticOnly:
		mac, file, _ = strings.Cut(rest, "/")
		return mac, file, true
	case !ok && h.o.Static != nil:
		return h.o.Static(path)
	}
	return "", "", false
}

// grubCloses closes GRUB's connection after the answer: GRUB leaves it open
// for good and uses the same source ports at its next boot, which then stalls.
func grubCloses(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.UserAgent(), "GRUB") {
		w.Header().Set("Connection", "close")
	}
}

// boot answers a request for a boot file. mac and file are decoded.
func (h *Handler) boot(w http.ResponseWriter, r *http.Request, mac, file string) {
	req := dispatch.Request{
		RequestID: usher.RequestID(r.Header.Get("X-Openstack-Request-Id")),
		Remote:    remote(r),
		MAC:       mac,
		File:      file,
	}
	d, observe := h.decide(r.Context(), req)
	w.Header().Set("X-Openstack-Request-Id", req.RequestID)
	switch d.Outcome {
	case dispatch.Served:
		answer(w, r, http.StatusOK, d.Config)
	case dispatch.No:
		NotFound(w, r)
	case dispatch.Refused:
		w.Header().Set("Retry-After", h.retryAfter)
		answer(w, r, http.StatusTooManyRequests, "# too many requests\n")
	default:
		w.Header().Set("Retry-After", h.retryAfter)
		answer(w, r, http.StatusServiceUnavailable, "# not available now\n")
	}
	observe(r.Context(), d)
}

// decide decides, unless too many requests are being decided, and says who is
// to hear of it.
func (h *Handler) decide(ctx context.Context, r dispatch.Request) (*dispatch.Decision, func(context.Context, *dispatch.Decision)) {
	defer h.busy.Add(-1)
	if n := h.busy.Add(1); h.o.MaxRequests == 0 || n <= int64(h.o.MaxRequests) {
		return h.o.Decider.Decide(usher.WithRequestID(ctx, r.RequestID), r), h.o.Observe
	}
	d := dispatch.Overloaded(r, h.o.MaxRequests)
	if h.told.Allow() {
		return d, h.o.Observe
	}
	return d, h.o.Count
}

// NotFound is the one "no" of this door, the same to the byte for every
// reason, so that nothing can be learned from it.
func NotFound(w http.ResponseWriter, r *http.Request) {
	answer(w, r, http.StatusNotFound, "# not found\n")
}

// answer writes a whole answer. GRUB runs the body of any answer as a script,
// hence bodies of errors are comments; and it stalls when Content-Length is
// the first header of an error, hence Cache-Control, which net/http sorts
// before it.
func answer(w http.ResponseWriter, r *http.Request, status int, body string) {
	header := w.Header()
	header["Cache-Control"], header["Content-Type"] = noStore, plainText
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		// The only failure is that the machine hung up.
		_, _ = io.WriteString(w, body)
	}
}

// Values of headers, the same for every answer; they are only read.
var (
	noStore   = []string{"no-store"}
	plainText = []string{"text/plain; charset=utf-8"}
)

// remote is the asker's address without its port.
func remote(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
