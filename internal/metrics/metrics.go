// Package metrics declares every metric that Usher exports, in one
// constructor. No label ever holds a MAC address or a UUID.
//
// What happens is counted by methods, which cost a request next to nothing;
// what is the case just now is read from the parts when somebody scrapes.
// docs/operators.md lists the metrics, as TestMarkdown writes them.
package metrics

import (
	"context"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

//go:generate go test -run ^TestMarkdown$ -update .

// Options say what a process consists of. A part that it has not has no
// metrics: nil, or empty.
type Options struct {
	Version, Commit string
	// Files are all boot file names, of a process that answers machines.
	Files []string
	// Disk says that the process reads boot files.
	Disk bool
	// ImageResults are how fetching an image can end, of a process that
	// prepares nodes.
	ImageResults []string

	// Read at each scrape, for at most scrapePatience.
	Ready              func(ctx context.Context) error
	Rings              func(ctx context.Context) (Rings, error)
	Connections        func() []Connections
	ConnectionsRefused func() uint64
	HeartbeatFailures  func() uint64
	JournalDropped     func() uint64
	Certificates       func() []Certificate
}

// Connections are those of one door for machines.
type Connections struct {
	Door        string
	Open, Limit int
}

// scrapePatience bounds the reading of what a scrape asks for.
const scrapePatience = 2 * time.Second

// Metrics are the metrics of one process.
type Metrics struct {
	registry *prometheus.Registry
	requests *requests

	database, ring, rpc, disk, total prometheus.Observer

	rpcFailures   *prometheus.CounterVec
	rpcAnswers    *prometheus.CounterVec
	prepared      *prometheus.CounterVec
	fetches       *prometheus.CounterVec
	fetchedBytes  prometheus.Counter
	fetchSeconds  prometheus.Histogram
	reloads       *prometheus.CounterVec
	reloadOK      prometheus.Gauge
	reloadTime    prometheus.Gauge
	traceFailures prometheus.Counter
}

// New returns the metrics of a process.
func New(o Options) *Metrics {
	registry := prometheus.NewRegistry()
	declare := promauto.With(registry)
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m := &Metrics{registry: registry}

	declare.NewGaugeVec(prometheus.GaugeOpts{
		Name: "usher_build_info",
		Help: "1, with the version, the commit it was built from and Go's version as labels.",
	}, []string{"version", "commit", "goversion"}).WithLabelValues(o.Version, o.Commit, runtime.Version()).Set(1)
	if o.Ready != nil {
		declare.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "usher_ready",
			Help: "Whether /readyz says that this process can answer for a known MAC.",
		}, func() float64 {
			ctx, cancel := context.WithTimeout(context.Background(), scrapePatience)
			defer cancel()
			return truth(o.Ready(ctx) == nil)
		})
	}

	m.requests = newRequests(o.Files, declare.NewCounterVec(prometheus.CounterOpts{
		Name: "usher_boot_requests_total",
		Help: "Boot configuration requests by outcome, cause and boot file.",
	}, []string{"outcome", "cause", "file"}))
	steps := declare.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "usher_boot_step_seconds",
		Help:    "Time that the steps of a boot configuration request took: database, ring, rpc and total where machines ask, disk where the boot file is.",
		Buckets: prometheus.ExponentialBuckets(50e-6, 2.5, 13), // 50 µs to 3 s
	}, []string{"step"})
	if len(o.Files) > 0 {
		m.database, m.ring = steps.WithLabelValues("database"), steps.WithLabelValues("ring")
		m.rpc, m.total = steps.WithLabelValues("rpc"), steps.WithLabelValues("total")
	}
	if o.Disk {
		m.disk = steps.WithLabelValues("disk")
	}
	if o.Connections != nil {
		registry.MustRegister(newConnections(o.Connections))
	}
	if o.ConnectionsRefused != nil {
		declare.NewCounterFunc(prometheus.CounterOpts{
			Name: "usher_boot_connections_refused_total",
			Help: "Connections of machines beyond [usher]boot_connections_per_source, told so or closed.",
		}, count(o.ConnectionsRefused))
	}

	if o.Rings != nil {
		registry.MustRegister(newRings(o.Rings))
	}
	if o.HeartbeatFailures != nil {
		declare.NewCounterFunc(prometheus.CounterOpts{
			Name: "usher_heartbeat_failures_total",
			Help: "Heartbeats of this conductor that could not be written.",
		}, count(o.HeartbeatFailures))
	}
	m.rpcFailures = declare.NewCounterVec(prometheus.CounterOpts{
		Name: "usher_rpc_failures_total",
		Help: "Calls of other conductors that brought no answer or one that is a failure, by conductor and kind.",
	}, []string{"conductor", "kind"})
	m.rpcAnswers = declare.NewCounterVec(prometheus.CounterOpts{
		Name: "usher_rpc_answers_total",
		Help: "Calls by other processes that this one answered, by method and result (ok, refused, failed).",
	}, []string{"method", "result"})

	m.prepared = declare.NewCounterVec(prometheus.CounterOpts{
		Name: "usher_nodes_prepared_total",
		Help: "Nodes that were prepared, or could not be, by result (ok, failed).",
	}, []string{"result"})
	m.fetches = declare.NewCounterVec(prometheus.CounterOpts{
		Name: "usher_image_fetches_total",
		Help: "Kernels and ramdisks that were fetched or asked for changes, by result (fetched, unchanged, stale, failed, abandoned).",
	}, []string{"result"})
	if len(o.ImageResults) > 0 {
		m.prepared.WithLabelValues(ok)
		m.prepared.WithLabelValues(failed)
		for _, r := range o.ImageResults {
			m.fetches.WithLabelValues(r)
		}
		m.fetchedBytes = declare.NewCounter(prometheus.CounterOpts{
			Name: "usher_image_fetch_bytes_total",
			Help: "Bytes of kernels and ramdisks that were written to the disk.",
		})
		m.fetchSeconds = declare.NewHistogram(prometheus.HistogramOpts{
			Name:    "usher_image_fetch_seconds",
			Help:    "Time that fetching a kernel or a ramdisk took.",
			Buckets: prometheus.ExponentialBuckets(0.1, 3, 10), // 100 ms to 33 min
		})
	}
	if o.Certificates != nil {
		registry.MustRegister(newCertificates(o.Certificates))
	}
	if o.JournalDropped != nil {
		declare.NewCounterFunc(prometheus.CounterOpts{
			Name: "usher_journal_dropped_total",
			Help: "Journal entries that followers were too slow for.",
		}, count(o.JournalDropped))
	}
	m.traceFailures = declare.NewCounter(prometheus.CounterOpts{
		Name: "usher_trace_export_failures_total",
		Help: "Batches of spans that the collector of OTEL_EXPORTER_OTLP_ENDPOINT did not take.",
	})

	m.reloads = declare.NewCounterVec(prometheus.CounterOpts{
		Name: "usher_config_reloads_total",
		Help: "Configuration reloads by result (ok, failed).",
	}, []string{"result"})
	m.reloads.WithLabelValues(ok)
	m.reloads.WithLabelValues(failed)
	m.reloadOK = declare.NewGauge(prometheus.GaugeOpts{
		Name: "usher_config_last_reload_successful",
		Help: "Whether the last reload, or the start, put the configuration in force.",
	})
	m.reloadTime = declare.NewGauge(prometheus.GaugeOpts{
		Name: "usher_config_last_reload_success_timestamp_seconds",
		Help: "When the configuration was last put in force.",
	})
	m.reloadOK.Set(1)
	m.reloadTime.SetToCurrentTime()
	return m
}

// Handler serves the metrics in Prometheus's text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
