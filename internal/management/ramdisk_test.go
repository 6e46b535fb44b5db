package management_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/management"
)

// waiting makes a node with a port that waits for its ramdisk.
func (w *workshop) waiting(t *testing.T, mac string) string {
	t.Helper()
	id := w.node(t, `, "instance_info": {"image_source": "http://i", "admin_password": "sesame"}`)
	status, words, _ := w.say(t, "POST", "/v1/ports", fmt.Sprintf(`{"node_uuid": %q, "address": %q}`, id, mac))
	if status != 201 {
		t.Fatal(status, words)
	}
	w.set(t, id, func(n *usher.Node) { n.ProvisionState = usher.DeployWait })
	return id
}

// TestTokenIsMintedOnce: of many ramdisks that look up the same node at once,
// one gets the token, and nobody sees it afterwards.
func TestTokenIsMintedOnce(t *testing.T) {
	w := newWorkshop(t)
	id := w.waiting(t, "52:54:00:00:00:01")
	var (
		mu     sync.Mutex
		tokens []string
		group  sync.WaitGroup
	)
	for range 8 {
		group.Go(func() {
			a := ask(t, w.url, step{Name: "lookup", Method: "GET", Path: "/v1/lookup?addresses=52:54:00:00:00:01", Version: "1.62"})
			if a.Status != 200 {
				t.Errorf("%d %v", a.Status, a.Body)
				return
			}
			token := a.Body.(map[string]any)["config"].(map[string]any)["agent_token"].(string)
			mu.Lock()
			defer mu.Unlock()
			if token != "******" {
				tokens = append(tokens, token)
			}
		})
	}
	group.Wait()
	if len(tokens) != 1 {
		t.Fatalf("%d tokens were given away", len(tokens))
	}
	n, err := w.store.Node(t.Context(), id)
	if err != nil || n.DriverInternalInfo["agent_secret_token"] != tokens[0] {
		t.Errorf("stored %v, %v", n.DriverInternalInfo, err)
	}
	for _, version := range []string{"1.22", "1.61", "1.62", "1.88"} {
		for _, path := range []string{"/v1/lookup?node_uuid=" + id, "/v1/nodes/" + id, "/v1/nodes/detail"} {
			a := ask(t, w.url, step{Method: "GET", Path: path, Version: version})
			if text := fmt.Sprint(a.Body); strings.Contains(text, tokens[0]) || strings.Contains(text, "sesame") {
				t.Errorf("GET %s in %s shows a secret: %s", path, version, text)
			}
		}
	}
}

// TestLookupOfALockedNode: the conductor is at work, so try again.
func TestLookupOfALockedNode(t *testing.T) {
	w := newWorkshop(t)
	id := w.waiting(t, "52:54:00:00:00:01")
	w.set(t, id, func(n *usher.Node) { n.Reservation = "host-b" })
	if status, words, _ := w.say(t, "GET", "/v1/lookup?node_uuid="+id, ""); status != 409 || !strings.Contains(words, "host-b") {
		t.Error(status, words)
	}
}

func TestLookupStates(t *testing.T) {
	for _, restrict := range []bool{true, false} {
		w := newWorkshop(t, func(o *management.Options) { o.RestrictLookup = restrict })
		id := w.waiting(t, "52:54:00:00:00:01")
		w.waiting(t, "52:54:00:00:00:02")
		for s, want := range map[usher.State]int{usher.DeployWait: 200, usher.CleanWait: 200, usher.InspectWait: 200,
			usher.RescueWait: 200, usher.ServiceWait: 200, usher.Deploying: 200, usher.Enroll: 404, usher.Available: 404,
			usher.Active: 404, usher.DeployFailed: 404} {
			w.set(t, id, func(n *usher.Node) { n.ProvisionState = s })
			if !restrict {
				want = 200
			}
			for _, query := range []string{"node_uuid=" + id, "addresses=52:54:00:00:00:01"} {
				if status, words, _ := w.say(t, "GET", "/v1/lookup?"+query, ""); status != want {
					t.Errorf("restrict %v, %s, %s: %d %q", restrict, s, query, status, words)
				}
			}
		}
		// Ports of two nodes: nobody can say which it is.
		status, words, _ := w.say(t, "GET", "/v1/lookup?addresses=52:54:00:00:00:01,52:54:00:00:00:02", "")
		if status != 404 || words != "Resource could not be found." {
			t.Error(status, words)
		}
	}
}

func TestHeartbeat(t *testing.T) {
	w := newWorkshop(t)
	id := w.waiting(t, "52:54:00:00:00:01")
	status, words, _ := w.say(t, "POST", "/v1/heartbeat/"+id, `{"callback_url": "https://10.0.0.7:9999", "agent_version": "9.1.0",
		"agent_token": "t", "agent_verify_ca": "PEM", "agent_status": "end", "agent_status_message": "done"}`)
	if status != 202 {
		t.Fatal(status, words)
	}
	want := []usher.Heartbeat{{CallbackURL: "https://10.0.0.7:9999", AgentVersion: "9.1.0", AgentToken: "t",
		AgentVerifyCA: "PEM", AgentStatus: "end", AgentStatusMessage: "done"}}
	if diff := cmp.Diff(want, w.conductor.beats); diff != "" {
		t.Error(diff)
	}
	w.conductor.err = usher.Errorf(usher.ErrInvalid, "Invalid or missing agent token received.").WithClass("InvalidParameterValue")
	if status, words, _ := w.say(t, "POST", "/v1/heartbeat/"+id, `{"callback_url": "https://10.0.0.7:9999", "agent_token": "u"}`); status != 400 {
		t.Error(status, words)
	}
}
