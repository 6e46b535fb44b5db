package journal

import (
	"math"
	"math/bits"
	"slices"
	"time"

	"github.com/usher-boot/usher/internal/dispatch"
)

// The series: the last hour, in steps.
const (
	Step  = 10 * time.Second
	steps = int(time.Hour / Step)
)

// Interval is one step of the series. Latencies are of whole decisions, exact
// to an eighth, and zero where nothing was asked.
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
	taken   [bins]uint32
}

// Histogram bins: four for each doubling, from about 1 µs to about a minute.
const (
	perDoubling = 4
	lowest      = 10 // 2^10 ns
	highest     = 36
	bins        = (highest - lowest) * perDoubling
)

// bin is where a time is counted.
func bin(d time.Duration) int {
	ns := uint64(max(d, 1<<lowest))
	power := bits.Len64(ns) - 1
	if power >= highest {
		return bins - 1
	}
	quarter := int(ns>>(power-2)) & (perDoubling - 1)
	return (power-lowest)*perDoubling + quarter
}

// middle is the time that stands for a bin.
func middle(bin int) time.Duration {
	low := uint64(1) << (lowest + bin/perDoubling)
	return time.Duration(low + low*uint64(2*(bin%perDoubling)+1)/(2*perDoubling))
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
		*i = interval{number: number}
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
	i.taken[bin(d.Steps.Total)]++
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
	j.mu.Lock()
	held := slices.Clone(j.series.intervals) // to count in, without holding up requests
	j.mu.Unlock()
	for k := range held {
		i := &held[k]
		back := current - i.number
		if i.number == 0 || back < 0 || back >= int64(steps) {
			continue
		}
		o := &out[int64(steps-1)-back]
		o.Served, o.No, o.NotNow, o.Refused = i.answers[0], i.answers[1], i.answers[2], i.answers[3]
		o.P50, o.P99 = i.quantile(0.5), i.quantile(0.99)
	}
	return out
}

// quantile is the time that a part q of all stayed below.
func (i *interval) quantile(q float64) time.Duration {
	var total uint64
	for _, n := range i.taken {
		total += uint64(n)
	}
	rank := uint64(math.Ceil(q * float64(total)))
	var sum uint64
	for bin, n := range i.taken {
		if sum += uint64(n); n > 0 && sum >= rank {
			return middle(bin)
		}
	}
	return 0
}
