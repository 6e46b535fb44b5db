package admin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/usher-boot/usher/internal/journal"
)

const (
	// pause is the least time between two batches of requests: faster than
	// that nobody reads, and a storm would only heat the browser.
	pause = 200 * time.Millisecond
	// refresh is how often the other parts are looked through for changes. It
	// reads this process's memory; the database is asked at looks.interval.
	refresh = 2 * time.Second
)

// greeting is the first event.
type greeting struct {
	Build string `json:"build"`
	Now   int64  `json:"now"` // milliseconds since 1970
}

// newRequests is an event of requests, as rows of the table, latest first.
type newRequests struct {
	Rows string `json:"rows"`
	// Skipped is how many more there were, too many to show.
	Skipped uint64 `json:"skipped"`
}

// events sends what changes on the page, as server-sent events: "hello",
// "requests", and "parts", which maps the name of a part to its HTML. Their id
// is the last request's number, from which a reader that comes back goes on.
func (d *Door) events(w http.ResponseWriter, r *http.Request) {
	offset, err := waitingOffset(r.URL.Query())
	if err != nil {
		fail(w, http.StatusBadRequest, err)
		return
	}
	after, _ := strconv.ParseUint(r.Header.Get("Last-Event-ID"), 10, 64)
	if after == 0 {
		after, _ = strconv.ParseUint(r.URL.Query().Get("after"), 10, 64)
	}
	s, ok := d.stream(w, r, "text/event-stream")
	if !ok {
		return
	}
	defer s.close()
	e := &eventStream{door: d, stream: s, w: w, last: after, offset: offset, sent: map[string]uint64{}, seed: maphash.MakeSeed()}
	filter := journal.Filter{After: after}
	if after == 0 {
		filter.Limit = shownRequests
	}
	e.follower = d.o.Journal.Follow(s.ctx, filter)
	if s.send(func() error { _, err := fmt.Fprint(w, "retry: 1000\n\n"); return err }); s.flush() {
		e.event("hello", greeting{build(), time.Now().UnixMilli()})
		e.run()
	}
}

// eventStream is one open page.
type eventStream struct {
	door     *Door
	stream   *stream
	w        http.ResponseWriter
	follower *journal.Follower
	last     uint64
	offset   int
	seed     maphash.Seed
	sent     map[string]uint64 // hash of each part as it was sent last
	quiet    time.Time         // when something was sent last
}

func (e *eventStream) run() {
	e.parts()
	parts := time.NewTicker(refresh)
	defer parts.Stop()
	ready := e.follower.Ready()
	var rested <-chan time.Time
	for e.stream.flush() {
		select {
		case <-ready:
			if e.requests() {
				ready, rested = nil, time.After(pause)
			}
		case <-rested:
			ready, rested = e.follower.Ready(), nil
		case <-parts.C:
			e.parts()
			if time.Since(e.quiet) >= keepAlive {
				e.stream.send(func() error { _, err := fmt.Fprint(e.w, ":\n\n"); return err })
				e.quiet = time.Now()
			}
		case <-e.stream.ctx.Done():
			return
		}
	}
}

// requests sends the requests that have come, the latest of them where there
// are more than the page shows. It is false where there were none.
func (e *eventStream) requests() bool {
	var news []journal.Entry
	var out newRequests
	for {
		entries, missed := e.follower.Read(batch)
		news, out.Skipped = append(news, entries...), out.Skipped+missed
		if extra := len(news) - shownRequests; extra > 0 {
			news, out.Skipped = slices.Delete(news, 0, extra), out.Skipped+uint64(extra)
		}
		if len(entries) < batch {
			break
		}
	}
	if len(news) == 0 {
		return false
	}
	e.last = news[len(news)-1].Seq
	slices.Reverse(news)
	out.Rows = e.render("rows", news)
	e.event("requests", out)
	return true
}

// parts sends the parts that have changed. Ages alone are no change: the page
// counts them on by itself.
func (e *eventStream) parts() {
	v := e.door.view(e.stream.ctx, e.offset)
	changed := map[string]string{}
	for name, data := range map[string]any{"summary": v, "waiting": v, "hour": v.Plot, "conductors": v, "unknown": v} {
		html := e.render(name, data)
		if hash := maphash.String(e.seed, ageless(html)); e.sent[name] != hash {
			e.sent[name], changed[name] = hash, html
		}
	}
	if len(changed) > 0 {
		e.event("parts", changed)
	}
}

// ageless is a part without the ages in it.
func ageless(html string) string { return ages.ReplaceAllString(html, "$1") }

var ages = regexp.MustCompile(`(<time [^>]*>)[^<]*`)

func (e *eventStream) render(name string, data any) string {
	var b bytes.Buffer
	if err := templates().ExecuteTemplate(&b, name, data); err != nil {
		return `<p class="alarm">This part cannot be shown.</p>` // any test shows it
	}
	return b.String()
}

func (e *eventStream) event(name string, data any) {
	text, err := json.Marshal(data)
	if err != nil {
		return // strings and numbers can be
	}
	e.quiet = time.Now()
	e.stream.send(func() error {
		_, err := fmt.Fprintf(e.w, "id: %d\nevent: %s\ndata: %s\n\n", e.last, name, text)
		return err
	})
}
