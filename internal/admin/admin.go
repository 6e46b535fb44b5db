// Package admin is the operator's door: metrics, health and readiness, what
// machines asked and were told, and the live page over all of it. It changes
// nothing and shows no secrets: no kernel parameters, no boot files, nothing of
// a node but what dispatch.Decision tells.
package admin

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/journal"
)

// Ready says why this process cannot answer for a known MAC, or nil.
type Ready func(ctx context.Context) error

// Fleet tells what there is beyond this process. Each call is a look at the
// database.
type Fleet interface {
	Conductors(ctx context.Context) ([]Conductor, error)
	// Waiting lists the nodes that wait for a ramdisk, the longest waiting
	// first, and CountWaiting counts them.
	Waiting(ctx context.Context, offset, limit int) ([]usher.BootNode, error)
	CountWaiting(ctx context.Context) (map[usher.State]int, error)
}

// Conductor is a registered conductor and what it owns.
type Conductor struct {
	usher.Conductor
	Active bool
	Shares []Share
}

// Share is a conductor's part, 0 to 1, of the hash ring of a hardware type in
// its group: of all nodes that there might be, not a count of those there are.
type Share struct {
	HardwareType string  `json:"hardware_type"`
	Part         float64 `json:"part"`
}

// Process is what the process that shows the page says of itself.
type Process struct {
	Version      string
	Role         string // "serve", "api" or "conductor"
	Host         string
	Answers      bool // machines' boot requests: not with the conductor role alone
	BesideIronic bool
}

// Options are the parts of a Door.
type Options struct {
	Metrics http.Handler
	Ready   Ready
	Process Process
	Journal *journal.Journal // nil where it is turned off
	Fleet   Fleet
	// Evidence tells, as JSON can be made of, what this process's conductor
	// would answer a machine for a node; nil without a conductor.
	Evidence func(ctx context.Context, nodeUUID, file string) any
	// Interval is the least time between two looks at the database, however
	// many look at the page: the heartbeat interval.
	Interval time.Duration
	// Profiling says whether profiles are given now; nil: never.
	Profiling func() bool
	// AnswersTo says which Host headers are answered, so that no page from
	// elsewhere can reach this listener through a name of its own; nil: all.
	AnswersTo func(host string) bool
}

// Door is the handler of the admin door.
type Door struct {
	o       Options
	handler http.Handler
	looks   looks
	streams chan struct{} // one for each reader that stays
	stop    func()
	stopped chan struct{}
}

// maxStreams bounds the readers that stay, of requests and of the page.
const maxStreams = 64

// New returns the admin door.
func New(o Options) *Door {
	d := &Door{o: o, streams: make(chan struct{}, maxStreams), stopped: make(chan struct{})}
	d.stop = sync.OnceFunc(func() { close(d.stopped) })
	d.looks = looks{fleet: o.Fleet, ready: o.Ready, interval: o.Interval}

	mux := http.NewServeMux()
	mux.Handle("GET /metrics", o.Metrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /readyz", d.readyz)
	mux.HandleFunc("GET /v1/requests", d.requests)
	mux.HandleFunc("GET /v1/unknown", d.unknown)
	mux.HandleFunc("GET /v1/overview", d.overview)
	mux.HandleFunc("GET /v1/evidence/{node}/{file}", d.evidence)
	mux.HandleFunc("GET /events", d.events)
	mux.Handle("GET /static/", static())
	profiles(mux, o.Profiling, d.stopped)
	mux.HandleFunc("GET /{$}", d.page)
	d.handler = guard(mux, o.AnswersTo)
	return d
}

func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.handler.ServeHTTP(w, r) }

// Stop ends the readers that stay; those that only ask are still answered.
func (d *Door) Stop() { d.stop() }

func (d *Door) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if err := d.o.Ready(ctx); err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintf(w, "not ready: %v\n", err)
		return
	}
	fmt.Fprintln(w, "ready")
}
