package storm

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// times are how long something took, each time. The zero value is ready.
type times struct {
	histogram *hdrhistogram.Histogram // in nanoseconds
	max       time.Duration
}

// Bounds of what a histogram tells apart, and its significant digits.
const (
	shortest = time.Microsecond
	longest  = time.Hour
	digits   = 2
)

func (t *times) add(took time.Duration) {
	if t.histogram == nil {
		t.histogram = hdrhistogram.New(int64(shortest), int64(longest), digits)
	}
	_ = t.histogram.RecordValue(int64(min(max(took, 0), longest))) // within its bounds
	t.max = max(t.max, took)
}

func (t *times) count() int {
	if t.histogram == nil {
		return 0
	}
	return int(t.histogram.TotalCount())
}

// quantile is the time that so many percent of all were not longer than.
func (t *times) quantile(percent float64) time.Duration {
	if t.histogram == nil {
		return 0
	}
	return min(time.Duration(t.histogram.ValueAtQuantile(percent)), t.max)
}
