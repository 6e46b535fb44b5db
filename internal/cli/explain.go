package cli

import (
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/app"
	"github.com/usher-boot/usher/internal/explanation"
)

type explainCmd struct {
	MAC  string `arg:"" help:"MAC address of any port of the node, in any spelling."`
	File string `arg:"" optional:"" help:"Boot file: boot.ipxe or grub.cfg. Default: the one of the node's boot interface."`
	From string `placeholder:"ADDRESS" help:"Also say whether the machines' door lets this address in."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Run goes a machine's way from here, and tells each step. It needs no process
// to run, and its exit code is that of the answer.
func (c *explainCmd) Run(s *session) error {
	cfg, err := s.config()
	if err != nil {
		return err
	}
	options := app.ExplainOptions{MAC: c.MAC, File: c.File, Program: s.call()}
	if c.From != "" {
		if options.From, err = netip.ParseAddr(c.From); err != nil {
			return usher.Errorf(usher.ErrInvalid, "--from %q is not an address: want one such as 10.0.0.7 or fd00::7", c.From)
		}
	}
	report, err := app.Explain(s.ctx, cfg, options)
	if err != nil {
		return err
	}
	if c.JSON {
		err = s.json(report)
	} else {
		err = printExplanation(s.Stdout, report, marksOf(terminal(s.Stdout), s.Environ))
	}
	if err == nil && report.Exit() != nil {
		err = told{report.Exit()}
	}
	return err
}

// told is an error that the output has told already: it sets the exit code.
type told struct{ error }

func (t told) Unwrap() error { return t.error }

// marks are how the results of steps look.
type marks struct {
	words map[explanation.Mark]string
	paint func(explanation.Mark, string) string
	dim   func(string) string
}

// marksOf are ticks on a terminal that shows UTF-8, in colours unless the user
// wants none, and words otherwise.
func marksOf(terminal bool, environ []string) marks {
	env := func(name string) string {
		for _, e := range environ {
			if value, ok := strings.CutPrefix(e, name+"="); ok {
				return value
			}
		}
		return ""
	}
	m := marks{
		words: map[explanation.Mark]string{explanation.OK: "ok  ", explanation.Failed: "FAIL", explanation.Warning: "!   ", explanation.Note: "-   "},
		paint: func(_ explanation.Mark, text string) string { return text },
		dim:   func(text string) string { return text },
	}
	locale := env("LC_ALL")
	for _, name := range []string{"LC_CTYPE", "LANG"} {
		if locale == "" {
			locale = env(name)
		}
	}
	locale = strings.ToUpper(locale)
	if !terminal {
		return m
	}
	if strings.Contains(locale, "UTF-8") || strings.Contains(locale, "UTF8") {
		m.words = map[explanation.Mark]string{explanation.OK: "✓", explanation.Failed: "✗", explanation.Warning: "!", explanation.Note: "·"}
	}
	if env("NO_COLOR") == "" && env("TERM") != "dumb" {
		colours := map[explanation.Mark]string{explanation.OK: "32", explanation.Failed: "1;31", explanation.Warning: "33", explanation.Note: "2"}
		m.paint = func(mark explanation.Mark, text string) string {
			return "\x1b[" + colours[mark] + "m" + text + "\x1b[0m"
		}
		m.dim = func(text string) string { return "\x1b[2m" + text + "\x1b[0m" }
	}
	return m
}

// printExplanation prints a line for each step, and one with the cause and fix.
func printExplanation(w io.Writer, r *explanation.Report, m marks) error {
	var b strings.Builder
	indent := strings.Repeat(" ", len([]rune(m.words[explanation.OK]))+len("  nearest   1000 ms  "))
	for _, s := range r.Steps {
		took := ""
		if s.Took != nil {
			took = milliseconds(*s.Took)
		}
		fmt.Fprintf(&b, "%s  %-8s  %s  %s\n", m.paint(s.Mark, m.words[s.Mark]), s.Name, m.dim(fmt.Sprintf("%7s", took)), plain(s.Text))
		for _, line := range s.More {
			fmt.Fprintf(&b, "%s%s\n", indent, plain(line))
		}
	}
	mark := explanation.Failed
	if r.Exit() == nil {
		mark = explanation.OK
	}
	fmt.Fprintf(&b, "\n%s  %s: %s.", m.paint(mark, m.words[mark]), m.paint(mark, string(r.Cause)+" ("+strconv.Itoa(r.Status)+")"), plain(r.Explanation))
	if r.Fix != "" {
		before := " Fix: "
		if r.Exit() == nil {
			before = " But " // nothing to mend in what was looked at
		}
		fmt.Fprintf(&b, "%s%s.", before, plain(r.Fix))
	}
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}

// milliseconds is a time with about two digits.
func milliseconds(seconds float64) string {
	switch ms := seconds * 1000; {
	case ms < 0.1:
		return fmt.Sprintf("%.2f ms", ms)
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 10000:
		return fmt.Sprintf("%.0f ms", ms)
	}
	return time.Duration(seconds * float64(time.Second)).Round(100 * time.Millisecond).String()
}

// plain keeps what machines and others wrote from moving the cursor.
func plain(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n':
			b.WriteString("; ")
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}
