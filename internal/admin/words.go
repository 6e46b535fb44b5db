package admin

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/usher-boot/usher/internal/dispatch"
)

// words says outcomes and causes to a person.
func words() (outcomes map[dispatch.Outcome]string, causes map[dispatch.Cause]string) {
	return map[dispatch.Outcome]string{
			dispatch.Served:  "served",
			dispatch.No:      "no",
			dispatch.NotNow:  "not now",
			dispatch.Refused: "refused",
		}, map[dispatch.Cause]string{
			dispatch.CauseServed:      "it got its boot file",
			dispatch.CauseBadMAC:      "not a MAC address",
			dispatch.CauseUnknownFile: "no boot file has this name",
			dispatch.CauseUnknownMAC:  "no port has this MAC address",
			dispatch.CausePXEDisabled: "the port has pxe_enabled = false",
			dispatch.CauseWrongState:  "the node does not wait for a ramdisk",
			dispatch.CauseUnsupported: "the node's boot interface has no such file",
			dispatch.CauseNoFile:      "the conductor has no file for the node",
			dispatch.CauseDatabase:    "the database did not answer",
			dispatch.CauseNoConductor: "no active conductor for its hardware type and group",
			dispatch.CauseUnreachable: "the conductor could not be reached",
			dispatch.CauseTimeout:     "the conductor did not answer in time",
			dispatch.CauseStopping:    "the conductor is stopping",
			dispatch.CauseNotReady:    "the conductor is not ready: it prepares the files or lacks something",
			dispatch.CauseConductor:   "the conductor failed",
			dispatch.CauseBadFile:     "the conductor's boot file cannot be given to a machine",
			dispatch.CauseLost:        "the files are on a conductor that is gone",
			dispatch.CauseGone:        "the machine hung up first",
			dispatch.CauseOverloaded:  "too many others were asking",
			dispatch.CauseNotAllowed:  "its network is not among the allowed ones",
			dispatch.CauseRateLimited: "more than one source may ask",
		}
}

// Causes lists the causes, by name.
func Causes() []string {
	_, causes := words()
	var names []string
	for cause := range causes {
		names = append(names, string(cause))
	}
	slices.Sort(names)
	return names
}

// OutcomeWords says an outcome to a person.
func OutcomeWords(o dispatch.Outcome) string {
	outcomes, _ := words()
	if w, ok := outcomes[o]; ok {
		return w
	}
	return string(o)
}

// CauseWords says a cause to a person.
func CauseWords(c dispatch.Cause) string {
	_, causes := words()
	if w, ok := causes[c]; ok {
		return w
	}
	return string(c)
}

// Printable shows what a machine, a row or another process wrote on one line:
// control characters, and those that turn the direction of the text round, as
// what they are.
func Printable(s string) string {
	clean := true
	for _, r := range s {
		clean = clean && r != utf8.RuneError && unicode.IsPrint(r)
	}
	if clean {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if r != utf8.RuneError && unicode.IsPrint(r) {
			b.WriteString(s[:size])
		} else {
			quoted := strconv.QuoteToASCII(s[:size])
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		s = s[size:]
	}
	return b.String()
}

// Age says a length of time in at most two units.
func Age(d time.Duration) string {
	s := int64(max(d, 0) / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d min %d s", s/60, s%60)
	case s < 24*3600:
		return fmt.Sprintf("%d h %d min", s/3600, s%3600/60)
	}
	return fmt.Sprintf("%d d %d h", s/86400, s%86400/3600)
}

// Took says how long a step took, with three digits.
func Took(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1e3)
	case d < time.Second:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
