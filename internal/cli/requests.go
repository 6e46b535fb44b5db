package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/admin"
	"github.com/usher-boot/usher/internal/journal"
)

type requestsCmd struct {
	Follow  bool   `help:"Go on printing requests as they come, also over a restart of the API."`
	Unknown bool   `help:"List the MAC addresses of no node that asked, and the command that would enrol each."`
	MAC     string `name:"mac" placeholder:"MAC" help:"Only requests with this MAC address, in any spelling."`
	Node    string `placeholder:"NODE" help:"Only requests of this node, by UUID or name."`
	Outcome string `placeholder:"OUTCOME" help:"Only requests that were told this: served, no, not_now or refused."`
	Cause   string `placeholder:"CAUSE" help:"Only requests with this cause, such as unknown_mac."`
	Limit   int    `placeholder:"N" default:"50" help:"At most the last N requests; 0: all that are kept. Default: ${default}."`
	JSON    bool   `name:"json" help:"Print JSON, one object a line."`
	Admin   string `placeholder:"URL" help:"Operator's door of the API to ask. Default: the one of this configuration."`
}

// Run asks the operator's door: what was asked is in the memory of the process
// that answered.
func (c *requestsCmd) Run(s *session) error {
	door, err := c.door(s)
	if err != nil {
		return err
	}
	switch {
	case c.Unknown && (c.Follow || len(c.filters()) > 0):
		return usher.Errorf(usher.ErrInvalid, "--unknown lists all of them: it goes with --json and --admin only")
	case c.Unknown:
		return c.unknown(s, door)
	case c.Limit < 0:
		return usher.Errorf(usher.ErrInvalid, "--limit is %d: want a number of requests, or 0 for all", c.Limit)
	case c.Follow:
		return c.follow(s, door)
	}
	t := c.table(s.Stdout)
	return errors.Join(door.lines(s.ctx, "/v1/requests", c.query(), t.line), t.flush())
}

// filters are those of /v1/requests.
func (c *requestsCmd) filters() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"mac": c.MAC, "node": c.Node, "outcome": c.Outcome, "cause": c.Cause} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q
}

// query are the filters and how many requests.
func (c *requestsCmd) query() url.Values {
	q := c.filters()
	if c.Limit > 0 {
		q.Set("limit", strconv.Itoa(c.Limit))
	}
	return q
}

// follow prints what comes until the user ends it. A door that was there once
// is tried again when it is gone.
func (c *requestsCmd) follow(s *session, door *adminDoor) error {
	q := c.query()
	q.Set("follow", "1")
	if c.Limit == 0 {
		q.Set("limit", strconv.Itoa(everything))
	}
	t := c.table(s.Stdout)
	t.live = true
	var was bool
	for {
		connected := false
		err := door.lines(s.ctx, "/v1/requests", q, func(line []byte) error {
			if !connected && was {
				fmt.Fprintln(s.Stderr, "usher: connected again")
			}
			connected = true
			if len(line) == 0 {
				return nil
			}
			if err := t.line(line); err != nil {
				return err
			}
			if t.missed > 0 {
				fmt.Fprintf(s.Stderr, "usher: %d requests came faster than they could be shown\n", t.missed)
				t.missed = 0
			}
			return nil
		})
		switch {
		case s.ctx.Err() != nil:
			return nil // the user has seen enough
		case errors.Is(err, errOutput), errors.Is(err, usher.ErrInvalid), errors.Is(err, usher.ErrNotFound), !connected && !was:
			return err
		}
		if connected {
			was = true
			fmt.Fprintf(s.Stderr, "usher: the connection to %s is lost, trying again\n", door.url)
		}
		// What came meanwhile is not to be missed.
		if q.Set("limit", strconv.Itoa(everything)); t.last > 0 {
			q.Set("after", strconv.FormatUint(t.last, 10))
		}
		select {
		case <-s.ctx.Done():
			return nil
		case <-time.After(tryAgain):
		}
	}
}

const (
	// everything is more than any journal keeps.
	everything = 1_000_000
	tryAgain   = 500 * time.Millisecond
)

// errOutput is that nobody reads what is printed any more.
var errOutput = errors.New("cannot write the output")

// requestTable prints requests: for people aligned, for programs as they came.
type requestTable struct {
	w      *tabwriter.Writer
	raw    io.Writer // instead of w, with --json
	live   bool      // each line is to be seen at once
	begun  bool
	last   uint64 // number of the last one
	missed uint64 // since it was last told
}

func (c *requestsCmd) table(w io.Writer) *requestTable {
	if c.JSON {
		return &requestTable{raw: w}
	}
	return &requestTable{w: tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)}
}

// requestColumns are wide enough for what is usual, so that lines that come
// one by one stand below each other too.
func requestColumns() []string {
	pad := func(s string, n int) string { return s + strings.Repeat(" ", max(0, n-len(s))) }
	return []string{pad("TIME", 23), pad("MAC", 17), pad("NODE", 16), pad("FILE", 9), pad("OUTCOME", 7), pad("CAUSE", 21), pad("CONDUCTOR", 12), "TOOK"}
}

func (t *requestTable) line(line []byte) error {
	if len(line) == 0 {
		return nil
	}
	var e struct {
		journal.Entry
		admin.Missed
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return usher.Errorf(usher.ErrInvalid, "the operator's door sent %.80q, which is no request", line)
	}
	t.missed += e.Missed.Missed
	t.last = max(t.last, e.Seq)
	if t.raw != nil {
		if _, err := t.raw.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("%w: %w", errOutput, err)
		}
		return nil
	}
	if e.Seq == 0 {
		return nil
	}
	columns := requestColumns()
	if !t.begun {
		t.begun = true
		fmt.Fprintln(t.w, strings.Join(columns, "\t"))
	}
	mac := e.MAC
	if mac == "" {
		mac = e.AskedMAC
	}
	values := []string{e.Time.Local().Format("2006-01-02 15:04:05.000"), mac, orDash(e.Name, e.Node), e.File, e.Outcome, e.Cause,
		orDash(e.AnsweredBy), admin.Took(e.Total)}
	for i, v := range values {
		values[i] = admin.Printable(v)
		if t.live && i < len(columns)-1 {
			values[i] += strings.Repeat(" ", max(0, len(columns[i])-len([]rune(values[i]))))
		}
	}
	fmt.Fprintln(t.w, strings.Join(values, "\t"))
	if t.live {
		return t.flush()
	}
	return nil
}

func (t *requestTable) flush() error {
	if t.w == nil {
		return nil
	}
	if err := t.w.Flush(); err != nil {
		return fmt.Errorf("%w: %w", errOutput, err)
	}
	return nil
}

// orDash is the first text that is not empty.
func orDash(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return "-"
}

// unknown lists strangers.
func (c *requestsCmd) unknown(s *session, door *adminDoor) error {
	t := tabwriter.NewWriter(s.Stdout, 0, 8, 2, ' ', 0)
	begun := false
	err := door.lines(s.ctx, "/v1/unknown", nil, func(line []byte) error {
		if c.JSON {
			_, err := s.Stdout.Write(append(line, '\n'))
			return err
		}
		var u admin.Unknown
		if err := json.Unmarshal(line, &u); err != nil {
			return usher.Errorf(usher.ErrInvalid, "the operator's door sent %.80q, which is no machine", line)
		}
		if !begun {
			begun = true
			fmt.Fprintln(t, "MAC\tASKED\tFIRST\tLAST\tFROM\tTO ENROL IT")
		}
		const when = "2006-01-02 15:04:05"
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\n", admin.Printable(u.MAC), u.Count, u.First.Local().Format(when), u.Last.Local().Format(when),
			admin.Printable(u.Remote), admin.Printable(u.Enrol))
		return nil
	})
	return errors.Join(err, t.Flush())
}
