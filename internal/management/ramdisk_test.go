package management_test

import (
	"fmt"
	"net/http"
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
	w.set(t, id, func(n *usher.Node) { n.DriverInternalInfo = map[string]any{"agent_secret_token": "t"} })
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
	if status, words, _ := w.say(t, "POST", "/v1/heartbeat/"+id, `{"callback_url": "https://10.0.0.7:9999", "agent_token": "t"}`); status != 400 {
		t.Error(status, words)
	}
}

// TestLookupShowsNoSecrets: a lookup needs no credentials, so it shows only
// what a ramdisk reads, whatever operators keep beside it.
func TestLookupShowsNoSecrets(t *testing.T) {
	w := newWorkshop(t)
	id := w.waiting(t, "52:54:00:00:00:01")
	hidden := map[string]any{"root_pw": "sesame", "api_key": "sesame", "image_source": "http://s3/i?X-Amz-Signature=sesame",
		"configdrive": "sesame", "inject_files": []any{"sesame"}}
	with := func(more map[string]any) map[string]any {
		all := map[string]any{"capabilities": "boot_mode:uefi"}
		for _, m := range []map[string]any{hidden, more} {
			for k, v := range m {
				all[k] = v
			}
		}
		return all
	}
	w.set(t, id, func(n *usher.Node) {
		n.Properties = with(map[string]any{"root_device": map[string]any{"wwn": "0x4"}, "cpu_arch": "x86_64"})
		n.InstanceInfo = with(map[string]any{"root_device": map[string]any{"serial": "s"}})
		n.DriverInternalInfo = with(map[string]any{"agent_erase_devices_iterations": 3, "deploy_boot_mode": "uefi"})
	})
	a := ask(t, w.url, step{Method: "GET", Path: "/v1/lookup?node_uuid=" + id, Version: "1.88"})
	if strings.Contains(fmt.Sprint(a.Body), "sesame") {
		t.Errorf("a lookup shows a secret: %v", a.Body)
	}
	node := a.Body.(map[string]any)["node"].(map[string]any)
	delete(node, "links")
	want := map[string]any{"uuid": id,
		"properties":           map[string]any{"capabilities": "boot_mode:uefi", "root_device": map[string]any{"wwn": "0x4"}, "cpu_arch": "x86_64"},
		"instance_info":        map[string]any{"capabilities": "boot_mode:uefi", "root_device": map[string]any{"serial": "s"}},
		"driver_internal_info": map[string]any{"agent_erase_devices_iterations": 3.0, "deploy_boot_mode": "uefi"},
	}
	if _, minted := node["driver_internal_info"].(map[string]any)["agent_secret_token"]; minted {
		want["driver_internal_info"].(map[string]any)["agent_secret_token"] = "******"
	}
	if diff := cmp.Diff(want, node); diff != "" {
		t.Error(diff)
	}
}

// TestLookupMintsForRamdisksOnly: a HEAD and a browser's request from another
// site would take the token from the ramdisk.
func TestLookupMintsForRamdisksOnly(t *testing.T) {
	w := newWorkshop(t)
	id := w.waiting(t, "52:54:00:00:00:01")
	for _, c := range []struct {
		method, header, value string
		want                  int
	}{
		{"HEAD", "", "", 405},
		{"GET", "Origin", "http://elsewhere.example", 403},
		{"GET", "Origin", "null", 403},
		{"GET", "Sec-Fetch-Site", "cross-site", 403},
		{"GET", "Sec-Fetch-Site", "same-site", 403},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, w.url+"/v1/lookup?node_uuid="+id, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-OpenStack-Ironic-API-Version", "1.88")
		if c.header != "" {
			req.Header.Set(c.header, c.value)
		}
		response, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != c.want {
			t.Errorf("%s with %s: %s: %d, want %d", c.method, c.header, c.value, response.StatusCode, c.want)
		}
	}
	n, err := w.store.Node(t.Context(), id)
	if token := n.DriverInternalInfo["agent_secret_token"]; err != nil || token != nil {
		t.Errorf("token %v, %v: something other than a ramdisk's lookup minted it", token, err)
	}
}

// TestHeartbeatRevealsNothing: without the token, a node that exists answers
// as one that does not, by UUID in any spelling and by name.
func TestHeartbeatRevealsNothing(t *testing.T) {
	w := newWorkshop(t)
	id := w.waiting(t, "52:54:00:00:00:01")
	w.set(t, id, func(n *usher.Node) {
		n.Name = "rack1"
		n.DriverInternalInfo = map[string]any{"agent_secret_token": "t", "agent_url": "https://10.0.0.7:9999"}
	})
	const missing = "99999999-9999-4999-8999-999999999999"
	for _, body := range []string{`{"callback_url": "https://10.0.0.7:9999", "agent_token": "u"}`,
		`{"callback_url": "https://10.0.0.8:9999", "agent_token": "u"}`} {
		for ident, other := range map[string]string{id: missing, strings.ToUpper(id): strings.ToUpper(missing), "rack1": "rack2"} {
			status, words, _ := w.say(t, "POST", "/v1/heartbeat/"+ident, body)
			otherStatus, otherWords, _ := w.say(t, "POST", "/v1/heartbeat/"+other, body)
			canonical, otherCanonical := strings.ToLower(ident), strings.ToLower(other)
			if status != otherStatus || strings.Replace(words, canonical, otherCanonical, 1) != otherWords {
				t.Errorf("%s: %d %q; %s: %d %q", ident, status, words, other, otherStatus, otherWords)
			}
		}
	}
}
