package admin

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/usher-boot/usher/internal/journal"
)

// plot is the last hour as paths of an SVG, a step of the series one unit
// wide, and as sentences for those who do not see them.
type plot struct {
	Top, Half                   string // of the rate's axis, a second
	Served, No, NotNow, Refused string // areas on top of each other, 100 high
	P50, P99                    string // lines, 120 high
	RateText, LatencyText       string
}

func newPlot(series []journal.Interval) plot {
	var p plot
	var most, total uint64
	var busiest, slowest journal.Interval
	layers := make([][4]float64, len(series)) // upper edges, in requests a step
	for i, s := range series {
		var sum float64
		for k, n := range [4]uint32{s.Served, s.No, s.NotNow, s.Refused} {
			sum += float64(n)
			layers[i][k] = sum
		}
		n := uint64(s.Total())
		total += n
		if n > most {
			most, busiest = n, s
		}
		if s.P99 > slowest.P99 {
			slowest = s
		}
	}
	seconds := journal.Step.Seconds()
	top := niceAbove(float64(most) / seconds)
	p.Top, p.Half = number(top), number(top/2)
	for k, to := range []*string{&p.Served, &p.No, &p.NotNow, &p.Refused} {
		*to = area(layers, k, 100/(top*seconds))
	}
	p.P50 = line(series, func(s journal.Interval) time.Duration { return s.P50 })
	p.P99 = line(series, func(s journal.Interval) time.Duration { return s.P99 })
	if total == 0 {
		p.RateText, p.LatencyText = "No requests in the last hour.", "Nothing to measure."
		return p
	}
	p.RateText = fmt.Sprintf("%d requests; at most %s a second, at %s.", total, number(float64(most)/seconds), busiest.Start.Format(time.TimeOnly))
	p.LatencyText = fmt.Sprintf("At worst 99 of 100 within %s, at %s.", Took(slowest.P99), slowest.Start.Format(time.TimeOnly))
	return p
}

// niceAbove is the end of an axis: 1, 2 or 5 times a power of ten, at least
// what one request in a step needs.
func niceAbove(v float64) float64 {
	v = max(v, 1/journal.Step.Seconds())
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5, 10} {
		if m*unit >= v*(1-1e-9) {
			return m * unit
		}
	}
	return 10 * unit
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) }

// area draws layer k between its own upper edges and those of the layer below
// it, as one outline for each run of steps in which it has any height.
func area(layers [][4]float64, k int, scale float64) string {
	lower := func(i int) float64 {
		if k == 0 {
			return 0
		}
		return layers[i][k-1]
	}
	var b strings.Builder
	for i := 0; i < len(layers); {
		end := i
		for end < len(layers) && layers[end][k] > lower(end) {
			end++
		}
		if end == i {
			i++
			continue
		}
		fmt.Fprintf(&b, "M%d %s", i, coordinate(100-lower(i)*scale))
		for n := i; n < end; n++ {
			fmt.Fprintf(&b, "V%sh1", coordinate(100-layers[n][k]*scale))
		}
		for n := end - 1; n >= i; n-- {
			fmt.Fprintf(&b, "V%sh-1", coordinate(100-lower(n)*scale))
		}
		b.WriteByte('z')
		i = end
	}
	return b.String()
}

// line draws times on a logarithmic scale from 10 s at the top to 10 µs, 20
// for each power of ten, with gaps where nothing was asked.
func line(series []journal.Interval, of func(journal.Interval) time.Duration) string {
	var b strings.Builder
	drawing := false
	for i, s := range series {
		if s.Total() == 0 {
			drawing = false
			continue
		}
		y := coordinate(min(max(20*(1-math.Log10(max(of(s), 1).Seconds())), 0), 120))
		if drawing {
			fmt.Fprintf(&b, "V%sh1", y)
		} else {
			fmt.Fprintf(&b, "M%d %sh1", i, y)
		}
		drawing = true
	}
	return b.String()
}

func coordinate(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }
