// Package dispatch decides what a machine gets: it finds the node by MAC,
// checks its provision state, finds its conductor through the hash ring and
// asks it for the boot file. It speaks no HTTP and no SQL; it follows
// Ironic's specification "boot-config-api".
package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
)

// Nodes finds nodes by the address of any of their ports.
type Nodes interface {
	BootNodeByMAC(ctx context.Context, mac usher.MAC) (usher.BootNode, error)
}

// Rings tells the conductors of a node in the order of its hash ring, the
// owner first.
type Rings interface {
	Owners(ctx context.Context, group, driver, key string) ([]string, error)
}

// Conductors asks the conductor at host for a node's boot file. node is the
// node's row as this request has read it, so that nobody has to read it again.
type Conductors interface {
	GetBootConfig(ctx context.Context, host string, node usher.BootNode, file string) (string, error)
}

// Options are the parts and settings of a Dispatcher. All parts are required.
type Options struct {
	Nodes      Nodes
	Rings      Rings
	Conductors Conductors
	// Restrict is [api]restrict_boot_config: answer only in "* WAIT" states.
	Restrict bool
	// AllPorts is [neutron]add_all_ports: answer ports with pxe_enabled = false
	// as well.
	AllPorts bool
	// RPCTimeout bounds one call to one conductor, but not to the one in this
	// process, which keeps to its own time.
	RPCTimeout time.Duration
	// IsLocal, where set, says whether the conductor at host is in this process.
	IsLocal func(host string) bool
	// Failover asks the next conductors on the ring where the owner cannot be
	// reached. True where any conductor can prepare any node's files.
	Failover bool
	// Elsewhere, where set, says who else may hold the files of a node whose
	// owner has none, as happens beside Ironic.
	Elsewhere *Elsewhere
}

// Dispatcher makes Decisions. It is safe for concurrent use and keeps no
// state about nodes.
type Dispatcher struct {
	o        Options
	failures failures
}

// New returns a Dispatcher.
func New(o Options) *Dispatcher {
	return &Dispatcher{o: o}
}

// maxTries bounds how many conductors one request may ask.
const maxTries = 3

// Request is what a machine asked, with its path elements decoded.
type Request struct {
	RequestID string
	Remote    string
	MAC       string
	File      string
}

// Decide answers one boot request. It never fails: what went wrong is in the
// Decision.
func (d *Dispatcher) Decide(ctx context.Context, r Request) *Decision {
	dec := newDecision(r)
	d.decide(ctx, r, dec)
	dec.Steps.Total = time.Since(dec.Time)
	return dec
}

// Overloaded is the decision on a request that nobody has time for, since most
// others are being decided: MAC and file are not looked at.
func Overloaded(r Request, most int) *Decision {
	dec := newDecision(r)
	dec.MAC, _ = usher.ParseMAC(r.MAC) // the zero MAC where it is none
	dec.end(NotNow, CauseOverloaded, usher.Errorf(usher.ErrUnavailable,
		"%d requests are being decided, which is [usher]max_requests", most))
	return dec
}

func newDecision(r Request) *Decision {
	return &Decision{RequestID: r.RequestID, Time: time.Now(), Remote: r.Remote,
		AskedMAC: cut(r.MAC), File: cut(r.File)}
}

func (d *Dispatcher) decide(ctx context.Context, r Request, dec *Decision) {
	var err error
	if dec.MAC, err = usher.ParseMAC(r.MAC); err != nil {
		dec.end(No, CauseBadMAC, err)
		return
	}
	if !bootiface.KnownFile(r.File) {
		dec.end(No, CauseUnknownFile, usher.Errorf(usher.ErrNotFound, "no boot interface answers %.64q", r.File))
		return
	}

	start := time.Now()
	dec.Node, err = d.o.Nodes.BootNodeByMAC(ctx, dec.MAC)
	dec.Steps.Database = time.Since(start)
	switch {
	case errors.Is(err, usher.ErrNotFound):
		dec.end(No, CauseUnknownMAC, err)
		return
	case err != nil:
		dec.end(NotNow, orGone(ctx, CauseDatabase), err)
		return
	}

	if !dec.Node.PortMayBoot(d.o.AllPorts) {
		dec.end(No, CausePXEDisabled, usher.Errorf(usher.ErrNotFound,
			"the port with this address of node %s has pxe_enabled = false", dec.Node.UUID))
		return
	}
	if !usher.MayBoot(dec.Node.ProvisionState, d.o.Restrict) {
		dec.end(No, CauseWrongState, usher.Errorf(usher.ErrNotFound,
			"node %s is %q, and [api]restrict_boot_config allows only the states that wait for a ramdisk",
			dec.Node.UUID, dec.Node.ProvisionState))
		return
	}

	start = time.Now()
	hosts, err := d.o.Rings.Owners(ctx, dec.Node.ConductorGroup, dec.Node.Driver, dec.Node.UUID)
	dec.Steps.Ring = time.Since(start)
	if err != nil {
		cause := CauseDatabase
		if e, ok := errors.AsType[*usher.Error](err); ok && e.Class == "NoValidHost" {
			cause = CauseNoConductor
		}
		dec.end(NotNow, orGone(ctx, cause), err)
		return
	}
	dec.Owner = hosts[0]

	start = time.Now()
	d.ask(ctx, hosts, dec)
	dec.Steps.RPC = time.Since(start)
}

// ask asks the conductors in turn. A conductor that could not be asked, is
// stopping, or cannot do its work just now hands over to the next: any other
// answer is final.
func (d *Dispatcher) ask(ctx context.Context, hosts []string, dec *Decision) {
	if !d.o.Failover {
		hosts = hosts[:1]
	}
	asked := 0
	for _, host := range hosts {
		if asked == maxTries {
			return
		}
		if !d.failures.mayAsk(host) {
			continue
		}
		asked++
		if final := d.askOne(ctx, host, dec); final {
			break
		}
	}
	if dec.Cause == CauseNoFile && d.o.Elsewhere != nil {
		d.askElsewhere(ctx, dec)
	}
	if asked == 0 {
		dec.end(NotNow, CauseUnreachable, usher.Errorf(usher.ErrUnavailable,
			"conductor %s could not be reached a moment ago and is left alone for a while", dec.Owner))
	}
}

// askOne asks one conductor and says whether its answer is final.
func (d *Dispatcher) askOne(ctx context.Context, host string, dec *Decision) (final bool) {
	start := time.Now()
	callCtx, cancel := ctx, func() {}
	if d.o.IsLocal == nil || !d.o.IsLocal(host) {
		callCtx, cancel = context.WithTimeout(ctx, d.o.RPCTimeout)
	}
	config, err := d.o.Conductors.GetBootConfig(callCtx, host, dec.Node, dec.File)
	timedOut := errors.Is(callCtx.Err(), context.DeadlineExceeded)
	cancel()

	dec.AnsweredBy = host
	answer, answered := errors.AsType[*usher.Error](err)
	answered = answered && answer.Class != ""
	if err == nil || answered {
		d.failures.clear(host)
	}
	switch {
	case err == nil:
		dec.Config = config
		dec.end(Served, CauseServed, nil)
		return true
	case ctx.Err() != nil: // the machine gave up, the conductor is not to blame
		dec.end(NotNow, CauseGone, err)
		return true
	case errors.Is(err, usher.ErrUnsupported):
		dec.end(No, CauseUnsupported, err)
		return true
	case errors.Is(err, usher.ErrNotFound):
		dec.end(No, CauseNoFile, err)
		return true
	case answered && answer.Class == ClassStopping:
		dec.end(NotNow, CauseStopping, err)
		return false
	case answered && answer.Class == ClassNotReady:
		dec.end(NotNow, CauseNotReady, err)
		return true
	case answered && answer.Class == ClassBadFile:
		dec.end(NotNow, CauseBadFile, err)
		return true
	case timedOut:
		d.failures.note(host, time.Since(start))
		dec.end(NotNow, CauseTimeout, err)
		return false
	case answered && errors.Is(err, usher.ErrUnavailable):
		// It has lost its database, its disk or the images' server; another
		// one may have what it takes.
		dec.end(NotNow, CauseNotReady, err)
		return false
	case errors.Is(err, usher.ErrUnavailable):
		d.failures.note(host, time.Since(start))
		dec.end(NotNow, CauseUnreachable, err)
		return false
	default: // asked and answered: another one would say the same
		dec.end(NotNow, CauseConductor, err)
		return true
	}
}

// Ironic's exception classes by which a conductor says "not now" itself, in
// contrast to one that could not be reached: it will be gone soon, it is at
// work on the answer, or a person must mend the file first. Any other class of
// usher.ErrUnavailable says that it cannot do the work itself.
const (
	ClassStopping = "ServiceUnavailable"
	ClassNotReady = "TemporaryFailure"
	ClassBadFile  = "IncorrectConfiguration"
)

func (dec *Decision) end(o Outcome, c Cause, err error) {
	dec.Outcome, dec.Cause, dec.Err = o, c, err
}

// orGone is cause, unless the machine hung up and thereby broke the step.
func orGone(ctx context.Context, cause Cause) Cause {
	if errors.Is(ctx.Err(), context.Canceled) {
		return CauseGone
	}
	return cause
}

// cut bounds what of a request reaches logs.
func cut(s string) string { return s[:min(len(s), 64)] }
