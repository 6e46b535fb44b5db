package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher/internal/dispatch"
	"github.com/usher-boot/usher/internal/explanation"
)

func TestMarks(t *testing.T) {
	for _, c := range []struct {
		name     string
		terminal bool
		environ  []string
		tick     string
		colours  bool
	}{
		{"a pipe", false, []string{"LANG=C.UTF-8", "TERM=xterm"}, "ok  ", false},
		{"a terminal", true, []string{"LANG=de_DE.UTF-8", "TERM=xterm"}, "✓", true},
		{"a terminal, as others spell it", true, []string{"LC_CTYPE=C.utf8"}, "✓", true},
		{"a terminal without UTF-8", true, []string{"LANG=de_DE.UTF-8", "LC_ALL=C"}, "ok  ", true},
		{"no locale", true, nil, "ok  ", true},
		{"no colours wanted", true, []string{"LANG=C.UTF-8", "NO_COLOR=1"}, "✓", false},
		{"NO_COLOR that is empty", true, []string{"LANG=C.UTF-8", "NO_COLOR="}, "✓", true},
		{"a dumb terminal", true, []string{"LANG=C.UTF-8", "TERM=dumb"}, "✓", false},
	} {
		m := marksOf(c.terminal, c.environ)
		if got := m.words[explanation.OK]; got != c.tick {
			t.Errorf("%s: %q, want %q", c.name, got, c.tick)
		}
		if got := strings.Contains(m.paint(explanation.OK, "x")+m.dim("x"), "\x1b"); got != c.colours {
			t.Errorf("%s: colours %t, want %t", c.name, got, c.colours)
		}
	}
}

// TestPrintExplanation: columns are aligned, and what machines and others wrote
// cannot move the cursor.
func TestPrintExplanation(t *testing.T) {
	seconds := func(s float64) *float64 { return &s }
	r := &explanation.Report{Outcome: dispatch.No, Cause: dispatch.CauseWrongState, Status: 404, Explanation: "node \x1b[2Jn1 waits", Fix: "wait\nmore",
		Steps: []explanation.Step{
			{Name: "mac", Mark: explanation.OK, Text: "52:54:00:12:34:56"},
			{Name: "node", Mark: explanation.Note, Text: "n\u202e1", Took: seconds(0.00042), More: []string{"second", "third"}},
			{Name: "state", Mark: explanation.Failed, Text: "no", Took: seconds(0.0000123)},
			{Name: "nearest", Mark: explanation.Warning, Text: "yes", Took: seconds(3.2)},
			{Name: "ring", Mark: explanation.OK, Text: "slow", Took: seconds(15.04)},
		}}
	var b strings.Builder
	if err := printExplanation(&b, r, marksOf(false, nil)); err != nil {
		t.Fatal(err)
	}
	want := `ok    mac                52:54:00:12:34:56
-     node       0.4 ms  n\u202e1
                         second
                         third
FAIL  state     0.01 ms  no
!     nearest   3200 ms  yes
ok    ring          15s  slow

FAIL  wrong_state (404): node \x1b[2Jn1 waits. Fix: wait; more.
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	b.Reset()
	r.Outcome, r.Cause, r.Status, r.Fix = dispatch.Served, dispatch.CauseServed, 200, "look elsewhere"
	if err := printExplanation(&b, r, marksOf(true, []string{"LANG=C.UTF-8", "NO_COLOR=1"})); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"✓  mac                52:54", "                      second\n", "✓  served (200): node", " But look elsewhere.\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}
