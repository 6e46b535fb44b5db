package explanation

import (
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/dispatch"
)

// Report is one explanation. Its JSON is stable: fields are added, and none is
// renamed or given another meaning. Times are UTC, durations seconds.
type Report struct {
	Asked     string           `json:"asked"` // as the operator wrote it
	MAC       string           `json:"mac,omitempty"`
	File      string           `json:"file"`
	Inventory string           `json:"inventory"` // "usher" or "ironic"
	CheckedAt time.Time        `json:"checked_at"`
	Took      float64          `json:"took_seconds"`
	Outcome   dispatch.Outcome `json:"outcome"`
	Cause     dispatch.Cause   `json:"cause"`
	Status    int              `json:"status"` // what the machine is told, an HTTP status
	// Explanation and Fix are sentences for people, Error is the one behind
	// the cause as the log has it.
	Explanation string `json:"explanation"`
	Fix         string `json:"fix,omitempty"`
	Error       string `json:"error,omitempty"`

	Node  *Node  `json:"node,omitempty"`
	Ports []Port `json:"ports,omitempty"` // of the node, the one that was asked for first
	// Ring is the node's conductors in the order of its hash ring, the owner
	// first; AnsweredBy is the last one that was asked.
	Ring       []string `json:"ring,omitempty"`
	AnsweredBy string   `json:"answered_by,omitempty"`
	Calls      []Call   `json:"calls,omitempty"`
	// Disk is what lies on this host where nobody answers that could be asked.
	Disk    *bootiface.Evidence `json:"disk,omitempty"`
	Nearest []NearAddress       `json:"nearest,omitempty"`
	// Requests are the machine's last ones that the process on this host
	// remembers, Stranger is its record of a MAC address of no node.
	Requests []Request `json:"requests,omitempty"`
	Stranger *Stranger `json:"stranger,omitempty"`
	Limits   Limits    `json:"limits"`

	Steps []Step `json:"steps"`
}

// Mark is how a step ended.
type Mark string

// The marks. A note is neither good nor bad.
const (
	OK      Mark = "ok"
	Failed  Mark = "failed"
	Warning Mark = "warning"
	Note    Mark = "note"
)

// Step is one line for people: what was looked at, and what was found.
type Step struct {
	Name string   `json:"step"`
	Mark Mark     `json:"result"`
	Text string   `json:"text"`
	More []string `json:"more,omitempty"` // further lines
	Took *float64 `json:"took_seconds,omitempty"`
}

// Node is the node that was found.
type Node struct {
	UUID               string    `json:"uuid"`
	Name               string    `json:"name,omitempty"`
	State              string    `json:"provision_state"`
	Since              time.Time `json:"provision_updated_at,omitzero"`
	MayBoot            bool      `json:"may_boot"`
	BootInterface      string    `json:"boot_interface"`
	DeployInterface    string    `json:"deploy_interface,omitempty"`
	Driver             string    `json:"driver"`
	ConductorGroup     string    `json:"conductor_group"`
	ConductorAffinity  string    `json:"conductor_affinity,omitempty"` // a host name
	Maintenance        bool      `json:"maintenance"`
	Reservation        string    `json:"reservation,omitempty"`
	LastError          string    `json:"last_error,omitempty"`
	VerbsToDeployment  []string  `json:"verbs_to_deployment,omitempty"`
	VerbsThatBoot      []string  `json:"verbs_that_boot,omitempty"` // single ones, from this state
	ActiveConductors   []string  `json:"active_conductors"`
	InactiveConductors []string  `json:"inactive_conductors"`
}

// Port is a port of the node.
type Port struct {
	UUID       string `json:"uuid"`
	Address    string `json:"address"`
	PXEEnabled bool   `json:"pxe_enabled"`
}

// Call is one conductor's answer.
type Call struct {
	Host     string              `json:"host"`
	Address  string              `json:"address,omitempty"`
	Took     float64             `json:"took_seconds"`
	Error    string              `json:"error,omitempty"`
	Evidence *bootiface.Evidence `json:"evidence,omitempty"` // nil where it did not answer

	err error
}

// NearAddress is a known address that looks like an unknown one.
type NearAddress struct {
	Address   string `json:"address"`
	Portgroup string `json:"portgroup,omitempty"` // "-": a port group without a name
	Node      string `json:"node"`
	Name      string `json:"name,omitempty"`
	State     string `json:"provision_state"`
	// Relation is "same" (a port group's), "one_digit", "swapped", "beside" or
	// "vendor"; Distance is how far it comes after the unknown one, 0 where
	// they are of different vendors.
	Relation string `json:"relation"`
	Distance int64  `json:"distance,omitempty"`
}

// Request is a request of the machine as the journal has it.
type Request struct {
	Time       time.Time        `json:"time"`
	Remote     string           `json:"remote"`
	File       string           `json:"file"`
	Outcome    dispatch.Outcome `json:"outcome"`
	Cause      dispatch.Cause   `json:"cause"`
	AnsweredBy string           `json:"answered_by,omitempty"`
	Error      string           `json:"error,omitempty"`
	RequestID  string           `json:"request_id,omitempty"`
}

// Stranger is a MAC address of no node that has asked.
type Stranger struct {
	First  time.Time `json:"first"`
	Last   time.Time `json:"last"`
	Count  uint64    `json:"count"`
	Remote string    `json:"remote"`
}

// Limits are what the machines' door of this configuration holds sources to; 0
// is no limit.
type Limits struct {
	Rate        int      `json:"requests_per_second"`
	Burst       int      `json:"burst,omitempty"`
	Connections int      `json:"connections_per_source"`
	Networks    []string `json:"allowed_networks,omitempty"`
	// From is the address that was asked about, Allowed whether it is let in.
	From    string `json:"from,omitempty"`
	Allowed bool   `json:"allowed"`
}

// step adds a line. took is 0 where nothing was waited for.
func (e *explainer) step(name string, m Mark, took time.Duration, text string, more ...string) {
	s := Step{Name: name, Mark: m, Text: text, More: more}
	if took > 0 {
		t := seconds(took)
		s.Took = &t
	}
	e.r.Steps = append(e.r.Steps, s)
}

func seconds(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Second)
}

// called is the node as people call it, and as commands take it.
func called(uuid, name string) string {
	if name != "" {
		return name
	}
	return uuid
}

func nameOf(n usher.BootNode) string { return called(n.UUID, n.Name) }
