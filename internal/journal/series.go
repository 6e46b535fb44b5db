package journal

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/usher-boot/usher/internal/dispatch"
)

// The series: the last hour, in steps.
const (
	Step  = 10 * time.Second
	steps = int(time.Hour / Step)
)

// Interval is one step of the series. Latencies are of whole decisions, exact
// to a sixteenth, and zero where nothing was asked.
type Interval struct {
	Start   time.Time     `json:"start"`
	Served  uint32        `json:"served"`
	No      uint32        `json:"no"`
	NotNow  uint32        `json:"not_now"`
	Refused uint32        `json:"refused"`
	P50     time.Duration `json:"p50_ns"`
	P99     time.Duration `json:"p99_ns"`
}

// Total is how many requests were answered.
func (i Interval) Total() uint32 { return i.Served + i.No + i.NotNow + i.Refused }

type series struct{ intervals []interval }

type interval struct {
	number  int64 // of steps since 1970; 0 for none yet
	answers [4]uint32
	taken   *hdrhistogram.Histogram // in nanoseconds; nil with number 0
}

// Bounds of what a histogram tells apart, and its significant digits: 3 KiB.
const (
	shortest = time.Microsecond
	longest  = time.Minute
	digits   = 1
)

// start makes an interval that of a step.
func (i *interval) start(number int64) {
	if i.taken == nil {
		i.taken = hdrhistogram.New(int64(shortest), int64(longest), digits)
	}
	i.taken.Reset()
	i.number, i.answers = number, [4]uint32{}
}

// quantile is the time that so many percent of all stayed below.
func (i *interval) quantile(percent float64) time.Duration {
	return time.Duration(i.taken.ValueAtQuantile(percent))
}

func (s *series) add(d *dispatch.Decision) {
	if s.intervals == nil {
		s.intervals = make([]interval, steps)
	}
	number := d.Time.Add(d.Steps.Total).UnixNano() / int64(Step)
	if number <= 0 {
		return // no time at all
	}
	i := &s.intervals[int(number%int64(steps))]
	if i.number != number {
		i.start(number)
	}
	switch d.Outcome {
	case dispatch.Served:
		i.answers[0]++
	case dispatch.No:
		i.answers[1]++
	case dispatch.NotNow:
		i.answers[2]++
	case dispatch.Refused:
		i.answers[3]++
	}
	_ = i.taken.RecordValue(int64(min(max(d.Steps.Total, 0), longest))) // within its bounds
}

// Series returns the last hour up to now, oldest first, the current step last
// and incomplete.
func (j *Journal) Series(now time.Time) []Interval {
	out := make([]Interval, steps)
	current := now.UnixNano() / int64(Step)
	for k := range out {
		out[k].Start = time.Unix(0, (current-int64(steps-1-k))*int64(Step)).UTC()
	}
	if j == nil {
		return out
	}
	for k := range steps {
		j.step(k, current, out)
	}
	return out
}

// step puts one interval to its place, where it is one of the last hour: under
// a lock of its own, so that no request waits for all of them.
func (j *Journal) step(k int, current int64, out []Interval) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.series.intervals == nil {
		return
	}
	i := &j.series.intervals[k]
	back := current - i.number
	if i.number == 0 || back < 0 || back >= int64(steps) {
		return
	}
	o := &out[int64(steps-1)-back]
	o.Served, o.No, o.NotNow, o.Refused = i.answers[0], i.answers[1], i.answers[2], i.answers[3]
	o.P50, o.P99 = i.quantile(50), i.quantile(99)
}
