package management_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/management"
)

// say sends a request in the newest microversion and returns status and the
// error's words, if it was one.
func (w *workshop) say(t testing.TB, method, path, body string) (int, string, map[string]any) {
	t.Helper()
	a := ask(t, w.url, step{Method: method, Path: path, Raw: body, Version: "latest"})
	o, _ := a.Body.(map[string]any)
	message, _ := o["error_message"].(map[string]any)
	for _, key := range []string{"faultstring", "description"} {
		if s, ok := message[key].(string); ok {
			return a.Status, s, o
		}
	}
	return a.Status, "", o
}

func (w *workshop) node(t testing.TB, fields string) string {
	t.Helper()
	status, words, o := w.say(t, "POST", "/v1/nodes", `{"driver": "manual-management"`+fields+`}`)
	if status != 201 {
		t.Fatal(status, words)
	}
	return o["uuid"].(string)
}

// TestFieldsThatUsherLacks: a promise that would not be kept is refused by
// name; what is true anyway is accepted, since clients repeat what they read.
func TestFieldsThatUsherLacks(t *testing.T) {
	w := newWorkshop(t)
	id := w.node(t, "")
	cases := []struct {
		field, value string
		ok           bool
	}{
		{"power_interface", `"redfish"`, false}, {"power_interface", `"fake"`, true}, {"power_interface", `null`, true},
		{"network_interface", `"neutron"`, false}, {"network_interface", `"noop"`, true},
		{"bios_interface", `"redfish"`, false}, {"bios_interface", `"no-bios"`, true},
		{"rescue_interface", `"agent"`, true}, {"inspect_interface", `"inspector"`, false},
		{"firmware_interface", `"redfish"`, false}, {"vendor_interface", `"no-vendor"`, true},
		{"retired", `true`, false}, {"retired", `"false"`, true}, {"automated_clean", `true`, false},
		{"automated_clean", `null`, true}, {"shard", `"a"`, false}, {"network_data", `{}`, true},
		{"network_data", `{"links": []}`, false}, {"chassis_uuid", `"` + nodeUUID(1) + `"`, false},
		{"parent_node", `"` + nodeUUID(1) + `"`, false}, {"retired_reason", `"old"`, false},
	}
	for _, c := range cases {
		t.Run(c.field+"="+c.value, func(t *testing.T) {
			want := map[bool]int{true: 201, false: 400}[c.ok]
			status, words, _ := w.say(t, "POST", "/v1/nodes", fmt.Sprintf(`{"driver": "manual-management", %q: %s}`, c.field, c.value))
			if status != want || !c.ok && !strings.Contains(words, c.field) {
				t.Errorf("create: %d %q", status, words)
			}
			want = map[bool]int{true: 200, false: 400}[c.ok]
			status, words, _ = w.say(t, "PATCH", "/v1/nodes/"+id, fmt.Sprintf(`[{"op": "add", "path": "/%s", "value": %s}]`, c.field, c.value))
			if status != want || !c.ok && !strings.Contains(words, c.field) {
				t.Errorf("patch: %d %q", status, words)
			}
		})
	}
}

// TestWrongTypes gives every field a value of a type that it never has.
func TestWrongTypes(t *testing.T) {
	w := newWorkshop(t)
	id := w.node(t, "")
	for _, field := range []string{"uuid", "name", "driver", "boot_interface", "deploy_interface", "resource_class", "owner",
		"lessee", "description", "conductor_group", "properties", "driver_info", "instance_info", "extra", "maintenance",
		"instance_uuid", "power_interface", "automated_clean", "network_data"} {
		for _, value := range []string{"[1]", "17.5", `{"a": {}}`} {
			if strings.HasPrefix(value, "{") && strings.Contains("properties driver_info instance_info extra network_data", field) {
				continue
			}
			status, words, _ := w.say(t, "POST", "/v1/nodes", fmt.Sprintf(`{"driver": "manual-management", %q: %s}`, field, value))
			if status != 400 || !strings.Contains(words, field) {
				t.Errorf("create with %s: %s: %d %q", field, value, status, words)
			}
			if field == "uuid" {
				continue
			}
			status, words, _ = w.say(t, "PATCH", "/v1/nodes/"+id, fmt.Sprintf(`[{"op": "add", "path": "/%s", "value": %s}]`, field, value))
			if status != 400 || !strings.Contains(words, field) {
				t.Errorf("patch of %s: %s: %d %q", field, value, status, words)
			}
		}
	}
	for _, field := range []string{"uuid", "address", "node_uuid", "extra", "pxe_enabled", "physical_network", "is_smartnic",
		"local_link_connection", "name", "portgroup_uuid"} {
		body := fmt.Sprintf(`{"node_uuid": %q, "address": "52:54:00:00:00:01", %q: [1]}`, id, field)
		if status, words, _ := w.say(t, "POST", "/v1/ports", body); status != 400 || !strings.Contains(words, field) {
			t.Errorf("port with %s: %d %q", field, status, words)
		}
	}
}

func TestBodiesAreBounded(t *testing.T) {
	w := newWorkshop(t)
	id := w.node(t, "")
	long := strings.Repeat("x", 1<<20)
	deep := strings.Repeat(`{"a":`, 500) + "1" + strings.Repeat("}", 500)
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "/v1/nodes", `{"driver": "` + long + `"}`, 413},
		{"PATCH", "/v1/nodes/" + id, `[{"op": "add", "path": "/extra/a", "value": "` + long + `"}]`, 413},
		{"POST", "/v1/heartbeat/" + id, `{"callback_url": "` + long[:70<<10] + `"}`, 413},
		{"POST", "/v1/nodes", `{"driver": "manual-management", "extra": ` + deep + `}`, 400},
		{"POST", "/v1/nodes", `{"driver": "manual-management", "extra": {"a": 1e999}}`, 400},
		{"POST", "/v1/nodes", `{"driver": "manual-management"} {}`, 400},
		{"POST", "/v1/nodes", `{"driver": "manual-management", "owner": "a\u0000b"}`, 400},
		{"POST", "/v1/nodes", `{"driver": "manual-management", "owner": "` + long[:256] + `"}`, 400},
	} {
		if status, words, _ := w.say(t, c.method, c.path, c.body); status != c.want || words == "" {
			t.Errorf("%s %s %.60s: %d %q, want %d", c.method, c.path, c.body, status, words, c.want)
		}
	}
	// Patches that together are too large.
	for range 4 {
		status, words, _ := w.say(t, "PATCH", "/v1/nodes/"+id,
			`[{"op": "add", "path": "/extra/a", "value": []}, {"op": "add", "path": "/extra/a/-", "value": "`+long[:600<<10]+`"},
			  {"op": "add", "path": "/driver_info/x", "value": "`+long[:300<<10]+`"}]`)
		if status != 200 {
			t.Fatal(status, words)
		}
	}
	if status, words, _ := w.say(t, "PATCH", "/v1/nodes/"+id,
		`[{"op": "add", "path": "/extra/b", "value": "`+long[:600<<10]+`"}]`); status != 400 {
		t.Error(status, words)
	}
}

func TestRequestID(t *testing.T) {
	var log bytes.Buffer
	w := newWorkshop(t, func(o *management.Options) { o.Logger = slog.New(slog.NewJSONHandler(&log, nil)) })
	const id = "req-01234567-89ab-cdef-0123-456789abcdef"
	req := httptest.NewRequest("GET", "/v1/nodes/nobody", nil)
	req.Header.Set("X-Openstack-Request-Id", id)
	req.Header.Set("X-OpenStack-Ironic-API-Version", "1.82")
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, req)
	if got := rec.Header().Get("Openstack-Request-Id"); got != id {
		t.Errorf("returned %q", got)
	}
	var line map[string]any
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("%v: %s", err, log.Bytes())
	}
	if line["request_id"] != id || line["cause"] != "Node nobody could not be found." || line["status"] != 404.0 {
		t.Errorf("logged %v", line)
	}
	req.Header.Set("X-Openstack-Request-Id", "req-\"evil")
	rec = httptest.NewRecorder()
	w.ServeHTTP(rec, req)
	if got := rec.Header().Get("Openstack-Request-Id"); len(got) != len(id) {
		t.Errorf("returned %q", got)
	}
}

// TestBrowsers: a page of another site must not be able to use the noauth API
// of the machine that its reader sits at.
func TestBrowsers(t *testing.T) {
	w := newWorkshop(t)
	req := httptest.NewRequest("POST", "/v1/nodes", strings.NewReader(`{"driver": "manual-management"}`))
	req.Header.Set("Content-Type", "text/plain")
	req.Header.Set("Origin", "http://evil.example")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, req)
	if rec.Code != 403 {
		t.Error(rec.Code, rec.Body)
	}
}

func TestPublic(t *testing.T) {
	w := newWorkshop(t)
	for path, want := range map[string]bool{
		"/": true, "/v1": true, "/v1/": true, "/v1/lookup": true, "/v1/heartbeat/alpha": true, "/v1/lookup/": true,
		"/v1/nodes": false, "/lookup": false, "/v1/heartbeat": false, "/v1/heartbeat/a/b": false, "/v1/nodes/lookup": false,
		"/nodes": false, "//": true, "/v1//lookup": false, "/v1/lookup/../nodes": false, "/v1/%6eodes": false,
		"/v1/heartbeat/..%2Fnodes": true, // one segment: the name of a node that cannot be
	} {
		req := httptest.NewRequest("GET", path, nil)
		if got := w.Public(req); got != want {
			t.Errorf("Public(%s) = %v", path, got)
		}
		rec := httptest.NewRecorder()
		w.RamdiskHandler().ServeHTTP(rec, req)
		if served := rec.Code != 404 || rec.Header().Get("X-OpenStack-Ironic-API-Version") != ""; served != want {
			t.Errorf("the machines' door answers %s with %d", path, rec.Code)
		}
	}
}

// broken is an inventory that is down.
type broken struct{ management.Store }

func (broken) Node(context.Context, string) (*usher.Node, error) { return nil, down() }
func (broken) Nodes(context.Context, usher.NodeFilter) ([]*usher.Node, error) {
	return nil, down()
}
func (broken) Port(context.Context, string) (*usher.Port, error) { return nil, down() }
func (broken) Ports(context.Context, usher.PortFilter) ([]*usher.Port, error) {
	return nil, down()
}
func (broken) Conductors(context.Context) ([]usher.Conductor, error) { return nil, down() }

func down() error {
	return fmt.Errorf("find node: %w", usher.Errorf(usher.ErrUnavailable, "The inventory is down."))
}

// TestOutages: what is down is 503, never 404.
func TestOutages(t *testing.T) {
	w := newWorkshop(t, func(o *management.Options) { o.Store = broken{} })
	for _, path := range []string{"GET /v1/nodes", "GET /v1/nodes/a", "PATCH /v1/nodes/a", "DELETE /v1/nodes/a",
		"GET /v1/nodes/a/states", "GET /v1/nodes/a/ports", "GET /v1/ports", "GET /v1/ports/" + nodeUUID(1), "GET /v1/conductors",
		"GET /v1/conductors/a", "GET /v1/drivers", "GET /v1/drivers/a", "GET /v1/lookup?node_uuid=" + nodeUUID(1),
		"GET /v1/lookup?addresses=52:54:00:00:00:01", "PUT /v1/nodes/a/maintenance", "GET /v1/nodes/a/validate"} {
		method, path, _ := strings.Cut(path, " ")
		body := ""
		if method == "PATCH" {
			body = "[]"
		}
		a := ask(t, w.url, step{Method: method, Path: path, Raw: body, Version: "latest"})
		if a.Status != 503 {
			t.Errorf("%s %s: %d %v", method, path, a.Status, a.Body)
		}
	}
	// python-ironicclient cannot read the header; see findings/.
	response, err := http.Get(w.url + "/v1/nodes")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 503 || response.Header.Get("Retry-After") != "" {
		t.Errorf("%s with Retry-After %q", response.Status, response.Header.Get("Retry-After"))
	}
}

func TestConductorsErrors(t *testing.T) {
	w := newWorkshop(t)
	id := w.node(t, "")
	for _, c := range []struct {
		err  error
		want int
	}{
		{usher.Errorf(usher.ErrConflict, "Node x is locked by host y").WithClass("NodeLocked"), 409},
		{usher.Errorf(usher.ErrInvalid, "no").WithClass("InvalidStateRequested"), 400},
		{usher.Errorf(usher.ErrUnsupported, "no").WithClass("UnsupportedDriverExtension"), 400},
		{usher.Errorf(usher.ErrUnavailable, "nobody").WithClass("NoValidHost"), 503},
		{fmt.Errorf("dial: %w", context.DeadlineExceeded), 503},
		{fmt.Errorf("a secret path /etc/usher"), 500},
	} {
		w.conductor.err = c.err
		for _, path := range []string{"PUT /v1/nodes/" + id + "/states/provision", "DELETE /v1/nodes/" + id, "GET /v1/nodes/" + id + "/validate"} {
			method, path, _ := strings.Cut(path, " ")
			body := ""
			if method == "PUT" {
				body = `{"target": "manage"}`
			}
			status, words, _ := w.say(t, method, path, body)
			if status != c.want || strings.Contains(words, "/etc") {
				t.Errorf("%v: %s %s: %d %q, want %d", c.err, method, path, status, words, c.want)
			}
		}
	}
}

// TestNoConductor: nobody there is an outage; a driver that nobody has is the
// client's mistake (in the goldens).
func TestNoConductor(t *testing.T) {
	w := newWorkshop(t, func(o *management.Options) {
		o.Owner = func(context.Context, *usher.Node) (string, error) {
			return "", usher.Errorf(usher.ErrUnavailable, "nobody").WithClass("NoValidHost")
		}
	})
	id := w.node(t, "")
	if _, _, o := w.say(t, "GET", "/v1/nodes/"+id, ""); o["conductor"] != nil || o["uuid"] != id {
		t.Errorf("node: %v", o)
	}
	if err := w.store.SetOffline(t.Context(), host); err != nil {
		t.Fatal(err)
	}
	if status, words, _ := w.say(t, "POST", "/v1/nodes", `{"driver": "manual-management"}`); status != 503 {
		t.Error(status, words)
	}
	if _, _, o := w.say(t, "GET", "/v1/conductors/"+host, ""); o["alive"] != false {
		t.Errorf("conductor: %v", o)
	}
	if _, _, o := w.say(t, "GET", "/v1/drivers", ""); len(o["drivers"].([]any)) != 0 {
		t.Errorf("drivers: %v", o)
	}
}

// TestNewerMicroversions has no goldens: Debian's Ironic ends at 1.82.
func TestNewerMicroversions(t *testing.T) {
	w := newWorkshop(t)
	id := w.node(t, "")
	for _, c := range []struct {
		version, field string
		want           bool
	}{{"1.82", "parent_node", false}, {"1.83", "parent_node", true}, {"1.85", "firmware_interface", false},
		{"1.86", "firmware_interface", true}} {
		a := ask(t, w.url, step{Method: "GET", Path: "/v1/nodes/" + id, Version: c.version})
		if _, got := a.Body.(map[string]any)[c.field]; got != c.want {
			t.Errorf("%s in %s: %v", c.field, c.version, got)
		}
	}
	w.set(t, id, func(n *usher.Node) { n.ProvisionState = usher.Active })
	service := json.RawMessage(`{"target": "service", "service_steps": [{"interface": "deploy", "step": "x"}]}`)
	for version, want := range map[string]int{"1.86": 406, "1.87": 202} {
		a := ask(t, w.url, step{Method: "PUT", Path: "/v1/nodes/" + id + "/states/provision", Version: version, Body: service})
		if a.Status != want {
			t.Errorf("service in %s: %d %v", version, a.Status, a.Body)
		}
	}
	w.set(t, id, func(n *usher.Node) { n.ProvisionState = usher.Enroll })
	port := fmt.Sprintf(`{"node_uuid": %q, "address": "52:54:00:00:00:01", "name": "eth0"}`, id)
	if a := ask(t, w.url, step{Method: "POST", Path: "/v1/ports", Version: "1.87", Raw: port}); a.Status != 406 {
		t.Errorf("name of a port in 1.87: %d", a.Status)
	}
	status, words, o := w.say(t, "POST", "/v1/ports", port)
	if status != 201 || o["name"] != "eth0" {
		t.Errorf("name of a port: %d %q %v", status, words, o)
	}
	status, words, o = w.say(t, "PATCH", "/v1/ports/"+o["uuid"].(string), `[{"op": "replace", "path": "/name", "value": "eth1"}]`)
	if status != 200 || o["name"] != "eth1" {
		t.Errorf("rename: %d %q %v", status, words, o)
	}
}

func TestHead(t *testing.T) {
	w := newWorkshop(t)
	resp, err := http.Head(w.url + "/v1/nodes")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Error(resp.Status)
	}
}

// TestResetInterfaces: a new driver may come with its own defaults.
func TestResetInterfaces(t *testing.T) {
	w := newWorkshop(t)
	other := []usher.HardwareInterface{
		{HardwareType: "manual-management", Type: "boot", Name: "pxe", Default: true},
		{HardwareType: "manual-management", Type: "boot", Name: "ipxe"},
		{HardwareType: "manual-management", Type: "deploy", Name: "direct", Default: true},
		{HardwareType: "generic", Type: "boot", Name: "http", Default: true},
		{HardwareType: "generic", Type: "deploy", Name: "ramdisk", Default: true},
	}
	if _, err := w.store.RegisterConductor(t.Context(), usher.Conductor{Hostname: host, Interfaces: other}); err != nil {
		t.Fatal(err)
	}
	id := w.node(t, `, "boot_interface": "ipxe"`)
	change := `[{"op": "replace", "path": "/driver", "value": "generic"}]`
	if status, words, _ := w.say(t, "PATCH", "/v1/nodes/"+id, change); status != 400 || !strings.Contains(words, "ipxe") {
		t.Errorf("without reset: %d %q", status, words)
	}
	status, words, o := w.say(t, "PATCH", "/v1/nodes/"+id+"?reset_interfaces=True", change)
	got := []any{status, o["driver"], o["boot_interface"], o["deploy_interface"]}
	if diff := cmp.Diff([]any{200, "generic", "http", "ramdisk"}, got); diff != "" {
		t.Error(words, diff)
	}
}

// TestMaintenance: a node in maintenance is spared work, but can be given up.
func TestMaintenance(t *testing.T) {
	w := newWorkshop(t)
	id := w.node(t, `, "maintenance": true`)
	for verb, c := range map[string]struct {
		in   usher.State
		want int
	}{"active": {usher.Available, 400}, "deploy": {usher.Available, 400}, "rebuild": {usher.Active, 400},
		"rescue": {usher.Active, 400}, "clean": {usher.Manageable, 400}, "service": {usher.Active, 400},
		"deleted": {usher.Active, 202}, "manage": {usher.Enroll, 202}} {
		w.set(t, id, func(n *usher.Node) { n.ProvisionState = c.in })
		status, words, _ := w.say(t, "PUT", "/v1/nodes/"+id+"/states/provision", `{"target": "`+verb+`"}`)
		if status != c.want || c.want == 400 && !strings.Contains(words, "because it's in maintenance mode") {
			t.Errorf("%s: %d %q", verb, status, words)
		}
	}
}

// TestServiceStep: since 1.87 a node shows the step of its service, which the
// ramdisk's agent runs and Usher does not follow.
func TestServiceStep(t *testing.T) {
	w := newWorkshop(t)
	id := w.node(t, "")
	get := func(path, version string) (int, map[string]any) {
		t.Helper()
		a := ask(t, w.url, step{Method: "GET", Path: path, Version: version})
		o, _ := a.Body.(map[string]any)
		return a.Status, o
	}
	for _, path := range []string{"/v1/nodes/" + id, "/v1/nodes/" + id + "?fields=service_step,uuid"} {
		if status, o := get(path, "1.87"); status != 200 || !reflect.DeepEqual(o["service_step"], map[string]any{}) {
			t.Errorf("%s: %d %v", path, status, o["service_step"])
		}
	}
	for _, path := range []string{"/v1/nodes?fields=service_step", "/v1/nodes/detail"} {
		status, o := get(path, "1.88")
		nodes, _ := o["nodes"].([]any)
		if status != 200 || len(nodes) != 1 || !reflect.DeepEqual(nodes[0].(map[string]any)["service_step"], map[string]any{}) {
			t.Errorf("%s: %d %v", path, status, o)
		}
	}
	if _, o := get("/v1/nodes/"+id, "1.86"); o["uuid"] != id || o["service_step"] != nil {
		t.Errorf("before 1.87: %v", o)
	}
	if status, _ := get("/v1/nodes/"+id+"?fields=service_step", "1.86"); status != 406 {
		t.Errorf("asked for before 1.87: %d", status)
	}
	for _, key := range []string{"service_step", "clean_step", "traits", "network_data", "extra"} {
		status, words, _ := w.say(t, "GET", "/v1/nodes?sort_key="+key, "")
		if want := "The sort_key value " + key + " is an invalid field for sorting"; status != 400 || words != want {
			t.Errorf("sorted by %s: %d %q", key, status, words)
		}
	}
	if status, _, _ := w.say(t, "GET", "/v1/nodes?sort_key=shard", ""); status != 200 {
		t.Errorf("sorted by shard: %d", status)
	}
}
