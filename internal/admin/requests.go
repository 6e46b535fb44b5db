package admin

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/dispatch"
	"github.com/usher-boot/usher/internal/journal"
)

const (
	// keepAlive is the longest silence on a stream: a reader whose connection
	// is gone shows itself then.
	keepAlive = 10 * time.Second
	// sendTimeout is what a reader has to take what was sent.
	sendTimeout = 15 * time.Second
	// batch is how many entries are read at a time.
	batch = 256
)

// requests answers with one JSON object a line: the entries that match, oldest
// first, and with follow=1 those to come. A line {"missed": N} says that N
// entries were overwritten before they could be sent.
func (d *Door) requests(w http.ResponseWriter, r *http.Request) {
	filter, follow, err := requestFilter(r.URL.Query())
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	if !d.journalOn(w) {
		return
	}
	if !follow {
		w.Header().Set("Content-Type", jsonLines)
		out := json.NewEncoder(w)
		for _, e := range d.o.Journal.Entries(filter) {
			if out.Encode(e) != nil {
				return // the reader is gone
			}
		}
		return
	}
	s, ok := d.stream(w, r, jsonLines)
	if !ok {
		return
	}
	defer s.close()
	out := json.NewEncoder(w)
	follower := d.o.Journal.Follow(s.ctx, filter)
	for s.flush() {
		select {
		case <-follower.Ready():
		case <-time.After(keepAlive):
			s.send(func() error { _, err := fmt.Fprintln(w); return err })
			continue
		case <-s.ctx.Done():
			return
		}
		for more := true; more; {
			entries, missed := follower.Read(batch)
			more = len(entries) == batch
			s.send(func() error {
				if missed > 0 {
					if err := out.Encode(Missed{missed}); err != nil {
						return err
					}
				}
				for _, e := range entries {
					if err := out.Encode(e); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
}

// Missed is the line that stands for entries which a slow reader missed.
type Missed struct {
	Missed uint64 `json:"missed"`
}

// jsonLines is one JSON object a line.
const jsonLines = "application/x-ndjson"

// requestFilter reads the filters of /v1/requests. Its errors say what would
// be right.
func requestFilter(q url.Values) (f journal.Filter, follow bool, err error) {
	for name, values := range q {
		if len(values) > 1 {
			return f, false, usher.Errorf(usher.ErrInvalid, "%s is given %d times: once is enough", name, len(values))
		}
		value := values[0]
		switch name {
		case "mac":
			mac, err := usher.ParseMAC(value)
			if err != nil {
				return f, false, usher.Errorf(usher.ErrInvalid, "mac: %v", err)
			}
			f.MAC = mac.String()
		case "node":
			if f.Node = value; value == "" {
				return f, false, usher.Errorf(usher.ErrInvalid, "node is empty: want the UUID or the name of a node")
			}
		case "outcome":
			f.Outcome, err = oneOf(name, value, Outcomes())
		case "cause":
			f.Cause, err = oneOf(name, value, Causes())
		case "limit":
			f.Limit, err = strconv.Atoi(value)
			if err != nil || f.Limit < 1 {
				return f, false, usher.Errorf(usher.ErrInvalid, "limit is %q: want a number of requests, at least 1", value)
			}
		case "after":
			f.After, err = strconv.ParseUint(value, 10, 64)
			if err != nil || f.After > math.MaxInt64 {
				return f, false, usher.Errorf(usher.ErrInvalid, "after is %q: want the seq of a request", value)
			}
		case "follow":
			follow, err = strconv.ParseBool(value)
			if err != nil {
				return f, false, usher.Errorf(usher.ErrInvalid, "follow is %q: want 1 or 0", value)
			}
		default:
			return f, false, usher.Errorf(usher.ErrInvalid, "%q is no filter: there are mac, node, outcome, cause, limit, after and follow", name)
		}
		if err != nil {
			return f, false, err
		}
	}
	return f, follow, nil
}

func oneOf(name, value string, known []string) (string, error) {
	if !slices.Contains(known, value) {
		return "", usher.Errorf(usher.ErrInvalid, "%s is %q: want one of %s", name, value, strings.Join(known, ", "))
	}
	return value, nil
}

// Outcomes lists the outcomes of a request.
func Outcomes() []string {
	return []string{string(dispatch.Served), string(dispatch.No), string(dispatch.NotNow), string(dispatch.Refused)}
}

// journalOn answers where there is no journal to ask.
func (d *Door) journalOn(w http.ResponseWriter) bool {
	if d.o.Journal == nil {
		fail(w, http.StatusNotFound, usher.Errorf(usher.ErrNotFound, "no requests are kept: [usher]journal_size is 0"))
	}
	return d.o.Journal != nil
}

// fail answers with an error for programs.
func fail(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": err.Error()}) // a reader that is gone needs no answer
}
