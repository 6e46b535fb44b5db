package metrics

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Results of what either works or does not.
const (
	ok      = "ok"
	refused = "refused"
	failed  = "failed"
)

// RPCFailed counts a call of the conductor at host that failed, with the kind
// of failure from a closed set.
func (m *Metrics) RPCFailed(host, kind string) {
	m.rpcFailures.WithLabelValues(strings.ToValidUTF8(host, "?"), kind).Inc()
}

// RPCAnswers are the counters of one method's answers.
type RPCAnswers struct{ OK, Refused, Failed prometheus.Counter }

// RPCAnswers declares a method that this process answers.
func (m *Metrics) RPCAnswers(method string) RPCAnswers {
	return RPCAnswers{m.rpcAnswers.WithLabelValues(method, ok), m.rpcAnswers.WithLabelValues(method, refused),
		m.rpcAnswers.WithLabelValues(method, failed)}
}

// NodePrepared counts a node whose boot files were written, or could not be.
func (m *Metrics) NodePrepared(err error) { m.prepared.WithLabelValues(result(err)).Inc() }

// ImageFetched counts one fetch, with its result from Options.ImageResults.
func (m *Metrics) ImageFetched(result string, bytes int64, took time.Duration) {
	m.fetches.WithLabelValues(result).Inc()
	m.fetchedBytes.Add(float64(bytes))
	m.fetchSeconds.Observe(took.Seconds())
}

// Reloaded notes how a reload of the configuration ended.
func (m *Metrics) Reloaded(err error) {
	m.reloads.WithLabelValues(result(err)).Inc()
	m.reloadOK.Set(truth(err == nil))
	if err == nil {
		m.reloadTime.SetToCurrentTime()
	}
}

// TraceExportFailed counts spans that their collector did not take.
func (m *Metrics) TraceExportFailed() { m.traceFailures.Inc() }

func result(err error) string {
	if err != nil {
		return failed
	}
	return ok
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func count(f func() uint64) func() float64 { return func() float64 { return float64(f()) } }
