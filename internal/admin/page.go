package admin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/usher-boot/usher/internal/dispatch"
	"github.com/usher-boot/usher/internal/journal"
)

//go:embed page
var files embed.FS

const (
	// shownRequests is how many requests the page shows, and shownStrangers
	// how many unknown machines; the rest is behind /v1.
	shownRequests  = 100
	shownStrangers = 50
)

// view is what the page's template shows.
type view struct {
	*Overview
	Build       string // changes with every version of the page
	Last        uint64 // the latest request's number
	Requests    []journal.Entry
	Strangers   []Unknown
	Plot        plot
	Minute      journal.Interval // counts of the last whole minute
	ActiveCount int
	SilentCount int // nodes on this page that have not asked since they wait
	// Pages of waiting nodes: what is shown, and where the others are.
	More                                    bool
	First, LastShown, Back, Next, NextCount int
}

func (d *Door) view(ctx context.Context, offset int) *view {
	o := d.see(ctx, offset)
	v := &view{Overview: o, Build: build(), Plot: newPlot(o.Series)}
	for _, s := range d.o.Journal.Unknown(shownStrangers) {
		v.Strangers = append(v.Strangers, d.stranger(s))
	}
	for _, c := range o.Conductors {
		if c.Active {
			v.ActiveCount++
		}
	}
	for _, n := range o.Waiting.Nodes {
		if n.Asked == AskedNever || n.Asked == AskedBefore {
			v.SilentCount++
		}
	}
	for _, s := range o.Series[len(o.Series)-int(time.Minute/journal.Step)-1 : len(o.Series)-1] {
		v.Minute.Served += s.Served
		v.Minute.No += s.No
		v.Minute.NotNow += s.NotNow
		v.Minute.Refused += s.Refused
	}
	shown := len(o.Waiting.Nodes)
	v.More = o.Waiting.Total > shown
	v.First, v.LastShown, v.Back = offset+1, offset+shown, max(offset-pageSize, 0)
	if left := o.Waiting.Total - v.LastShown; left > 0 && shown == pageSize {
		v.Next, v.NextCount = offset+pageSize, min(left, pageSize)
	}
	return v
}

// requestsFor adds the last requests, the latest first.
func (v *view) requestsFor(j *journal.Journal) {
	v.Requests = j.Entries(journal.Filter{Limit: shownRequests})
	slices.Reverse(v.Requests)
	if len(v.Requests) > 0 {
		v.Last = v.Requests[0].Seq
	}
}

// page answers with the whole page as it is now; its script keeps it so.
func (d *Door) page(w http.ResponseWriter, r *http.Request) {
	offset, err := waitingOffset(r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	v := d.view(r.Context(), offset)
	v.requestsFor(d.o.Journal)
	var b bytes.Buffer
	if err := templates().ExecuteTemplate(&b, "page.html.tmpl", v); err != nil {
		http.Error(w, "the page cannot be shown: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = b.WriteTo(w) // a reader that is gone needs no answer
}

// templates are parsed once; that they can be, any test shows.
var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"printable": Printable,
		"outcome":   func(o any) string { return OutcomeWords(dispatch.Outcome(text(o))) },
		"cause":     func(c any) string { return CauseWords(dispatch.Cause(text(c))) },
		"took":      Took,
		"clock":     func(t time.Time) string { return t.UTC().Format(time.TimeOnly) },
		"stamp":     func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
		"millis":    time.Time.UnixMilli,
		"percent":   func(part float64) string { return strconv.FormatFloat(part*100, 'f', 1, 64) + "\u00a0%" },
		"since": func(now, at time.Time) any {
			return struct {
				At   time.Time
				Text string
			}{at, Age(now.Sub(at))}
		},
	}).ParseFS(files, "page/*.tmpl"))
})

// text is the string that an outcome or a cause is, of whichever type.
func text(v any) string {
	switch v := v.(type) {
	case dispatch.Outcome:
		return string(v)
	case dispatch.Cause:
		return string(v)
	case string:
		return v
	}
	return ""
}

// build names the page's files, so that browsers fetch changed ones.
var build = sync.OnceValue(func() string {
	sum := sha256.New()
	for _, name := range []string{"page.html.tmpl", "page.css", "page.js"} {
		b, _ := files.ReadFile("page/" + name) // embedded: it is there
		sum.Write(b)
	}
	return hex.EncodeToString(sum.Sum(nil))[:12]
})

// static serves the page's own files.
func static() http.Handler {
	root, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // the name is a constant
	}
	serve := http.StripPrefix("/static/", http.FileServerFS(root))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") || strings.HasSuffix(r.URL.Path, ".tmpl") {
			http.NotFound(w, r)
			return
		}
		if r.URL.RawQuery == build() {
			w.Header().Set("Cache-Control", "private, max-age=86400, immutable")
		}
		serve.ServeHTTP(w, r)
	})
}
