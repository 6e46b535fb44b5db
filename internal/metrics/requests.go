package metrics

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/usher-boot/usher/internal/dispatch"
)

// requests are the counters of boot requests. Those that can occur are made
// beforehand: so a rate sees their first increment, and a request pays for a
// look-up in a small map instead of for the hashes of three labels.
type requests struct {
	vec   *prometheus.CounterVec
	files []string // what else is asked for, a stranger's words, makes no series
	known map[dispatch.Cause]causeRequests
}

type causeRequests struct {
	outcome dispatch.Outcome
	unnamed prometheus.Counter   // where the file's name was not looked at, else nil
	byFile  []prometheus.Counter // in the order of requests.files
}

const otherFile = "other"

func newRequests(files []string, vec *prometheus.CounterVec) *requests {
	r := &requests{vec: vec, files: files, known: map[dispatch.Cause]causeRequests{}}
	if len(files) == 0 {
		return r
	}
	for cause, outcome := range dispatch.Causes() {
		c := causeRequests{outcome: outcome}
		if !named(cause) {
			c.unnamed = vec.WithLabelValues(string(outcome), string(cause), otherFile)
		} else {
			for _, file := range files {
				c.byFile = append(c.byFile, vec.WithLabelValues(string(outcome), string(cause), file))
			}
		}
		r.known[cause] = c
	}
	return r
}

// named says whether a request that ends for this cause has been looked at
// for the name of its file.
func named(cause dispatch.Cause) bool {
	switch cause {
	case dispatch.CauseBadMAC, dispatch.CauseUnknownFile, dispatch.CauseNotAllowed, dispatch.CauseRateLimited, dispatch.CauseOverloaded:
		return false
	}
	return true
}

// inc counts one request.
func (r *requests) inc(outcome dispatch.Outcome, cause dispatch.Cause, file string) {
	c, ok := r.known[cause]
	if !ok || c.outcome != outcome {
		r.vec.WithLabelValues(string(outcome), string(cause), otherFile).Inc()
		return
	}
	if c.unnamed != nil {
		c.unnamed.Inc()
		return
	}
	i := slices.Index(r.files, file)
	if i < 0 {
		r.vec.WithLabelValues(string(outcome), string(cause), otherFile).Inc()
		return
	}
	c.byFile[i].Inc()
}

// Observe counts one decision and the time that its steps took.
func (m *Metrics) Observe(d *dispatch.Decision) {
	m.requests.inc(d.Outcome, d.Cause, d.File)
	observe(m.database, d.Steps.Database)
	observe(m.ring, d.Steps.Ring)
	observe(m.rpc, d.Steps.RPC)
	observe(m.total, d.Steps.Total)
}

// DiskRead notes the reading of one boot file.
func (m *Metrics) DiskRead(took time.Duration) { observe(m.disk, took) }

// observe notes a step that was taken.
func observe(o prometheus.Observer, took time.Duration) {
	if took > 0 && o != nil {
		o.Observe(took.Seconds())
	}
}
