// Package conductor does for our own inventory what Ironic's conductor does
// for network booting: it holds tasks with shared and exclusive locks, moves
// nodes through their provision states, prepares their boot files and answers
// get_boot_config. It drives no BMC: what power and boot order need is the
// operator's to do. It follows ironic/conductor/{manager,task_manager}.py.
//
// What a node boots is a function of the node's row (bootOf). A boot file is
// rendered from it and kept in memory; nothing of a node is on the disk but the
// kernels and ramdisks, which nodes share. Verbs, take-over, restart and a
// request for a node not yet prepared all end in the same place, prepare.
package conductor

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
)

// Nodes reads the inventory.
type Nodes interface {
	BootNodes
	Node(ctx context.Context, ident string) (*usher.Node, error)
	Nodes(ctx context.Context, f usher.NodeFilter) ([]*usher.Node, error)
}

// Locks are the exclusive locks: the reservation column. A lock is taken, and
// mostly given back, by the same write that changes the node (Writer).
type Locks interface {
	StealReservation(ctx context.Context, uuid, from, to string) error
	ReleaseNode(ctx context.Context, uuid, holder string) error
	ReleaseReservations(ctx context.Context, holder string) (int64, error)
}

// Writer changes nodes whose lock its holder has; none has the lock of a free
// node.
type Writer interface {
	UpdateNode(ctx context.Context, uuid, holder string, change func(*usher.Node) error) (*usher.Node, error)
	DeleteNode(ctx context.Context, uuid, holder string) error
	// SetAffinity notes who prepared nodes, but for those that are locked.
	SetAffinity(ctx context.Context, uuids []string, conductor int64) error
}

// Store is the inventory as a conductor needs it.
type Store interface {
	Nodes
	Locks
	Writer
}

// Rings tells who owns what and who is active.
type Rings interface {
	Owners
	Active(ctx context.Context) ([]usher.Conductor, error)
	// Fingerprint differs where any node may have another owner.
	Fingerprint(ctx context.Context) (string, error)
}

// Options are the parts and settings of a Conductor. All parts are required.
type Options struct {
	Host     string // [DEFAULT]host, the name in the ring and in reservations
	Store    Store
	Rings    Rings
	Renderer *bootiface.Renderer
	Images   Images
	Settings Settings
	Logger   *slog.Logger
	Told     Told // may be left out
}

// Told is told of what a conductor does; nil where nobody wants to know.
type Told struct {
	// BootFileRead is told of each boot file that was given to a machine.
	BootFileRead func(ctx context.Context, start time.Time, err error)
	// Prepared is told of each node whose boot file was rendered, or could not
	// be.
	Prepared func(err error)
}

// Settings are what may change by a reload.
type Settings struct {
	HTTPURL string // base of images as machines reach it, without a final slash
	// AgentAPI is the URL that the ramdisk is told to look itself up at
	// (ipa-api-url); empty leaves it out.
	AgentAPI           string
	KernelAppendParams string        // [pxe]kernel_append_params
	IPXETimeout        time.Duration // [pxe]ipxe_timeout
	AutomatedClean     bool          // [conductor]automated_clean
	// Kernel and ramdisk of the deploy and rescue ramdisks for nodes that
	// name none: [conductor]deploy_kernel and its three siblings.
	DeployKernel, DeployRamdisk, RescueKernel, RescueRamdisk string
	// Timeouts end the wait for a ramdisk; 0 waits for ever.
	Timeouts map[usher.State]time.Duration
	// RingInterval is how often a change of the ring is looked for.
	RingInterval time.Duration
	// ClockSkew is how far the clocks of two conductors may differ.
	ClockSkew time.Duration
	// CheckInterval is how often waits that timed out are looked for.
	CheckInterval time.Duration
}

// Conductor is one conductor of our own inventory.
type Conductor struct {
	host     string
	store    Store
	rings    Rings
	renderer atomic.Pointer[bootiface.Renderer]
	images   Images
	settings atomic.Pointer[Settings]
	logger   *slog.Logger
	told     Told

	id       atomic.Int64 // conductors.id, for conductor_affinity
	stopping atomic.Bool
	// unregistered keeps it from taking locks.
	unregistered atomic.Bool
	files        bootFiles
	attempts     attempts
	tasks        tasks
	rows         singleflight.Group // prepareRow, by node

	// work holds what runs in the background, gate keeps it from growing
	// once Stop has begun. workCtx ends tasks, rowCtx what is prepared
	// without a task.
	work       sync.WaitGroup
	gate       sync.RWMutex
	workCtx    context.Context
	workCancel context.CancelCauseFunc
	rowCtx     context.Context
	rowCancel  context.CancelCauseFunc
}

// New returns a Conductor that does nothing by itself until Run.
func New(o Options) *Conductor {
	c := &Conductor{host: o.Host, store: o.Store, rings: o.Rings,
		images: o.Images, logger: o.Logger, told: o.Told}
	c.workCtx, c.workCancel = context.WithCancelCause(context.Background())
	c.rowCtx, c.rowCancel = context.WithCancelCause(c.workCtx)
	c.Reload(o.Settings, o.Renderer)
	return c
}

// Reload puts other settings and templates in force. Every boot file is
// rendered again, by the next pass of Run or when it is next asked for.
func (c *Conductor) Reload(s Settings, r *bootiface.Renderer) {
	c.settings.Store(&s)
	c.renderer.Store(r)
	c.files.forgetAll()
	c.attempts.forgetFailures()
}

// FreeLocks gives back the locks that an earlier process of this host left.
// To be called before this one takes any.
func (c *Conductor) FreeLocks(ctx context.Context) error {
	freed, err := c.store.ReleaseReservations(ctx, c.host)
	if freed > 0 {
		c.logger.Info("freed locks that an earlier run left", "nodes", freed)
	}
	return err
}

// Starting makes the conductor refuse what needs a lock until Registered:
// there may be locks to free, or another process of this host's name. Boot
// files it answers at once.
func (c *Conductor) Starting() { c.unregistered.Store(true) }

// Registered tells the id of the conductor's row.
func (c *Conductor) Registered(id int64) {
	c.id.Store(id)
	c.unregistered.Store(false)
}

// Stop refuses new work, waits for what runs until ctx ends, then cancels the
// rest: it stays reserved in its transient state and is taken up again by the
// next start, or by the conductor that takes the node over.
func (c *Conductor) Stop(ctx context.Context) {
	c.gate.Lock()
	c.stopping.Store(true)
	c.gate.Unlock()
	c.rowCancel(errStopping) // nobody loses by that: it is done again when asked for
	done := make(chan struct{})
	go func() { c.work.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		c.workCancel(errStopping)
		<-done
	}
	c.workCancel(errStopping)
}

// begin counts a piece of background work in, which ends with work.Done; or
// refuses it, since Stop waits already.
func (c *Conductor) begin() bool {
	c.gate.RLock()
	defer c.gate.RUnlock()
	if c.stopping.Load() {
		return false
	}
	c.work.Add(1)
	return true
}

// stopGrace is how long a node's row may take to be written while stopping.
const stopGrace = 5 * time.Second

var errStarting = usher.Errorf(usher.ErrUnavailable, "this conductor is starting").WithClass("ServiceUnavailable")

var errStopping = usher.Errorf(usher.ErrUnavailable, "this conductor is stopping").WithClass("ServiceUnavailable")
