// Package bench measures what a boot request costs, by whole processes: the
// CPU time of all of them for each answer, next to nginx serving a static
// file in the same seconds. bench/run is the command. The measuring is in the
// tests of this package, since it starts what they start; what is here is its
// result, as tables and compared with another one.
package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"
)

// Report is one run of bench/run. It holds every single measurement; medians
// are made when it is read.
type Report struct {
	Date     time.Time `json:"date"`
	Commit   string    `json:"commit"`
	Machine  Machine   `json:"machine"`
	Settings Settings  `json:"settings"`
	Starts   []Start   `json:"starts"`
	Loads    []Load    `json:"loads"`
}

// Machine is what it ran on. It names neither host nor folder.
type Machine struct {
	CPU      string            `json:"cpu"`
	Cores    int               `json:"cores"`
	MemoryMB int               `json:"memory_mib"`
	Kernel   string            `json:"kernel"`
	System   string            `json:"system"`
	Versions map[string]string `json:"versions"` // of the programs involved
}

// Settings are how it was measured.
type Settings struct {
	Runs        int     `json:"runs"`
	Seconds     float64 `json:"seconds"` // of one measurement
	Connections int     `json:"connections"`
	Idle        float64 `json:"idle_seconds"`
}

// Start is a subject before and after its loads. Maps are by process.
type Start struct {
	Subject  string             `json:"subject"`
	Nodes    int                `json:"nodes"`
	Waiting  int                `json:"waiting"`  // of the nodes
	ReadyMS  []float64          `json:"ready_ms"` // from exec to the first right answer, one for each start
	IdleMiB  map[string]float64 `json:"rss_idle_mib,omitempty"`
	AfterMiB map[string]float64 `json:"rss_after_mib,omitempty"`
	PeakMiB  map[string]float64 `json:"rss_peak_mib,omitempty"`
	Idle     *Idle              `json:"idle,omitempty"`
}

// Idle is what the subject's own processes did while nobody asked.
type Idle struct {
	Seconds  float64 `json:"seconds"`
	CPU      float64 `json:"cpu_us_per_second"`
	Switches float64 `json:"voluntary_switches_per_second"`
}

// Load is one subject under one way of asking.
type Load struct {
	Subject string   `json:"subject"`
	Nodes   int      `json:"nodes"`
	Load    string   `json:"load"`
	Samples []Sample `json:"samples"`
}

// Sample is one measurement between two of nginx.
type Sample struct {
	Measured
	Parts  map[string]float64 `json:"parts,omitempty"` // of CPU, by process
	Before Measured           `json:"nginx_before"`
	After  Measured           `json:"nginx_after"`
}

// Measured is what wrk and the processes' accounts say of some seconds.
type Measured struct {
	CPU    float64 `json:"cpu_us"` // microseconds of all processes of the subject for each answer
	Rate   float64 `json:"rate"`   // answers a second
	P50    float64 `json:"p50_us"`
	P99    float64 `json:"p99_us"`
	Others float64 `json:"others"` // cores that neither the subject nor wrk used, but somebody
}

// Ratio is the CPU time of an answer as a multiple of nginx's.
func (s Sample) Ratio() float64 { return s.CPU / ((s.Before.CPU + s.After.CPU) / 2) }

// Read reads a report's file.
func Read(file string) (*Report, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := &Report{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

// Write writes it.
func (r *Report) Write(file string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

// spread is a measured quantity: the median of its samples, with their range.
type spread struct{ low, median, high float64 }

func spreadOf(samples []float64) spread {
	if len(samples) == 0 {
		return spread{}
	}
	s := slices.Sorted(slices.Values(samples))
	median := s[len(s)/2]
	if len(s)%2 == 0 {
		median = (s[len(s)/2-1] + median) / 2
	}
	return spread{low: s[0], median: median, high: s[len(s)-1]}
}

// of is the spread of one quantity of a load's samples.
func (l Load) of(quantity func(Sample) float64) spread {
	var all []float64
	for _, s := range l.Samples {
		all = append(all, quantity(s))
	}
	return spreadOf(all)
}

// largest is the largest value of a map by process.
func largest(m map[string]float64) (most float64) {
	for _, v := range m {
		most = max(most, v)
	}
	return most
}

// load finds one; nil where it was not measured.
func (r *Report) load(subject string, nodes int, name string) *Load {
	for i, l := range r.Loads {
		if l.Subject == subject && l.Nodes == nodes && l.Load == name {
			return &r.Loads[i]
		}
	}
	return nil
}

// start finds one; nil where it was not measured.
func (r *Report) start(subject string, nodes int) *Start {
	for i, s := range r.Starts {
		if s.Subject == subject && s.Nodes == nodes {
			return &r.Starts[i]
		}
	}
	return nil
}

// nginx is every measurement of the reference under one way of asking.
func (r *Report) nginx(nodes int, name string) (all []Measured) {
	for _, l := range r.Loads {
		if l.Nodes != nodes || l.Load != name {
			continue
		}
		for i, s := range l.Samples {
			if i == 0 { // one's after is the next one's before
				all = append(all, s.Before)
			}
			all = append(all, s.After)
		}
	}
	return all
}

// others is how many cores were somebody else's, over all measurements.
func (r *Report) others() spread {
	var all []float64
	for _, l := range r.Loads {
		for _, s := range l.Samples {
			all = append(all, s.Others, s.After.Others)
		}
	}
	return spreadOf(all)
}
