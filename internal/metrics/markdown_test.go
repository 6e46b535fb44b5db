package metrics

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
)

var update = flag.Bool("update", false, "rewrite the table of metrics in docs/operators.md")

const (
	operators  = "../../docs/operators.md"
	tableBegin = "<!-- metrics, by go generate ./internal/metrics -->\n"
	tableEnd   = "<!-- end of metrics -->\n"
)

// docs/operators.md lists exactly the metrics that there are.
func TestMarkdown(t *testing.T) {
	text, err := os.ReadFile(operators)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), tableBegin)
	table, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has no table of metrics", operators)
	}
	want := markdown(families(t, used()))
	if table == want {
		return
	}
	if !*update {
		t.Fatalf("%s lists other metrics than there are: go generate ./internal/metrics\n%s", operators, want)
	}
	if err := os.WriteFile(operators, []byte(before+tableBegin+want+tableEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

func markdown(families []*dto.MetricFamily) string {
	var b strings.Builder
	b.WriteString("\n| metric | type | labels | what it is |\n| --- | --- | --- | --- |\n")
	for _, f := range families {
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, "`"+l.GetName()+"`")
		}
		slices.Sort(labels)
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.GetName(), strings.ToLower(f.GetType().String()), strings.Join(labels, ", "), f.GetHelp())
	}
	b.WriteString("\n")
	return b.String()
}
