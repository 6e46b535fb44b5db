package admin_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/admin"
	"github.com/usher-boot/usher/internal/dispatch"
	"github.com/usher-boot/usher/internal/journal"
	"github.com/usher-boot/usher/internal/rebinding"
)

// hostile is what no page and no terminal may take at its word.
const hostile = "<script>alert(1)</script>\"'&\u202egnp\x1b[31m"

// site is a door with all that it shows.
type site struct {
	t       *testing.T
	journal *journal.Journal
	looked  atomic.Int32 // at the database
	fails   atomic.Pointer[error]
	door    *admin.Door
	server  *httptest.Server
}

func newSite(t *testing.T, change func(*admin.Options)) *site {
	s := &site{t: t, journal: journal.New(100)}
	o := admin.Options{
		Metrics: http.NotFoundHandler(),
		Ready:   func(context.Context) error { return s.err() },
		Process: admin.Process{Version: "1.2", Role: "serve", Host: "here", Answers: true},
		Journal: s.journal, Fleet: s, Interval: time.Hour, AnswersTo: rebinding.Guard{}.Allows,
	}
	if change != nil {
		change(&o)
	}
	s.door = admin.New(o)
	s.server = httptest.NewServer(s.door)
	t.Cleanup(s.server.Close)
	t.Cleanup(s.door.Stop)
	return s
}

func (s *site) err() error {
	if err := s.fails.Load(); err != nil {
		return *err
	}
	return nil
}

func (s *site) Conductors(context.Context) ([]admin.Conductor, error) {
	s.looked.Add(1)
	now := time.Now()
	return []admin.Conductor{
		{Conductor: usher.Conductor{ID: 1, Hostname: "conductor-1", Group: "rack<1>", Online: true, UpdatedAt: now.Add(-5 * time.Second),
			Interfaces: []usher.HardwareInterface{{HardwareType: "ipmi", Type: "boot", Name: "ipxe"}}},
			Active: true, Shares: []admin.Share{{HardwareType: "ipmi", Part: 0.4567}}},
		{Conductor: usher.Conductor{ID: 2, Hostname: hostile, Online: true, UpdatedAt: now.Add(-2 * time.Hour)}},
	}, s.err()
}

func (s *site) CountWaiting(context.Context) (map[usher.State]int, error) {
	s.looked.Add(1)
	return map[usher.State]int{usher.DeployWait: 500, usher.CleanWait: 4}, s.err()
}

func (s *site) Waiting(_ context.Context, offset, limit int) ([]usher.BootNode, error) {
	s.looked.Add(1)
	var all []usher.BootNode
	for i := offset; i < min(offset+limit, 504); i++ {
		all = append(all, usher.BootNode{UUID: "uuid-" + strconv.Itoa(i), Name: "node-" + strconv.Itoa(i), ProvisionState: usher.DeployWait,
			ProvisionUpdatedAt: time.Now().Add(time.Duration(i-100) * time.Minute)})
	}
	return all, s.err()
}

// ask makes a machine's request known.
func (s *site) ask(n int, change func(*dispatch.Decision)) {
	mac := usher.MAC{0x52, 0x54, 0, 0, byte(n >> 8), byte(n)}
	d := &dispatch.Decision{RequestID: "req-" + strconv.Itoa(n), Time: time.Now(), Remote: "192.0.2.1", AskedMAC: mac.Hyphenated(), MAC: mac,
		File: "boot.ipxe", Outcome: dispatch.No, Cause: dispatch.CauseUnknownMAC, Err: errors.New("nobody's"), Config: "secret=1",
		Steps: dispatch.Steps{Total: 3 * time.Millisecond}}
	if change != nil {
		change(d)
	}
	s.journal.Add(d)
}

func served(n int) func(*dispatch.Decision) {
	return func(d *dispatch.Decision) {
		d.Node = usher.BootNode{UUID: "uuid-" + strconv.Itoa(n), Name: "node-" + strconv.Itoa(n), ProvisionState: usher.DeployWait}
		d.Owner, d.AnsweredBy, d.Outcome, d.Cause, d.Err = "conductor-1", "conductor-1", dispatch.Served, dispatch.CauseServed, nil
	}
}

func (s *site) do(method, path, host string) (*http.Response, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.server.URL+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if host != "" {
		req.Host = host
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp, string(body)
}

func (s *site) get(path string) string {
	s.t.Helper()
	resp, body := s.do(http.MethodGet, path, "")
	if resp.StatusCode != http.StatusOK {
		s.t.Fatalf("%s: %s: %s", path, resp.Status, body)
	}
	return body
}

func TestGuard(t *testing.T) {
	s := newSite(t, nil)
	for _, path := range []string{"/", "/v1/requests", "/v1/unknown", "/v1/overview", "/static/page.css", "/healthz", "/nothing"} {
		resp, _ := s.do(http.MethodGet, path, "")
		csp := resp.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'; ") || strings.Contains(csp, "unsafe") || !strings.Contains(csp, "frame-ancestors 'none'") ||
			resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %v", path, resp.Header)
		}
		if resp, body := s.do(http.MethodHead, path, ""); body != "" || resp.StatusCode == http.StatusMethodNotAllowed {
			t.Errorf("HEAD %s: %s", path, resp.Status)
		}
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
			if resp, _ := s.do(method, path, ""); resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %s, Allow %q", method, path, resp.Status, resp.Header.Get("Allow"))
			}
		}
	}
	if resp, _ := s.do(http.MethodGet, "/static/page.html.tmpl", ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("the template: %s", resp.Status)
	}
	if resp, _ := s.do(http.MethodGet, "/static/", ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("the folder: %s", resp.Status)
	}
}

// TestHosts: a name that leads here through somebody else's DNS is refused
// where the door is for this host only.
func TestHosts(t *testing.T) {
	local, open := newSite(t, nil), newSite(t, func(o *admin.Options) { o.AnswersTo = nil })
	for host, want := range map[string]int{
		"localhost": 200, "localhost:6387": 200, "LocalHost.:1": 200, "127.0.0.1:6387": 200, "[::1]:6387": 200, "[::1]": 200, "192.0.2.1": 200,
		"evil.example": 421, "evil.example:6387": 421, "127.0.0.1.evil.example": 421, "localhost.evil.example:80": 421,
	} {
		if resp, _ := local.do(http.MethodGet, "/v1/overview", host); resp.StatusCode != want {
			t.Errorf("%s: %s", host, resp.Status)
		}
		if resp, _ := open.do(http.MethodGet, "/v1/overview", host); resp.StatusCode != http.StatusOK {
			t.Errorf("%s at a door for others: %s", host, resp.Status)
		}
	}
}

func (s *site) seqs(path string) (ids []string) {
	s.t.Helper()
	for line := range strings.Lines(s.get(path)) {
		var e journal.Entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			s.t.Fatalf("%v: %s", err, line)
		}
		ids = append(ids, strings.TrimPrefix(e.RequestID, "req-"))
	}
	return ids
}

func TestRequests(t *testing.T) {
	s := newSite(t, nil)
	s.ask(1, nil)
	s.ask(2, served(2))
	s.ask(3, func(d *dispatch.Decision) {
		served(3)(d)
		d.Outcome, d.Cause, d.Err = dispatch.NotNow, dispatch.CauseTimeout, errors.New("too slow")
	})
	s.ask(4, served(2))
	second := s.journal.Entries(journal.Filter{})[1].Seq
	for query, want := range map[string][]string{
		"":                               {"1", "2", "3", "4"},
		"?limit=2":                       {"3", "4"},
		"?mac=5254.0000.0003":            {"3"},
		"?mac=52-54-00-00-00-03":         {"3"},
		"?mac=52%3A54%3a00:00:00:03":     {"3"},
		"?mac=52-54-00-00-00-09":         nil,
		"?node=node-2":                   {"2", "4"},
		"?node=UUID-2&limit=1":           {"4"},
		"?outcome=not_now":               {"3"},
		"?cause=unknown_mac":             {"1"},
		"?outcome=served&cause=served":   {"2", "4"},
		fmt.Sprintf("?after=%d", second): {"3", "4"},
	} {
		if diff := cmp.Diff(want, s.seqs("/v1/requests"+query)); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
	if text := s.get("/v1/requests"); strings.Contains(text, "secret") || strings.Count(text, "\n") != 4 {
		t.Error(text)
	}
}

func TestRequestsRefuses(t *testing.T) {
	s := newSite(t, nil)
	for query, want := range map[string]string{
		"mac=zz":              `mac: "zz" is not a MAC address: want six octets such as 52:54:00:12:34:56`,
		"node=":               "node is empty: want the UUID or the name of a node",
		"outcome=ok":          `outcome is "ok": want one of served, no, not_now, refused`,
		"cause=why":           `cause is "why": want one of bad_boot_file, bad_mac, client_gone, `,
		"limit=0":             `limit is "0": want a number of requests, at least 1`,
		"limit=many":          `limit is "many"`,
		"after=-1":            `after is "-1": want the seq of a request`,
		"after=1e99":          "after is",
		"follow=please":       `follow is "please": want 1 or 0`,
		"state=active":        `"state" is no filter: there are mac, node, outcome, cause, limit, after and follow`,
		"limit=1&limit=2":     "limit is given 2 times",
		"follow=1&outcome=ok": "outcome is",
	} {
		resp, body := s.do(http.MethodGet, "/v1/requests?"+query, "")
		var answer struct{ Error string }
		if err := json.Unmarshal([]byte(body), &answer); err != nil || resp.StatusCode != http.StatusBadRequest || !strings.Contains(answer.Error, want) {
			t.Errorf("%s: %s: %s", query, resp.Status, body)
		}
	}
	for _, path := range []string{"/?waiting=7", "/events?waiting=x", "/v1/overview?waiting=-200"} {
		if resp, body := s.do(http.MethodGet, path, ""); resp.StatusCode != http.StatusBadRequest || !strings.Contains(body, "multiple of 200") {
			t.Errorf("%s: %s: %s", path, resp.Status, body)
		}
	}
}

func TestOff(t *testing.T) {
	s := newSite(t, func(o *admin.Options) { o.Journal = nil })
	for _, path := range []string{"/v1/requests", "/v1/requests?follow=1", "/v1/unknown"} {
		if resp, body := s.do(http.MethodGet, path, ""); resp.StatusCode != http.StatusNotFound || !strings.Contains(body, "[usher]journal_size is 0") {
			t.Errorf("%s: %s: %s", path, resp.Status, body)
		}
	}
	if page := s.get("/"); !strings.Contains(page, "[usher]journal_size</code> is 0") {
		t.Error("the page does not say so")
	}
}

// TestFollow: what comes is sent at once, and a stop ends the stream.
func TestFollow(t *testing.T) {
	s := newSite(t, nil)
	s.ask(1, served(1))
	s.ask(2, served(2))
	resp, err := http.Get(s.server.URL + "/v1/requests?follow=1&outcome=served&limit=1")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	next := func() string {
		t.Helper()
		if !lines.Scan() {
			t.Fatalf("the stream ended: %v", lines.Err())
		}
		var e journal.Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		return e.RequestID
	}
	if got := next(); got != "req-2" {
		t.Errorf("first %s", got)
	}
	s.ask(3, nil)
	s.ask(4, served(4))
	if got := next(); got != "req-4" {
		t.Errorf("then %s", got)
	}
	s.door.Stop()
	if lines.Scan() || lines.Err() != nil {
		t.Errorf("after the stop: %q, %v", lines.Text(), lines.Err())
	}
}

// TestStreamsOfHeads: a HEAD is told what a GET would get, and is over.
func TestStreamsOfHeads(t *testing.T) {
	s := newSite(t, nil)
	for path, kind := range map[string]string{"/events": "text/event-stream", "/v1/requests?follow=1": "application/x-ndjson"} {
		if resp, _ := s.do(http.MethodHead, path, ""); resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != kind {
			t.Errorf("%s: %s, %v", path, resp.Status, resp.Header)
		}
	}
}

// TestStreamsAreBounded: readers that stay have a bound, and free their place.
func TestStreamsAreBounded(t *testing.T) {
	s := newSite(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range 64 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.server.URL+"/v1/requests?follow=1", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(err, resp)
		}
		defer resp.Body.Close()
	}
	if resp, body := s.do(http.MethodGet, "/events", ""); resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "64 readers") {
		t.Errorf("%s: %s", resp.Status, body)
	}
}

func TestUnknown(t *testing.T) {
	for _, c := range []struct {
		ironic bool
		file   string
		want   string
	}{
		{false, "boot.ipxe", "usher node add node-52-54-00-00-00-07 --mac 52:54:00:00:00:07 --kernel URL --ramdisk URL"},
		{false, "grub.cfg", "usher node add node-52-54-00-00-00-07 --mac 52:54:00:00:00:07 --boot-interface pxe --kernel URL --ramdisk URL"},
		{true, "boot.ipxe", "openstack baremetal port create 52:54:00:00:00:07 --node UUID"},
	} {
		s := newSite(t, func(o *admin.Options) { o.Process.BesideIronic = c.ironic })
		s.ask(7, func(d *dispatch.Decision) { d.File = c.file })
		s.ask(7, func(d *dispatch.Decision) { d.File = c.file })
		var u admin.Unknown
		if err := json.Unmarshal([]byte(s.get("/v1/unknown")), &u); err != nil {
			t.Fatal(err)
		}
		if u.MAC != "52:54:00:00:00:07" || u.Count != 2 || u.Enrol != c.want || u.First.IsZero() || u.Last.Before(u.First) {
			t.Errorf("%+v", u)
		}
		if !strings.Contains(s.get("/"), c.want) {
			t.Error("the page has another command")
		}
	}
}

func TestOverview(t *testing.T) {
	s := newSite(t, nil)
	s.ask(150, served(150)) // it waits from in 50 minutes on: this was before
	s.ask(10, served(10))
	s.ask(11, nil)
	s.journal.CallFailed("conductor-1", errors.New("connection refused"))
	var v admin.Overview
	if err := json.Unmarshal([]byte(s.get("/v1/overview")), &v); err != nil {
		t.Fatal(err)
	}
	c := v.Conductors[0]
	if v.Role != "serve" || v.Waiting.Total != 504 || len(v.Waiting.Nodes) != 200 || v.Unknown != 1 || len(v.Series) != 360 ||
		c.Host != "conductor-1" || !c.Active || c.Shares[0].Part != 0.4567 || c.HeartbeatAge < 5*time.Second || c.LastFailure.Error != "connection refused" {
		t.Errorf("%+v", v)
	}
	for i, want := range map[int]string{9: admin.AskedUnknown, 10: admin.AskedYes, 150: admin.AskedBefore, 151: admin.AskedNever} {
		if n := v.Waiting.Nodes[i]; n.Asked != want {
			t.Errorf("node %d: %+v", i, n)
		}
	}
	if err := json.Unmarshal([]byte(s.get("/v1/overview?waiting=400")), &v); err != nil || len(v.Waiting.Nodes) != 104 || v.Waiting.Nodes[0].Name != "node-400" {
		t.Errorf("%v, %d nodes", err, len(v.Waiting.Nodes))
	}
}

// TestLooks: however many look, the database is asked once an interval, and
// not at all where nobody looks.
func TestLooks(t *testing.T) {
	s := newSite(t, nil)
	if s.looked.Load() != 0 {
		t.Error("looked before anybody did")
	}
	for range 5 {
		s.get("/")
		s.get("/v1/overview")
	}
	if n := s.looked.Load(); n != 3 {
		t.Errorf("looked %d times", n)
	}
	for page := range 100 {
		s.get("/v1/overview?waiting=" + strconv.Itoa(200*page))
	}
	if n := s.looked.Load(); n > 2+16 {
		t.Errorf("looked %d times for a hundred pages", n)
	}
}

func TestOutage(t *testing.T) {
	s := newSite(t, nil)
	err := errors.New("the database is down")
	s.fails.Store(&err)
	page := s.get("/")
	for _, want := range []string{"Not ready.", "the database is down"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// TestPageEscapes: what machines, rows and other processes wrote is text.
func TestPageEscapes(t *testing.T) {
	s := newSite(t, nil)
	s.ask(1, func(d *dispatch.Decision) {
		served(10)(d)
		d.MAC, d.AskedMAC, d.File, d.Node.Name, d.Owner, d.AnsweredBy = usher.MAC{}, hostile, hostile, hostile, hostile, hostile+"2"
		d.Node.ProvisionState, d.Remote = usher.State(hostile), hostile
	})
	s.ask(2, func(d *dispatch.Decision) { d.Remote = hostile })
	s.journal.CallFailed("conductor-1", errors.New(hostile))
	page := s.get("/")
	if strings.Contains(page, "<script>") || strings.Contains(page, "\u202e") || strings.Contains(page, "\x1b") {
		i := max(strings.Index(page, "<script>"), strings.Index(page, "\u202e"), strings.Index(page, "\x1b"))
		t.Errorf("it is in the page as it came: %q", page[max(0, i-100):i+20])
	}
	if !strings.Contains(page, `&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;\u202egnp\x1b[31m`) {
		t.Error("it is not in the page at all")
	}
	for _, secret := range []string{"secret", " style=", " onclick=", "http://", "https://"} {
		if strings.Contains(page, secret) {
			t.Errorf("%s is in the page", secret)
		}
	}
}

// TestRoles: each role's page says what it cannot know.
func TestRoles(t *testing.T) {
	s := newSite(t, func(o *admin.Options) { o.Process.Role, o.Process.Answers = "conductor", false })
	page := s.get("/")
	if !strings.Contains(page, "machines ask the API processes") || !strings.Contains(page, "conductor-1") || strings.Contains(page, "ever asked") {
		t.Error(page)
	}
	var v admin.Overview
	if err := json.Unmarshal([]byte(s.get("/v1/overview")), &v); err != nil || v.Waiting.Nodes[199].Asked != admin.AskedUnknown {
		t.Errorf("%v: what it cannot know: %+v", err, v.Waiting.Nodes[199])
	}
}

// event is one server-sent event.
type event struct{ id, name, data string }

func readEvent(t *testing.T, lines *bufio.Scanner) (e event) {
	t.Helper()
	for lines.Scan() {
		line := lines.Text()
		switch {
		case line == "" && e.name != "":
			return e
		case strings.HasPrefix(line, "id: "):
			e.id = line[4:]
		case strings.HasPrefix(line, "event: "):
			e.name = line[7:]
		case strings.HasPrefix(line, "data: "):
			e.data = line[6:]
		}
	}
	t.Fatalf("the stream ended: %v", lines.Err())
	return e
}

func TestEvents(t *testing.T) {
	s := newSite(t, nil)
	s.ask(1, nil)
	s.ask(2, nil)
	first := s.journal.Entries(journal.Filter{})[0].Seq
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.server.URL+"/events?after=7", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Last-Event-ID", strconv.FormatUint(first, 10)) // is later than the query's
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatal(err, resp)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 10<<20)
	if e := readEvent(t, lines); e.name != "hello" || !strings.Contains(e.data, `"build":"`) {
		t.Errorf("%+v", e)
	}
	if e := readEvent(t, lines); e.name != "parts" || !strings.Contains(e.data, `"waiting":`) || !strings.Contains(e.data, `"hour":`) {
		t.Errorf("%+v", e)
	}
	e := readEvent(t, lines)
	if e.name != "requests" || !strings.Contains(e.data, "52:54:00:00:00:02") || strings.Contains(e.data, "52:54:00:00:00:01") || e.id == "0" {
		t.Errorf("%+v", e)
	}
	for i := range 5 {
		s.ask(20+i, nil)
	}
	for seen := 0; seen < 5; {
		e := readEvent(t, lines)
		if e.name == "requests" {
			seen += strings.Count(e.data, "52:54:00:00:00:")
		}
	}
}

// TestWords: each cause that there is can be said, and asked for.
func TestWords(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../dispatch/decision.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		kind, ok := spec.Type.(*ast.Ident)
		if !ok || kind.Name != "Cause" && kind.Name != "Outcome" {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		found++
		words := admin.CauseWords(dispatch.Cause(value))
		if kind.Name == "Outcome" {
			words = admin.OutcomeWords(dispatch.Outcome(value))
		}
		if words == value && strings.Contains(value, "_") {
			t.Errorf("%s %s has no words in words.go", kind.Name, value)
		}
		return true
	})
	if found < 20 {
		t.Errorf("only %d outcomes and causes found", found)
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"node-é 日本":       "node-é 日本",
		"a\nb\x1b[0m\x00": `a\nb\x1b[0m\x00`,
		"x\u202ey\ufeff":  `x\u202ey\ufeff`,
		"bad\xff\xfe":     `bad\xff\xfe`,
		"":                "",
	} {
		if got := admin.Printable(in); got != want {
			t.Errorf("%q: %s", in, got)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add(hostile)
	f.Add("\xff")
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range admin.Printable(s) {
			if !strconv.IsPrint(r) {
				t.Errorf("%q gives %q", s, r)
			}
		}
	})
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 59 * time.Second: "59 s", 61 * time.Second: "1 min 1 s",
		25*time.Hour + 59*time.Minute: "1 d 1 h", 3*time.Hour + 59*time.Minute: "3 h 59 min",
	} {
		if got := admin.Age(d); got != want {
			t.Errorf("%v: %s", d, got)
		}
	}
}
