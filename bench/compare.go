package bench

import (
	"fmt"
	"strings"
)

// Verdict is what a difference between two reports can be taken for.
type Verdict string

// A difference counts where the ranges of both sides do not meet and the
// medians are at least leastChange apart: what lies within the spread of
// either run is noise.
const (
	Better   Verdict = "better"
	Worse    Verdict = "worse"
	NoChange Verdict = "no difference seen"

	leastChange = 0.03
)

// judge compares two sides of a quantity of which less is better.
func judge(before, after spread) Verdict {
	switch {
	case before.median == 0 || after.median/before.median > 1-leastChange && after.median/before.median < 1+leastChange:
		return NoChange
	case after.high < before.low:
		return Better
	case after.low > before.high:
		return Worse
	}
	return NoChange
}

// Compare is a table of what both reports have measured. CPU time is compared
// as multiples of nginx, which takes out what hits both alike; how busy the
// machine was with other work stands above the table.
func Compare(before, after *Report) string {
	var w strings.Builder
	for _, side := range []struct {
		name string
		*Report
	}{{"Old", before}, {"New", after}} {
		fmt.Fprintf(&w, "%s: commit %s, %s; other work on the machine: median %.2f cores.\n",
			side.name, side.Commit, side.Date.Format("2006-01-02 15:04 UTC"), side.others().median)
	}
	if before.Machine.CPU != after.Machine.CPU || before.Machine.Cores != after.Machine.Cores || before.Machine.Kernel != after.Machine.Kernel {
		w.WriteString("They were made on different machines: only multiples of nginx can be compared, and those roughly.\n")
	}
	w.WriteString("\n| subject | nodes | what | old | new | change | verdict |\n| --- | ---: | --- | ---: | ---: | ---: | --- |\n")
	row := func(subject string, nodes int, what string, old, now spread, verb string) {
		change := "" // of nothing there is no percentage
		if old.median != 0 {
			change = fmt.Sprintf("%+.1f %%", (now.median/old.median-1)*100)
		}
		fmt.Fprintf(&w, "| %s | %s | %s | "+verb+" ("+verb+" to "+verb+") | "+verb+" ("+verb+" to "+verb+") | %s | %s |\n",
			subject, thousands(nodes), what, old.median, old.low, old.high, now.median, now.low, now.high, change, judge(old, now))
	}
	for _, l := range after.Loads {
		if old := before.load(l.Subject, l.Nodes, l.Load); old != nil {
			row(l.Subject, l.Nodes, l.Load+", × nginx", old.of(Sample.Ratio), l.of(Sample.Ratio), "%.2f")
		}
	}
	for _, s := range after.Starts {
		if old := before.start(s.Subject, s.Nodes); old != nil {
			row(s.Subject, s.Nodes, "ready, ms", spreadOf(old.ReadyMS), spreadOf(s.ReadyMS), "%.0f")
			// One look each: its own spread is not known.
			row(s.Subject, s.Nodes, "RSS after, MiB", about(largest(old.AfterMiB)), about(largest(s.AfterMiB)), "%.1f")
		}
	}
	return w.String()
}

// about is a value that was looked at once, give or take a twentieth.
func about(v float64) spread { return spread{low: v * 0.95, median: v, high: v * 1.05} }
