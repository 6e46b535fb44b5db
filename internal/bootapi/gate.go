package bootapi

import (
	"context"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/dispatch"
)

// GateOptions say who may ask at the machines' door, and how often. The
// address that counts is the connection's own: headers in which a proxy names
// another one are not read, since anybody can write them.
type GateOptions struct {
	Networks Networks // let in; none means all
	// Rate is how many requests a second a source may make below /v1/, or by
	// another name of a boot file (Static), which is what asks the database; 0
	// means any number. Burst of them may come at once. Scripts, kernels and
	// ramdisks are not counted: sanboot reads a disk in thousands of requests.
	Rate, Burst int
	Static      func(path string) (mac, file string, ok bool) // may be nil
	// Connections says that connections are counted (Connections.Listen), so
	// one that was too many must be looked for.
	Connections bool
	RetryAfter  time.Duration // at least one second
	// Observe is called for a refusal that is to be told; Count for the
	// others, so that a flood fills neither log nor journal.
	Observe, Count func(ctx context.Context, d *dispatch.Decision)
}

// Gate puts the limits in front of next. Without any it is next itself.
func Gate(o GateOptions, next http.Handler) http.Handler {
	if len(o.Networks) == 0 && o.Rate == 0 && !o.Connections {
		return next
	}
	g := &gate{o: o, next: next, retryAfter: retrySeconds(o.RetryAfter),
		told: newMeter(1<<12, toldEvery, 1), toldAll: rate.NewLimiter(toldPerSecond, toldPerSecond)}
	if o.Rate > 0 {
		g.rate = newMeter(maxWidth, time.Second/time.Duration(o.Rate), max(1, o.Burst))
	}
	return g
}

// One refusal of a source is told, and then none for a while; and no more than
// some in all.
const (
	toldEvery     = time.Minute
	toldPerSecond = 10
)

type gate struct {
	o          GateOptions
	next       http.Handler
	retryAfter string
	rate       *meter // nil without a rate
	told       *meter
	toldAll    *rate.Limiter
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at, _ := netip.ParseAddrPort(r.RemoteAddr) // the zero value is nobody's address, and let in nowhere
	from := usher.Source(at.Addr())
	switch {
	case r.Context().Value(unlimitedKey{}) != nil:
		g.next.ServeHTTP(w, r)
	case !g.o.Networks.Allow(at.Addr()):
		g.refuse(w, r, from, dispatch.No, dispatch.CauseNotAllowed, usher.Errorf(usher.ErrNotFound,
			"no network of [usher]boot_allowed_networks holds %s", remote(r)))
	case g.o.Connections && tooMany(r.Context()):
		w.Header().Set("Connection", "close")
		g.refuse(w, r, from, dispatch.Refused, dispatch.CauseRateLimited, usher.Errorf(usher.ErrUnavailable,
			"more connections than [usher]boot_connections_per_source allows"))
	case g.rate != nil && g.counted(r.URL.Path) && !g.rate.take(from):
		g.refuse(w, r, from, dispatch.Refused, dispatch.CauseRateLimited, usher.Errorf(usher.ErrUnavailable,
			"more requests than [usher]boot_rate_limit and boot_rate_burst allow"))
	default:
		g.next.ServeHTTP(w, r)
	}
}

type unlimitedKey struct{}

// Unlimited marks a request that this process makes of itself, for which there
// are no limits.
func Unlimited(ctx context.Context) context.Context {
	return context.WithValue(ctx, unlimitedKey{}, true)
}

// counted says whether a request counts for the rate.
func (g *gate) counted(path string) bool {
	path = "/" + strings.TrimLeft(path, "/")
	static := false
	if g.o.Static != nil {
		_, _, static = g.o.Static(path)
	}
	return static || strings.HasPrefix(path, "/v1/")
}

// refuse answers like Handler would, and makes the Decision that it did not.
func (g *gate) refuse(w http.ResponseWriter, r *http.Request, from netip.Addr, o dispatch.Outcome, c dispatch.Cause, err error) {
	d := &dispatch.Decision{Time: time.Now(), Remote: remote(r), Outcome: o, Cause: c, Err: err,
		RequestID: usher.RequestID(r.Header.Get("X-Openstack-Request-Id"))}
	d.File = "/" + strings.TrimLeft(r.URL.Path, "/")
	if rest, ok := strings.CutPrefix(d.File, Prefix); ok {
		d.AskedMAC, d.File, _ = strings.Cut(rest, "/")
		d.MAC, _ = usher.ParseMAC(d.AskedMAC) // the zero MAC where it is none
		w.Header().Set("X-Openstack-Request-Id", d.RequestID)
	}
	d.AskedMAC, d.File = d.AskedMAC[:min(len(d.AskedMAC), 64)], d.File[:min(len(d.File), 64)]
	grubCloses(w, r)
	if o == dispatch.No {
		NotFound(w, r)
	} else {
		w.Header().Set("Retry-After", g.retryAfter)
		answer(w, r, http.StatusTooManyRequests, "# too many requests\n")
	}
	if g.told.take(from) && g.toldAll.Allow() {
		g.o.Observe(r.Context(), d)
	} else {
		g.o.Count(r.Context(), d)
	}
}

func retrySeconds(d time.Duration) string {
	return strconv.Itoa(max(1, int(d.Round(time.Second)/time.Second)))
}
