package bench

import (
	"fmt"
	"strings"
)

// target is one that issue 7 sets: what was measured, and whether it is met.
type target struct {
	what, limit, measured string
	met                   bool
}

// The sizes between which the cost must stay the same.
const small, large = 1000, 100_000

// targets holds the report against what is asked of Usher. What was not
// measured is left out.
func (r *Report) targets() (all []target) {
	for _, t := range []struct {
		subject, load string
		limit         float64
	}{
		{"usher-sqlite", "known", 2.5}, {"usher-sqlite", "unknown", 2.0}, {"usher-mariadb", "known", 6.0},
	} {
		for _, connection := range []string{"keep-alive", "close"} {
			name := t.load + "/" + connection
			all = append(all, r.ratios(t.subject, name, t.limit)...)
			all = append(all, r.flat(t.subject, name)...)
		}
	}
	if s := r.start("usher-sqlite", large); s != nil {
		ready := spreadOf(s.ReadyMS)
		all = append(all, target{"usher-sqlite, 100,000 nodes: ready", "< 300 ms", fmt.Sprintf("%.0f ms", ready.median), ready.median < 300})
	}
	for _, s := range r.Starts {
		if after := largest(s.AfterMiB); s.Nodes == large && strings.HasPrefix(s.Subject, "usher") {
			all = append(all, target{s.Subject + ", 100,000 nodes: RSS of any process after load", "< 64 MiB", fmt.Sprintf("%.1f MiB", after), after < 64})
		}
	}
	return all
}

// ratios is the target for one subject and load, at the size where it is worst.
func (r *Report) ratios(subject, name string, limit float64) []target {
	worst := 0.0
	for _, l := range r.Loads {
		if l.Subject == subject && l.Load == name {
			worst = max(worst, l.of(Sample.Ratio).median)
		}
	}
	if worst == 0 {
		return nil
	}
	return []target{{subject + ", " + name, fmt.Sprintf("≤ %.1f × nginx", limit), fmt.Sprintf("%.2f", worst), worst <= limit}}
}

// flat is how much more an answer costs in the large inventory.
func (r *Report) flat(subject, name string) []target {
	few, many := r.load(subject, small, name), r.load(subject, large, name)
	if few == nil || many == nil {
		return nil
	}
	growth := (many.of(Sample.Ratio).median/few.of(Sample.Ratio).median - 1) * 100
	return []target{{subject + ", " + name + ": from 1,000 to 100,000 nodes", "within 10 %", fmt.Sprintf("%+.0f %%", growth), growth <= 10}}
}

func (r *Report) writeTargets(w *strings.Builder) {
	all := r.targets()
	if len(all) == 0 {
		return
	}
	w.WriteString("### Targets\n\n| what | target | measured | met |\n| --- | ---: | ---: | --- |\n")
	for _, t := range all {
		met := "yes"
		if !t.met {
			met = "**no**"
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s |\n", t.what, t.limit, t.measured, met)
	}
}
