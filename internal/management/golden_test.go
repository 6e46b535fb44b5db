package management_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
)

// step is one line of testdata/ironic/conversation.jsonl: a request, or a
// change straight in the database.
type step struct {
	Name, Method, Path, Version string
	Body                        json.RawMessage
	Raw                         string
	Headers                     map[string]string
	Keys                        bool // compare only the names of members
	Set                         string
	Columns                     map[string]any
}

type answer struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    any               `json:"body"`
}

var timestamp = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00`)

// TestGolden holds the same conversation that Debian's Ironic had, and
// compares every answer. What differs on purpose is in deviations_test.go.
func TestGolden(t *testing.T) {
	w := newWorkshop(t)
	golden := map[string]answer{}
	readJSONFile(t, "testdata/ironic/golden.json", &golden)
	lines, err := os.ReadFile("testdata/ironic/conversation.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for line := range strings.Lines(string(lines)) {
		var s step
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if s.Set != "" {
			w.setColumns(t, s)
			continue
		}
		got, want := ask(t, w.url, s), golden[s.Name]
		d, deviates := deviationOf(s.Name)
		if deviates {
			used[d.name] = true
		}
		t.Run(s.Name, func(t *testing.T) {
			normalize(&want)
			normalize(&got)
			if deviates {
				if d.status != 0 {
					want.Status = d.status
				}
				if cmp.Equal(want, got) {
					t.Errorf("answers as Ironic does, although %s", d.why)
				}
				want.Headers, got.Headers, want.Body, got.Body = nil, nil, nil, nil
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s %s (-Ironic +Usher):\n%s", s.Method, s.Path, diff)
			}
		})
	}
	for _, d := range deviations {
		if !used[d.name] {
			t.Errorf("no step is called %q any more", d.name)
		}
	}
}

// ask sends a request and reads the answer into the form of the goldens.
func ask(t testing.TB, url string, s step) answer {
	t.Helper()
	body := []byte(s.Body)
	if s.Raw != "" {
		body = []byte(s.Raw)
	}
	req, err := http.NewRequestWithContext(t.Context(), s.Method, url+s.Path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if s.Version != "" {
		req.Header.Set("X-OpenStack-Ironic-API-Version", s.Version)
	}
	for k, v := range s.Headers {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(resp.Header.Get("Openstack-Request-Id"), "req-") {
		t.Errorf("%s: no request id", s.Name)
	}
	a := answer{Status: resp.StatusCode, Headers: map[string]string{}}
	for _, name := range []string{"Content-Type", "Location", "X-Openstack-Ironic-Api-Version",
		"X-Openstack-Ironic-Api-Minimum-Version", "X-Openstack-Ironic-Api-Maximum-Version"} {
		if v := resp.Header.Get(name); v != "" {
			a.Headers[name] = strings.ReplaceAll(v, url, "http://ironic")
		}
	}
	if len(text) == 0 {
		return a
	}
	text = bytes.ReplaceAll(text, []byte(url), []byte("http://ironic"))
	text = timestamp.ReplaceAll(text, []byte("TIME"))
	if err := json.Unmarshal(text, &a.Body); err != nil {
		t.Fatalf("%s: %v in %s", s.Name, err, text)
	}
	if o, ok := a.Body.(map[string]any); ok {
		var inner any
		if message, ok := o["error_message"].(string); ok && json.Unmarshal([]byte(message), &inner) == nil {
			o["error_message"] = inner
		}
		if s.Keys && a.Status < 300 {
			var keys []any
			for k := range o {
				keys = append(keys, k)
			}
			slices.SortFunc(keys, func(x, y any) int { return strings.Compare(x.(string), y.(string)) })
			a.Body = keys
		}
	}
	return a
}

// setColumns is the "set" step on our own store.
func (w *workshop) setColumns(t *testing.T, s step) {
	w.set(t, s.Set, func(n *usher.Node) {
		for column, v := range s.Columns {
			word, _ := v.(string)
			switch column {
			case "provision_state":
				n.ProvisionState = usher.State(word)
			case "target_provision_state":
				n.TargetProvisionState = usher.State(word)
			case "reservation":
				n.Reservation = word
			case "power_state":
				n.PowerState = word
			case "instance_uuid":
				n.InstanceUUID = word
			case "maintenance":
				n.Maintenance = v == 1.0
			case "driver_internal_info":
				n.DriverInternalInfo = nil
				if err := json.Unmarshal([]byte(word), &n.DriverInternalInfo); err != nil {
					t.Fatal(err)
				}
			default:
				t.Fatalf("a step sets %s", column)
			}
		}
	})
}

func readJSONFile(t *testing.T, name string, v any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatal(err)
	}
}
