package bench

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// Markdown is the whole report as tables.
func (r *Report) Markdown() string {
	var w strings.Builder
	r.writeAbout(&w)
	r.writeLoads(&w)
	r.writeStarts(&w)
	r.writeTargets(&w)
	return w.String()
}

// The lines of a document between which Into puts the tables.
const (
	beginMark = "<!-- bench/run writes from here -->"
	endMark   = "<!-- to here -->"
)

// Into replaces what a document holds between its markers by the tables.
func (r *Report) Into(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, found := bytes.Cut(text, []byte(beginMark))
	_, after, ends := bytes.Cut(rest, []byte(endMark))
	if !found || !ends {
		return fmt.Errorf("%s has no lines %q and %q to write between", file, beginMark, endMark)
	}
	return os.WriteFile(file, slices.Concat(before, []byte(beginMark+"\n\n"+r.Markdown()+"\n"+endMark), after), 0o644)
}

func (r *Report) writeAbout(w *strings.Builder) {
	m := r.Machine
	fmt.Fprintf(w, "Measured on %s at commit %s: %s, %d cores, %.0f GiB; Linux %s, %s", r.Date.Format("2006-01-02 15:04 UTC"),
		r.Commit, m.CPU, m.Cores, float64(m.MemoryMB)/1024, m.Kernel, m.System)
	for _, name := range slices.Sorted(maps.Keys(m.Versions)) {
		fmt.Fprintf(w, ", %s %s", name, m.Versions[name])
	}
	others := r.others()
	fmt.Fprintf(w, ".\n%d runs of %g s each, wrk with %d connections beside them. Other work on the machine meanwhile: median %.2f cores, at most %.2f.\n\n",
		r.Settings.Runs, r.Settings.Seconds, r.Settings.Connections, others.median, others.high)
}

// writeLoads writes one table for each way of asking.
func (r *Report) writeLoads(w *strings.Builder) {
	for _, name := range r.names() {
		fmt.Fprintf(w, "### %s\n\n", name)
		w.WriteString("| subject | nodes | CPU µs per answer | × nginx (lowest to highest) | of it, µs | answers/s | p50 ms | p99 ms |\n")
		w.WriteString("| --- | ---: | ---: | ---: | --- | ---: | ---: | ---: |\n")
		for _, nodes := range r.sizes() {
			reference := r.nginx(nodes, name)
			if len(reference) == 0 {
				continue
			}
			median := func(of func(Measured) float64) float64 {
				var all []float64
				for _, m := range reference {
					all = append(all, of(m))
				}
				return spreadOf(all).median
			}
			fmt.Fprintf(w, "| nginx, static file | %s | %.1f | 1 | | %s | %.2f | %.2f |\n", thousands(nodes),
				median(func(m Measured) float64 { return m.CPU }), thousands(int(median(func(m Measured) float64 { return m.Rate }))),
				median(func(m Measured) float64 { return m.P50 / 1000 }), median(func(m Measured) float64 { return m.P99 / 1000 }))
			for _, l := range r.Loads {
				if l.Nodes == nodes && l.Load == name {
					writeLoad(w, l)
				}
			}
		}
		w.WriteByte('\n')
	}
}

func writeLoad(w *strings.Builder, l Load) {
	ratio := l.of(Sample.Ratio)
	var parts []string
	if len(l.Samples) > 0 && len(l.Samples[0].Parts) > 1 {
		for _, part := range slices.Sorted(maps.Keys(l.Samples[0].Parts)) {
			parts = append(parts, fmt.Sprintf("%s %.1f", part, l.of(func(s Sample) float64 { return s.Parts[part] }).median))
		}
	}
	fmt.Fprintf(w, "| %s | %s | %.1f | **%.2f** (%.2f to %.2f) | %s | %s | %.2f | %.2f |\n", l.Subject, thousands(l.Nodes),
		l.of(func(s Sample) float64 { return s.CPU }).median, ratio.median, ratio.low, ratio.high, strings.Join(parts, ", "),
		thousands(int(l.of(func(s Sample) float64 { return s.Rate }).median)),
		l.of(func(s Sample) float64 { return s.P50 / 1000 }).median, l.of(func(s Sample) float64 { return s.P99 / 1000 }).median)
}

func (r *Report) writeStarts(w *strings.Builder) {
	w.WriteString("### Start, memory, idleness\n\n")
	w.WriteString("| subject | nodes (waiting) | ready, ms | RSS idle, MiB | RSS after, MiB | RSS peak, MiB | idle CPU, µs/s | idle wake-ups/s |\n")
	w.WriteString("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	for _, s := range r.Starts {
		ready, cpu, switches := spreadOf(s.ReadyMS), "", ""
		if s.Idle != nil {
			cpu, switches = fmt.Sprintf("%.0f", s.Idle.CPU), fmt.Sprintf("%.1f", s.Idle.Switches)
		}
		fmt.Fprintf(w, "| %s | %s (%s) | %.0f (%.0f to %.0f) | %.1f | %.1f | %.1f | %s | %s |\n", s.Subject, thousands(s.Nodes), thousands(s.Waiting),
			ready.median, ready.low, ready.high, largest(s.IdleMiB), largest(s.AfterMiB), largest(s.PeakMiB), cpu, switches)
	}
	w.WriteByte('\n')
}

// names are the ways of asking, and sizes the inventories, in the order in
// which they were measured.
func (r *Report) names() (all []string) {
	for _, l := range r.Loads {
		if !slices.Contains(all, l.Load) {
			all = append(all, l.Load)
		}
	}
	return all
}

func (r *Report) sizes() (all []int) {
	for _, l := range r.Loads {
		if !slices.Contains(all, l.Nodes) {
			all = append(all, l.Nodes)
		}
	}
	return all
}

// thousands writes a number with commas.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
