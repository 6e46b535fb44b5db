// Package metrics declares every metric that Usher exports, in one
// constructor. No label ever holds a MAC address or a UUID.
package metrics

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/usher-boot/usher/internal/dispatch"
)

// Metrics are the metrics of one process.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	steps    *prometheus.HistogramVec

	// Reloads counts configuration reloads by result ("ok", "failed").
	Reloads *prometheus.CounterVec
}

// New returns the metrics of a process of the given version.
func New(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "usher_boot_requests_total",
			Help: "Boot configuration requests by outcome, cause and boot file.",
		}, []string{"outcome", "cause", "file"}),
		steps: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "usher_boot_step_seconds",
			Help:    "Time that the steps of a boot configuration request took.",
			Buckets: prometheus.ExponentialBuckets(50e-6, 2.5, 13), // 50 µs to 3 s
		}, []string{"step"}),
		Reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "usher_config_reloads_total",
			Help: "Configuration reloads by result.",
		}, []string{"result"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "usher_build_info", Help: "1, with the version as a label.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.steps, m.Reloads, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Observe counts one decision.
func (m *Metrics) Observe(d *dispatch.Decision) {
	file := d.File
	if d.Cause == dispatch.CauseUnknownFile || d.Cause == dispatch.CauseBadMAC {
		file = "other" // a stranger's words make no time series
	}
	m.requests.WithLabelValues(string(d.Outcome), string(d.Cause), file).Inc()
	for _, s := range []struct {
		name    string
		seconds float64
	}{{"database", d.Steps.Database.Seconds()}, {"ring", d.Steps.Ring.Seconds()},
		{"rpc", d.Steps.RPC.Seconds()}, {"total", d.Steps.Total.Seconds()}} {
		if s.seconds > 0 {
			m.steps.WithLabelValues(s.name).Observe(s.seconds)
		}
	}
}

// Handler serves the metrics in Prometheus's text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
