package ironic

import (
	"bytes"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/google/uuid"

	"github.com/usher-boot/usher/internal/hashring"
	"github.com/usher-boot/usher/internal/testenv"
)

// node is one of Ironic's.
type node struct {
	s       *site
	name    string
	uuid    string
	host    int    // on whose disk its boot file is, while all conductors are there
	home    string // name of its owner while all conductors are there
	boot    string // boot interface
	deploy  string // deploy interface
	inspect string // inspect interface, "" for none
	group   string
	driver  string
	bios    bool // its machine is no UEFI machine
	macs    []string
	goal    func(*node) // drives it to its state
	state   string      // and that is
}

// file is the name that its boot interface answers.
func (n *node) file() string {
	if n.boot == "pxe" || n.boot == "http" {
		return "grub.cfg"
	}
	return "boot.ipxe"
}

// root is where below its disk a conductor writes its boot file: for http, too,
// below tftp_root, as Ironic 29 and 39 do.
func (n *node) root() string {
	if n.file() == "grub.cfg" {
		return "state/tftp"
	}
	return "http"
}

// uuidOf finds a UUID that the ring of all conductors of a group gives to one.
func (s *site) uuidOf(group, name string) string {
	s.tb.Helper()
	var names []string
	for i, each := range s.names {
		if s.layout.groups[i] == group {
			names = append(names, each)
		}
	}
	ring := s.ring(names...)
	for {
		if id := uuid.NewString(); ring.Owners(id)[0] == name {
			return id
		}
	}
}

func (s *site) ring(names ...string) *hashring.Ring {
	s.tb.Helper()
	ring, err := hashring.New(s.layout.algorithm, s.layout.exponent, names)
	if err != nil {
		s.tb.Fatal(err)
	}
	return ring
}

// call calls Ironic's API and returns the answer's body.
func (s *site) call(method, path string, body any, want ...int) map[string]any {
	s.tb.Helper()
	answer, status, err := s.try(method, path, body)
	if err != nil {
		s.tb.Fatalf("%s %s: %v", method, path, err)
	}
	for _, w := range want {
		if status == w {
			return answer
		}
	}
	s.tb.Fatalf("%s %s: %d %v", method, path, status, answer)
	return nil
}

func (s *site) try(method, path string, body any) (answer map[string]any, status int, err error) {
	var raw []byte
	if body != nil {
		if raw, err = json.Marshal(body); err != nil {
			return nil, 0, err
		}
	}
	req, err := http.NewRequestWithContext(s.tb.Context(), method, s.apiURL+path, bytes.NewReader(raw))
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-OpenStack-Ironic-API-Version", "latest")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	if raw, err = io.ReadAll(resp.Body); err != nil || len(raw) == 0 {
		return nil, resp.StatusCode, err
	}
	return answer, resp.StatusCode, json.Unmarshal(raw, &answer)
}

// alive lists the conductors that Ironic's API calls alive.
func (s *site) alive() []string {
	answer, status, err := s.try("GET", "/v1/conductors", nil)
	if err != nil || status != http.StatusOK {
		return nil
	}
	var alive []string
	for _, c := range answer["conductors"].([]any) {
		if row := c.(map[string]any); row["alive"] == true {
			alive = append(alive, row["hostname"].(string))
		}
	}
	return alive
}

// owner is whom Ironic's API names as a node's conductor, "" for none.
func (s *site) owner(n *node) string {
	s.tb.Helper()
	name, _ := s.call("GET", "/v1/nodes/"+n.uuid+"?fields=conductor", nil, http.StatusOK)["conductor"].(string)
	return name
}

// enroll makes the nodes and drives each to its state.
func (s *site) enroll(nodes []*node) {
	s.tb.Helper()
	limit := make(chan struct{}, 6)
	var all sync.WaitGroup
	for _, n := range nodes {
		all.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			n.s = s
			n.create()
			if n.goal != nil {
				n.goal(n)
			}
		})
	}
	all.Wait()
	if s.tb.Failed() {
		s.tb.FailNow()
	}
}

func (n *node) create() {
	n.s.tb.Helper()
	image := func(name string) string { return "file://" + n.s.dir + "/" + name }
	if n.driver == "" {
		n.driver = "manual-management"
	}
	body := map[string]any{"uuid": n.uuid, "name": n.name, "driver": n.driver, "conductor_group": n.group,
		"driver_info": map[string]any{"deploy_kernel": image("kernel"), "deploy_ramdisk": image("ramdisk"),
			"rescue_kernel": image("kernel"), "rescue_ramdisk": image("ramdisk"), "password": "bmc-secret"}}
	if n.driver == "manual-management" {
		body["boot_interface"], body["deploy_interface"], body["rescue_interface"] = n.boot, n.deploy, "agent"
	}
	if n.inspect != "" {
		body["inspect_interface"] = n.inspect
	}
	if n.bios {
		body["properties"] = map[string]any{"capabilities": "boot_mode:bios"}
	}
	if n.deploy == "ramdisk" {
		// Not by PATCH: that of Debian's Ironic 29.0.5 makes a node its own
		// parent, which it then waits for.
		body["instance_info"] = map[string]any{"kernel": image("kernel"), "ramdisk": image("ramdisk")}
	}
	n.s.call("POST", "/v1/nodes", body, http.StatusCreated)
	for range 2 {
		var b [3]byte
		rand.Read(b[:])
		mac := fmt.Sprintf("52:54:00:%02x:%02x:%02x", b[0], b[1], b[2])
		n.s.call("POST", "/v1/ports", map[string]any{"node_uuid": n.uuid, "address": mac}, http.StatusCreated)
		n.macs = append(n.macs, mac)
	}
	n.state = "enroll"
}

// verb asks for a provision state and waits for the one it ends in.
func (n *node) verb(state string, body map[string]any) {
	n.s.tb.Helper()
	n.s.call("PUT", "/v1/nodes/"+n.uuid+"/states/provision", body, http.StatusAccepted)
	n.await(state)
}

// await asks the database, which costs Ironic nothing.
func (n *node) await(state string) {
	n.s.tb.Helper()
	var now string
	var lastError, reservation sql.NullString
	testenv.Until(n.s.tb, patience, n.name+" becomes "+state, func() bool {
		err := n.s.rows.QueryRowContext(n.s.tb.Context(), "SELECT provision_state, last_error, reservation FROM nodes WHERE uuid = ?", n.uuid).
			Scan(&now, &lastError, &reservation)
		if err != nil {
			n.s.tb.Fatal(err)
		}
		if lastError.String != "" && now != state {
			n.s.tb.Fatalf("%s is to become %s and is %s: %s", n.name, state, now, lastError.String)
		}
		return now == state && reservation.String == ""
	})
	n.state = state
}
