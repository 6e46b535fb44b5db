package cluster

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/inventory"
	"github.com/usher-boot/usher/internal/testenv"
)

// site is several conductors and APIs that share one database.
type site struct {
	tb         testing.TB
	conf       string // any process's configuration, for commands
	conductors []*process
	hosts      []string // [DEFAULT]host of each conductor
	bases      []string // URL of each conductor's machines' door
	apis       []*process
	doors      []string // URL of each API's machines' door
	management []string // URL of each API's REST API
	nodes      []*node
	http       *http.Client
}

// settings are what the sites of the tests differ in.
type settings struct {
	conductors, apis int
	database         string
	options          map[string]string // "[group]name" to value, for all processes
	// offset keeps apart the addresses of sites that are up at the same time.
	offset int
	// addresses, where given, are those of the conductors and APIs, and inside
	// starts them there, in a namespace.
	addresses []string
	inside    func(func() error) error
}

// confOf writes a configuration from the options of all and of one.
func confOf(sets ...map[string]string) string {
	groups := map[string]map[string]string{}
	for _, set := range sets {
		for key, value := range set {
			group, name, _ := strings.Cut(strings.TrimPrefix(key, "["), "]")
			if groups[group] == nil {
				groups[group] = map[string]string{}
			}
			groups[group][name] = value
		}
	}
	var b strings.Builder
	for group, options := range groups {
		fmt.Fprintf(&b, "[%s]\n", group)
		for name, value := range options {
			fmt.Fprintf(&b, "%s = %s\n", name, value)
		}
	}
	return b.String()
}

// newSite brings a schema and the processes up.
func newSite(tb testing.TB, s settings) *site {
	tb.Helper()
	st := &site{tb: tb, http: &http.Client{Timeout: patience}}
	tb.Cleanup(st.http.CloseIdleConnections)
	files := tb.TempDir()
	for _, name := range []string{"kernel", "ramdisk"} {
		if err := os.WriteFile(filepath.Join(files, name), []byte(name+" of the test"), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	at := func(n int) (address string, port func() string) {
		if s.addresses != nil { // in a namespace of its own all ports are free
			next := 7000
			return s.addresses[n], func() string { next++; return strconv.Itoa(next) }
		}
		address = testenv.Loopback(s.offset + 1 + n)
		return address, func() string { return testenv.FreePort(tb, address) }
	}
	_, rpcPort := at(0)
	rpc := rpcPort()
	common := map[string]string{
		"[database]connection":              s.database,
		"[json_rpc]port":                    rpc,
		"[conductor]heartbeat_interval":     "1",
		"[conductor]deploy_kernel":          "file://" + files + "/kernel",
		"[conductor]deploy_ramdisk":         "file://" + files + "/ramdisk",
		"[conductor]file_url_allowed_paths": files,
		"[usher]insecure_management":        "true",
		"[usher]insecure_rpc":               "true",
	}
	taken := 0
	own := func() (o map[string]string, port func() string) {
		address, port := at(taken)
		taken++
		port() // the namespace's first is RPC's
		return map[string]string{
			"[DEFAULT]my_ip": address, "[DEFAULT]host": address, "[DEFAULT]state_path": tb.TempDir(),
			"[json_rpc]host_ip": address, "[usher]boot_listen": address + ":" + port(),
			"[usher]admin_listen": address + ":" + port(),
			"[api]host_ip":        address, "[api]port": port(),
		}, port
	}
	for i := range s.conductors {
		o, port := own()
		if i == s.conductors-1 { // newer Ironic's form of a name, with a port that is not the others'
			o["[json_rpc]port"] = port()
			o["[DEFAULT]host"] += ":" + o["[json_rpc]port"]
		}
		st.hosts = append(st.hosts, o["[DEFAULT]host"])
		st.bases = append(st.bases, "http://"+o["[usher]boot_listen"])
		st.conductors = append(st.conductors, newProcess(tb, fmt.Sprintf("conductor %d", i+1), "conductor",
			confOf(common, s.options, o)))
	}
	for i := range s.apis {
		o, _ := own()
		st.doors = append(st.doors, "http://"+o["[usher]boot_listen"])
		st.management = append(st.management, "http://"+o["[api]host_ip"]+":"+o["[api]port"])
		st.apis = append(st.apis, newProcess(tb, fmt.Sprintf("API %d", i+1), "api", confOf(common, s.options, o)))
	}
	for _, p := range append(slices.Clone(st.conductors), st.apis...) {
		p.inside = s.inside
	}
	st.conf = st.apis[0].conf
	if out, errs, code := usherRun(tb, st.conf, "db", "upgrade"); code != 0 {
		tb.Fatalf("usher db upgrade: %d\n%s%s", code, out, errs)
	}
	return st
}

// up starts all processes.
func (st *site) up() {
	st.tb.Helper()
	for _, p := range st.conductors {
		p.start()
	}
	for _, p := range st.apis {
		p.start()
	}
}

// enrol makes n nodes that are available, straight in the inventory: what
// the REST API does is tested elsewhere, and this is faster.
func (st *site) enrol(database string, n int) {
	st.tb.Helper()
	store, err := inventory.OpenStore(st.tb.Context(), inventory.Options{URL: database, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		st.tb.Fatal(err)
	}
	defer store.Close()
	for i := range n {
		nd := &node{uuid: uuid.NewString(), name: fmt.Sprintf("node-%03d", i), mac: fmt.Sprintf("52:54:00:00:%02x:%02x", i>>8, i&0xff)}
		created := &usher.Node{UUID: nd.uuid, Name: nd.name, Driver: "manual-management", ProvisionState: usher.Available,
			BootInterface: "ipxe", DeployInterface: "custom-agent",
			DriverInfo: map[string]any{"kernel_append_params": nd.params(0)}}
		if err := store.CreateNode(st.tb.Context(), created); err != nil {
			st.tb.Fatal(err)
		}
		mac, err := usher.ParseMAC(nd.mac)
		if err != nil {
			st.tb.Fatal(err)
		}
		port := &usher.Port{UUID: uuid.NewString(), NodeID: created.ID, NodeUUID: nd.uuid, Address: mac, PXEEnabled: true}
		if err := store.CreatePort(st.tb.Context(), port); err != nil {
			st.tb.Fatal(err)
		}
		st.nodes = append(st.nodes, nd)
	}
}

// rest calls the REST API.
func (st *site) rest(base, method, path string, body any) (status int, answer []byte, err error) {
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(st.tb.Context(), method, base+path, r)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("X-OpenStack-Ironic-API-Version", "1.82")
	req.Header.Set("Content-Type", "application/json")
	res, err := st.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}

// state reads a node's provision state; empty where the API could not tell.
func (st *site) state(base, uuid string) usher.State {
	status, body, err := st.rest(base, http.MethodGet, "/v1/nodes/"+uuid+"?fields=provision_state", nil)
	if err != nil || status != http.StatusOK {
		return ""
	}
	var n struct {
		State usher.State `json:"provision_state"`
	}
	if json.Unmarshal(body, &n) != nil {
		return ""
	}
	return n.State
}

// verb asks for a provision state; it reports what the API answered.
func (st *site) verb(base, uuid, target string) (status int, answer string) {
	status, body, err := st.rest(base, http.MethodPut, "/v1/nodes/"+uuid+"/states/provision", map[string]string{"target": target})
	if err != nil {
		return 0, err.Error()
	}
	return status, string(body)
}

// deploy brings a node to where it waits for its ramdisk, with the
// parameters of a generation, whatever happens to the site meanwhile.
func (st *site) deploy(base string, n *node, generation int) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	patched, last := false, ""
	for deadline := time.Now().Add(patience); ; <-tick.C {
		if time.Now().After(deadline) {
			return fmt.Errorf("node %s could not be deployed; state %q, last answer: %s", n.name, st.state(base, n.uuid), last)
		}
		switch s := st.state(base, n.uuid); {
		case s == usher.DeployWait && patched:
			n.settle(generation)
			return nil
		case s == usher.DeployWait && !patched, s == usher.DeployFailed && !patched, s == usher.ErrorState:
			_, last = st.verb(base, n.uuid, "deleted")
		case s == usher.Available && !patched:
			status, body, err := st.rest(base, http.MethodPatch, "/v1/nodes/"+n.uuid, []map[string]any{
				{"op": "replace", "path": "/driver_info/kernel_append_params", "value": n.params(generation)}})
			patched = err == nil && status == http.StatusOK
			last = fmt.Sprint(status, string(body), err)
			if patched {
				_, last = st.verb(base, n.uuid, "active")
			}
		case s == usher.Available, s == usher.DeployFailed:
			_, last = st.verb(base, n.uuid, "active")
		}
	}
}
