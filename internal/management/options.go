package management

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/usher-boot/usher"
)

// NodeStore reads and writes nodes.
type NodeStore interface {
	Node(ctx context.Context, ident string) (*usher.Node, error)
	Nodes(ctx context.Context, filter usher.NodeFilter) ([]*usher.Node, error)
	CreateNode(ctx context.Context, node *usher.Node) error
	// UpdateNode changes a node in one transaction; holder "" refuses a
	// node that is reserved.
	UpdateNode(ctx context.Context, uuid, holder string, change func(*usher.Node) error) (*usher.Node, error)
}

// PortStore reads and writes ports.
type PortStore interface {
	Port(ctx context.Context, uuid string) (*usher.Port, error)
	Ports(ctx context.Context, filter usher.PortFilter) ([]*usher.Port, error)
	CreatePort(ctx context.Context, port *usher.Port) error
	UpdatePort(ctx context.Context, uuid string, change func(*usher.Port) error) (*usher.Port, error)
	DeletePort(ctx context.Context, uuid string) error
}

// ConductorStore lists every conductor that ever registered, with its
// interfaces.
type ConductorStore interface {
	Conductors(ctx context.Context) ([]usher.Conductor, error)
}

// Store is the inventory behind the API.
type Store interface {
	NodeStore
	PortStore
	ConductorStore
}

// Conductor does what needs the conductor that owns a node.
type Conductor interface {
	// ProvisionAction starts a verb and returns once the node is in its
	// transient state. A node that another task holds is ErrConflict class
	// NodeLocked; a verb that its state does not allow (any more) is
	// ErrInvalid class InvalidStateRequested.
	ProvisionAction(ctx context.Context, nodeUUID string, action usher.ProvisionAction) error
	// DestroyNode removes a node's files, then its row and ports. It checks
	// Node.Deletable again under its lock.
	DestroyNode(ctx context.Context, nodeUUID string) error
	// Validate says for each interface whether the node has what it needs.
	Validate(ctx context.Context, nodeUUID string) (map[string]usher.Validation, error)
	// Heartbeat takes the ramdisk's call and checks its token.
	Heartbeat(ctx context.Context, nodeUUID string, beat usher.Heartbeat) error
}

// Options is what an API needs. Store, Conductor and Owner are required.
type Options struct {
	Store     Store
	Conductor Conductor
	// Owner names the conductor that owns a node by the hash ring. When no
	// active conductor serves the node it returns ErrUnavailable.
	Owner func(ctx context.Context, node *usher.Node) (hostname string, err error)

	// MaxLimit is [api]max_limit, the longest page of a list; 0 means 1000.
	MaxLimit int
	// PublicEndpoint is [api]public_endpoint, the base of links in answers;
	// empty means the scheme and host of the request.
	PublicEndpoint string
	// RestrictLookup is [api]restrict_lookup: a ramdisk finds its node only
	// in the states in which one is expected.
	RestrictLookup bool
	// RamdiskHeartbeatTimeout is [api]ramdisk_heartbeat_timeout, which a
	// lookup tells the ramdisk; 0 means 300 s.
	RamdiskHeartbeatTimeout time.Duration
	// ConductorTimeout is [conductor]heartbeat_timeout, after which a silent
	// conductor is no longer alive; 0 means that being online is enough.
	ConductorTimeout time.Duration

	// Timeout bounds all that a request waits for; 0 means 60 s.
	Timeout time.Duration

	Logger *slog.Logger // nil discards
}

func (o *Options) complete() error {
	if o.Store == nil || o.Conductor == nil || o.Owner == nil {
		return errors.New("management: Store, Conductor and Owner are required")
	}
	if o.MaxLimit <= 0 {
		o.MaxLimit = 1000
	}
	if o.RamdiskHeartbeatTimeout <= 0 {
		o.RamdiskHeartbeatTimeout = 300 * time.Second
	}
	if o.Timeout <= 0 {
		o.Timeout = time.Minute
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}
