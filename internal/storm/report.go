package storm

import (
	"maps"
	"time"
)

// Report is what a storm was like. Times are in milliseconds.
type Report struct {
	API         string `json:"api"`
	Machines    int    `json:"machines"`
	Interrupted bool   `json:"interrupted"`
	// Configured have their boot file, Lost gave up, the others were under way
	// or not yet on when the storm was interrupted.
	Configured int            `json:"configured"`
	Lost       int            `json:"gave_up"`
	LostFor    map[string]int `json:"gave_up_for"`
	// Checked boot files were looked into: Wrong name another node, Unnamed
	// none at all. Wrongs are the first of the wrong ones, in words.
	Checked int      `json:"checked"`
	Wrong   int      `json:"wrong"`
	Unnamed int      `json:"unnamed"`
	Wrongs  []string `json:"wrong_examples"`

	Answers     map[string]int `json:"answers"`
	Failures    map[string]int `json:"requests_without_answer"`
	Retries     int            `json:"retries_after_retry_after"`
	Rounds      int            `json:"repeated_rounds"`
	Connections int            `json:"connections"`

	Connect  Times `json:"connect"`
	Root     Times `json:"root_script"`
	BootFile Times `json:"boot_file"`
	Nothing  Times `json:"no_boot_file"`
	Later    Times `json:"come_again"`
	// First is from power-on to the configuration; AllAfter from the first
	// power-on until the last configuration.
	First    Times   `json:"first_configuration"`
	AllAfter float64 `json:"all_configured_after"`
	Took     float64 `json:"took"`
}

// Times are quantiles of how long something took.
type Times struct {
	Count int     `json:"count"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`
}

func (t *times) report() Times {
	return Times{t.count(), millis(t.quantile(50)), millis(t.quantile(90)), millis(t.quantile(99)), millis(t.max)}
}

func millis(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}

// All says whether every machine has a configuration, and none that is known
// to be another's.
func (r *Report) All() bool { return r.Configured == r.Machines && r.Wrong == 0 && r.Unnamed == 0 }

func (s *storm) report(interrupted bool) *Report {
	t := &s.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	return &Report{
		API: s.o.API.String(), Machines: len(s.o.Machines), Interrupted: interrupted,
		Configured: t.have, Lost: t.lost, LostFor: copied(t.lostFor),
		Checked: t.checked, Wrong: t.wrongs, Unnamed: t.unnamed, Wrongs: append([]string{}, t.wrong...),
		Answers: copied(t.answers), Failures: copied(t.failures),
		Retries: t.retries, Rounds: t.rounds, Connections: t.connections,
		Connect: t.connect.report(), Root: t.root.report(), BootFile: t.mine.report(), Nothing: t.nothing.report(), Later: t.later.report(),
		First: t.first.report(), AllAfter: millis(t.last), Took: millis(time.Since(s.began)),
	}
}

// copied is never nil, which JSON would show as null.
func copied(m map[string]int) map[string]int {
	c := map[string]int{}
	maps.Copy(c, m)
	return c
}

func (s *storm) progress() Progress {
	t := &s.tally
	t.mu.Lock()
	defer t.mu.Unlock()
	answers := 0
	for _, n := range t.answers {
		answers += n
	}
	return Progress{Elapsed: time.Since(s.began), Machines: len(s.o.Machines), On: t.on, Configured: t.have, Lost: t.lost,
		Answers: answers, Retries: t.retries + t.rounds}
}
