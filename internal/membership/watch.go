package membership

import (
	"context"
	"fmt"
	"time"

	"github.com/usher-boot/usher"
)

// watch looks at the conductors table for what makes membership unsafe: a
// second process with this one's host name, and clocks that differ.
//
// The table has no column for a process, so another one shows only by moving
// the row's stamp while we do not.
type watch struct {
	o    MemberOptions
	mine time.Time // our row's stamp after our last heartbeat, zero when unknown
	// What has been told, so as to tell it once.
	second bool
	skewed map[string]bool
}

// alone refuses where another process of this host name is alive. A row left
// by one that was killed has a stamp that stands still.
func (w *watch) alone(ctx context.Context) error {
	first, err := w.own(ctx)
	if err != nil {
		return err
	}
	if !first.Active(time.Now(), w.o.HeartbeatTimeout) {
		return nil
	}
	// Stamps have whole seconds in MariaDB, hence the second.
	wait := w.o.HeartbeatInterval + max(w.o.HeartbeatInterval/2, time.Second)
	w.o.Logger.InfoContext(ctx, "a conductor with this host name was alive a moment ago, looking whether it still is",
		"host", w.o.Conductor.Hostname, "last_heartbeat", first.UpdatedAt, "at_most", wait)
	step := min(wait/8, time.Second)
	for end := time.Now().Add(wait); time.Now().Before(end); {
		if !sleep(ctx, step) {
			return unavailable(ctx.Err())
		}
		now, err := w.own(ctx)
		if err != nil {
			return err
		}
		if !now.Online {
			return nil // it has just stopped in good order
		}
		if now.UpdatedAt.After(first.UpdatedAt) {
			return usher.Errorf(usher.ErrConflict, "Conductor %s is already registered and alive: its heartbeat moved from "+
				"%s to %s. Another process uses this name; give each conductor its own [DEFAULT]host.",
				w.o.Conductor.Hostname, first.UpdatedAt.UTC().Format(time.RFC3339Nano),
				now.UpdatedAt.UTC().Format(time.RFC3339Nano)).WithClass("ConductorAlreadyRegistered")
		}
	}
	return nil
}

// own reads this conductor's row, the zero value where there is none.
func (w *watch) own(ctx context.Context) (usher.Conductor, error) {
	ctx, cancel := context.WithTimeout(ctx, w.o.HeartbeatInterval)
	defer cancel()
	rows, err := w.o.Source.Conductors(ctx)
	if err != nil {
		return usher.Conductor{}, unavailable(err)
	}
	for _, c := range rows {
		if c.Hostname == w.o.Conductor.Hostname {
			return c, nil
		}
	}
	return usher.Conductor{}, nil
}

// before is called before each heartbeat: whoever moved the stamp since our
// last one is another process. Both tell their operators; neither can know
// which of the two should go.
func (w *watch) before(ctx context.Context) {
	if w.mine.IsZero() {
		return
	}
	c, err := w.own(ctx)
	if err != nil {
		return // the heartbeat that follows tells of an outage
	}
	// An earlier stamp is what a crash of the database leaves of ours.
	second := c.ID != 0 && c.UpdatedAt.After(w.mine)
	if second && !w.second {
		w.o.Logger.ErrorContext(ctx, "another process heartbeats with this conductor's host name: "+
			"give each conductor its own [DEFAULT]host", "host", c.Hostname)
	}
	w.second = second
}

// after is called after each heartbeat, with its error. It notes our stamp and
// warns of clocks that are ahead: of another conductor's, and, in our own row,
// of whatever clock wrote it. A clock that is behind looks like a late
// heartbeat, which is no news.
func (w *watch) after(ctx context.Context, err error) {
	w.mine = time.Time{} // a failed heartbeat may still have been written
	if err != nil {
		return
	}
	rows, err := w.o.Source.Conductors(ctx)
	if err != nil {
		return
	}
	allowed := w.o.HeartbeatTimeout / 3
	skewed := map[string]bool{}
	for _, c := range rows {
		if c.Hostname == w.o.Conductor.Hostname {
			w.mine = c.UpdatedAt
		}
		ahead := time.Until(c.UpdatedAt)
		if !c.Online || allowed == 0 || ahead <= allowed {
			continue
		}
		skewed[c.Hostname] = true
		if !w.skewed[c.Hostname] {
			w.o.Logger.WarnContext(ctx, fmt.Sprintf("a heartbeat comes from the future: the clocks of this host and of "+
				"conductor %s differ by more than a third of heartbeat_timeout", c.Hostname),
				"host", c.Hostname, "ahead", ahead, "allowed", allowed)
		}
	}
	w.skewed = skewed
}
