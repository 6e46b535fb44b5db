package cli

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/usher-boot/usher/internal/storm"
)

func printStorm(w io.Writer, r *storm.Report) {
	if r.Interrupted {
		fmt.Fprint(w, "Interrupted. Until then:\n")
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(t, "machines\t%d, at %s, for %.1f s\n", r.Machines, r.API, r.Took/1000)
	fmt.Fprintf(t, "configured\t%d", r.Configured)
	switch {
	case r.Checked > 0 && r.Wrong+r.Unnamed == 0:
		fmt.Fprint(t, ", each with its own boot file")
	case r.Checked > 0:
		fmt.Fprintf(t, ", of which %d with ANOTHER NODE'S boot file and %d with one that names no node", r.Wrong, r.Unnamed)
	}
	if r.Configured == r.Machines {
		fmt.Fprintf(t, ", the last %.1f s after the first power-on", r.AllAfter/1000)
	}
	fmt.Fprintf(t, "\ngave up\t%s\n", counts(r.LostFor))
	if under := r.Machines - r.Configured - r.Lost; under > 0 {
		fmt.Fprintf(t, "not done\t%d\n", under)
	}
	fmt.Fprintf(t, "answers\t%s\n", counts(r.Answers))
	fmt.Fprintf(t, "no answer\t%s\n", counts(r.Failures))
	fmt.Fprintf(t, "retries\t%d after Retry-After, %d more rounds over all NICs\n", r.Retries, r.Rounds)
	_ = t.Flush() // as any printing here
	for _, example := range r.Wrongs {
		fmt.Fprintln(w, example)
	}
	if r.Connect.Count == 0 {
		return // nobody came far enough to be timed
	}
	fmt.Fprintln(w)
	t = tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "milliseconds\tcount\tp50\tp90\tp99\tmax\t")
	for _, row := range []struct {
		name string
		t    storm.Times
	}{
		{"connect", r.Connect}, {"root script", r.Root}, {"boot file", r.BootFile}, {"a NIC without", r.Nothing},
		{"told to come again", r.Later}, {"power-on to boot file", r.First},
	} {
		if row.t.Count > 0 {
			fmt.Fprintf(t, "%s\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t\n", row.name, row.t.Count, row.t.P50, row.t.P90, row.t.P99, row.t.Max)
		}
	}
	_ = t.Flush()
}

// counts lists counts by what was counted, the largest first.
func counts(m map[string]int) string {
	keys := slices.SortedFunc(maps.Keys(m), func(a, b string) int { return cmp.Or(cmp.Compare(m[b], m[a]), cmp.Compare(a, b)) })
	var parts []string
	for _, key := range keys {
		parts = append(parts, fmt.Sprintf("%d × %s", m[key], key))
	}
	return cmp.Or(strings.Join(parts, "; "), "none")
}
