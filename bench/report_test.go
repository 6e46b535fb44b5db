package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sample is one whose CPU time is ratio times that of an nginx of 20 us.
func sample(ratio float64) Sample {
	nginx := Measured{CPU: 20, Rate: 50_000, P50: 100, P99: 900}
	return Sample{Measured: Measured{CPU: 20 * ratio, Rate: 12_345, P50: 800, P99: 4321, Others: 0.25},
		Parts: map[string]float64{"api": 15 * ratio, "database": 5 * ratio}, Before: nginx, After: nginx}
}

func report(ratios ...float64) *Report {
	r := &Report{Date: time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC), Commit: "abc",
		Machine:  Machine{CPU: "Processor", Cores: 2, MemoryMB: 2048, Kernel: "6.1", System: "Debian", Versions: map[string]string{"Go": "1.26"}},
		Settings: Settings{Runs: 3, Seconds: 2, Connections: 16, Idle: 20},
		Starts: []Start{{Subject: "usher-sqlite", Nodes: 100_000, Waiting: 10_000, ReadyMS: []float64{100, 500, 200},
			IdleMiB: map[string]float64{"serve": 30}, AfterMiB: map[string]float64{"serve": 70}, PeakMiB: map[string]float64{"serve": 80},
			Idle: &Idle{Seconds: 20, CPU: 33, Switches: 0.5}}}}
	for _, nodes := range []int{1000, 100_000} {
		l := Load{Subject: "usher-sqlite", Nodes: nodes, Load: "known/keep-alive"}
		for _, ratio := range ratios {
			l.Samples = append(l.Samples, sample(ratio))
		}
		r.Loads = append(r.Loads, l)
	}
	return r
}

func TestMarkdown(t *testing.T) {
	text := report(2.4, 2.0, 2.2).Markdown()
	for _, want := range []string{
		"Measured on 2026-01-02 03:04 UTC at commit abc: Processor, 2 cores, 2 GiB; Linux 6.1, Debian, Go 1.26.",
		"| nginx, static file | 1,000 | 20.0 | 1 | | 50,000 | 0.10 | 0.90 |",
		"| usher-sqlite | 100,000 | 44.0 | **2.20** (2.00 to 2.40) | api 33.0, database 11.0 | 12,345 | 0.80 | 4.32 |",
		"| usher-sqlite | 100,000 (10,000) | 200 (100 to 500) | 30.0 | 70.0 | 80.0 | 33 | 0.5 |",
		"| usher-sqlite, known/keep-alive | ≤ 2.5 × nginx | 2.20 | yes |",
		"| usher-sqlite, known/keep-alive: from 1,000 to 100,000 nodes | within 10 % | +0 % | yes |",
		"| usher-sqlite, 100,000 nodes: ready | < 300 ms | 200 ms | yes |",
		"| usher-sqlite, 100,000 nodes: RSS of any process after load | < 64 MiB | 70.0 MiB | **no** |",
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no line %s in\n%s", want, text)
		}
	}
}

func TestInto(t *testing.T) {
	doc := filepath.Join(t.TempDir(), "doc.md")
	r := report(2, 2, 2)
	if err := os.WriteFile(doc, []byte("no marks"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.Into(doc); err == nil {
		t.Error("a document without marks was accepted")
	}
	if err := os.WriteFile(doc, []byte("before\n"+beginMark+"\nold\n"+endMark+"\nafter\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time finds what the first one wrote
		if err := r.Into(doc); err != nil {
			t.Fatal(err)
		}
	}
	got, _ := os.ReadFile(doc)
	want := "before\n" + beginMark + "\n\n" + r.Markdown() + "\n" + endMark + "\nafter\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestReadWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "r.json")
	want := report(2, 3)
	if err := want.Write(file); err != nil {
		t.Fatal(err)
	}
	got, err := Read(file)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestCompare(t *testing.T) {
	for _, tt := range []struct {
		name     string
		old, now []float64
		want     Verdict
	}{
		{"apart and lower", []float64{5, 5.1, 5.2}, []float64{4, 4.1, 4.9}, Better},
		{"apart and higher", []float64{4, 4.1, 4.9}, []float64{5, 5.1, 5.2}, Worse},
		{"ranges meet", []float64{4, 5, 6}, []float64{3, 3.5, 4.5}, NoChange},
		{"apart, but by a hundredth", []float64{5, 5, 5}, []float64{4.95, 4.95, 4.95}, NoChange},
	} {
		text := Compare(report(tt.old...), report(tt.now...))
		row := ""
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "| usher-sqlite | 1,000 | known/keep-alive") {
				row = line
			}
		}
		if !strings.HasSuffix(row, "| "+string(tt.want)+" |\n") {
			t.Errorf("%s: want %q:\n%s", tt.name, tt.want, text)
		}
	}
	other := report(1)
	other.Machine.CPU = "another one"
	if text := Compare(report(1), other); !strings.Contains(text, "different machines") {
		t.Errorf("two machines:\n%s", text)
	}
}
