// Package explanation answers an operator's question: what would this machine
// get now, and why? It takes dispatch's own decision, over parts that note what
// they saw and how long it took, and adds what an operator needs to go on: the
// port, the verbs that lead on, the conductors that are missing, the nearest
// known addresses, and the fix for each cause.
//
// It is not a second implementation of the rules: outcome and cause are those
// of the Decision. It changes nothing, and counts as no machine's request.
package explanation

import (
	"cmp"
	"context"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/dispatch"
)

// Conductors asks the conductor at host what it would answer, and why.
type Conductors interface {
	Evidence(ctx context.Context, host string, node usher.BootNode, file string) (bootiface.Evidence, error)
	// Address is where the conductor at host is asked.
	Address(host string) (string, error)
}

// Inventory tells more of a node that was found.
type Inventory interface {
	PortsOf(ctx context.Context, nodeUUID string, limit int) ([]usher.KnownAddress, error)
	NodeCondition(ctx context.Context, nodeUUID string) (usher.NodeCondition, error)
	Conductors(ctx context.Context) ([]usher.Conductor, error)
}

// Addresses looks for those near one that is unknown.
type Addresses interface {
	PortsAt(ctx context.Context, addresses []usher.MAC) ([]usher.KnownAddress, error)
	PortsBeside(ctx context.Context, mac usher.MAC, limit int) ([]usher.KnownAddress, error)
	PortgroupsAt(ctx context.Context, addresses []usher.MAC) ([]usher.KnownAddress, error)
}

// Journal is what the process on this host remembers of machines' requests.
type Journal interface {
	// Requests are the last ones of a MAC address, the oldest first.
	Requests(ctx context.Context, mac usher.MAC, limit int) ([]Request, error)
	// Stranger is the record of a MAC address of no node; nil: none.
	Stranger(ctx context.Context, mac usher.MAC) (*Stranger, error)
}

// Options are what an explanation is made from.
type Options struct {
	// Dispatch are the settings of the real path; its Nodes and Rings are
	// asked through it, its Conductors are not.
	Dispatch   dispatch.Options
	Conductors Conductors
	Inventory  Inventory // nil where the database cannot be opened
	Addresses  Addresses // likewise
	Journal    Journal
	// Disk tells what lies on this host for a node of the conductor at host;
	// false where that is another host.
	Disk func(host string, node usher.BootNode, file string) (bootiface.Evidence, bool)
	// Opening is how long it took to find that the database cannot be opened.
	Opening time.Duration
	// HeartbeatTimeout is when a silent conductor counts as gone; 0: never.
	HeartbeatTimeout time.Duration
	Site             Site
}

// Site is what the advice must fit.
type Site struct {
	Ironic  bool   // the inventory is Ironic's
	Empty   bool   // the database has no tables
	Barred  error  // why who asks may not use the database; nil: that is not it
	Alone   bool   // one process on SQLite: no RPC, no other hosts
	Program string // how the user called this program
	// Door is where the machines' door of this host listens, and DoorErr why it
	// cannot be reached there.
	Door    string
	DoorErr error
	Admin   string // the URL of this host's admin door
	RPC     string // option and value by which conductors are reached
	Limits  Limits
}

// Question is what to explain.
type Question struct {
	MAC  string
	File string // empty: the one of the node's boot interface
}

// Explain explains. It never fails: what went wrong is in the Report.
func Explain(ctx context.Context, o Options, q Question) *Report {
	start := time.Now()
	e := &explainer{Options: o, r: &Report{Asked: q.MAC, Inventory: "usher", CheckedAt: start.UTC(), Limits: o.Site.Limits}}
	if o.Site.Ironic {
		e.r.Inventory = "ironic"
	}
	e.explain(ctx, q)
	e.r.Took = seconds(time.Since(start))
	return e.r
}

// explainer is one explanation in the making.
type explainer struct {
	Options
	seen seen // what the parts saw
	dec  *dispatch.Decision
	r    *Report

	condition  usher.NodeCondition
	conductors []usher.Conductor
	unmanaged  bool // an inspection that Ironic may have written no boot file for
	near       []near
	last       []Request // nil where the journal cannot be asked
	journalErr error
}

func (e *explainer) explain(ctx context.Context, q Question) {
	e.seen.o = e.Options
	file := q.File
	mac, macErr := usher.ParseMAC(q.MAC)
	if macErr == nil && (file == "" || bootiface.KnownFile(file)) {
		e.seen.look(ctx, mac) // once: the decision gets the same row
	}
	if file == "" {
		file = fileOf(e.seen.node)
	}
	e.r.File = file
	settings := e.Dispatch
	settings.Nodes, settings.Rings, settings.Conductors = &e.seen, rings{&e.seen}, conductors{&e.seen}
	e.dec = dispatch.New(settings).Decide(ctx, dispatch.Request{RequestID: usher.RequestID(""), MAC: q.MAC, File: file})
	e.r.Outcome, e.r.Cause = e.dec.Outcome, e.dec.Cause
	if l := e.Site.Limits; l.From != "" && !l.Allowed { // the door's gate comes before all else
		e.r.Outcome, e.r.Cause = dispatch.No, dispatch.CauseNotAllowed
	} else if e.dec.Err != nil {
		e.r.Error = e.dec.Err.Error()
	}
	e.r.Status = status(e.r.Outcome)

	e.limits()
	e.mac(macErr)
	if macErr == nil {
		e.node(ctx, mac)
		e.file()
	}
	if e.dec.Node.UUID != "" {
		e.port(ctx, mac)
		e.state(ctx)
		e.path(ctx)
	}
	if macErr == nil {
		e.journal(ctx, mac)
	}
	e.door()
	row := rows[e.r.Cause]
	if row.says == nil { // a cause that this program does not know
		row = advice{says: func(*explainer) string { return cmp.Or(e.r.Error, string(e.r.Cause)) }}
	}
	e.r.Explanation = row.says(e)
	if row.fix != nil {
		e.r.Fix = row.fix(e)
	}
}

// fileOf is the boot file that a node's firmware asks for.
func fileOf(n usher.BootNode) string {
	if i, ok := bootiface.Lookup(n.BootInterface); ok {
		return i.Files()[0]
	}
	return "boot.ipxe"
}

// status is what the machine is told.
func status(o dispatch.Outcome) int {
	switch o {
	case dispatch.Served:
		return 200
	case dispatch.No:
		return 404
	case dispatch.Refused:
		return 429
	default:
		return 503
	}
}
