package explanation

import (
	"context"
	"fmt"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/dispatch"
)

// lastRequests is how many requests of the machine are told.
const lastRequests = 3

// journal tells whether this host has heard of the machine.
func (e *explainer) journal(ctx context.Context, mac usher.MAC) {
	start := time.Now()
	last, err := e.Journal.Requests(ctx, mac, lastRequests)
	var stranger *Stranger
	if err == nil && e.r.Cause == dispatch.CauseUnknownMAC {
		stranger, err = e.Journal.Stranger(ctx, mac)
	}
	took := time.Since(start)
	if err != nil {
		e.journalErr = err
		e.step("asked", Note, 0, "not known: "+err.Error())
		return
	}
	if last == nil {
		last = []Request{}
	}
	e.last, e.r.Requests, e.r.Stranger = last, last, stranger
	now := e.r.CheckedAt
	if stranger != nil {
		text := fmt.Sprintf("%s, from %s, the last time %s ago", times(stranger.Count), stranger.Remote, ago(now.Sub(stranger.Last)))
		if stranger.Count > 1 {
			text += fmt.Sprintf(", the first time %s ago", ago(now.Sub(stranger.First)))
		}
		e.step("asked", OK, took, text)
		return
	}
	if len(last) == 0 {
		e.step("asked", Note, took, "no request of it that this host remembers ("+e.Site.Admin+")")
		return
	}
	var lines []string
	for i := len(last) - 1; i >= 0; i-- {
		r := last[i]
		line := fmt.Sprintf("%s ago, from %s, for %s: %s", ago(now.Sub(r.Time)), r.Remote, r.File, r.Cause)
		if r.AnsweredBy != "" {
			line += ", by " + r.AnsweredBy
		}
		lines = append(lines, line)
	}
	e.step("asked", OK, took, lines[0], lines[1:]...)
}

func times(n uint64) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}

// door tells whether machines can ask on this host at all.
func (e *explainer) door() {
	switch {
	case e.Site.Door == "":
	case e.Site.DoorErr == nil:
		e.step("door", OK, 0, "machines can ask here: "+e.Site.Door)
	default:
		e.step("door", Warning, 0, fmt.Sprintf("nothing answers machines on this host: %v", e.Site.DoorErr))
	}
}
