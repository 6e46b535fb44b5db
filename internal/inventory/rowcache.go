package inventory

import (
	"math"
	"sync"
	"time"
	"unique"

	"github.com/google/uuid"

	"github.com/usher-boot/usher"
)

// rowCache holds what a boot request reads of the database: the row of each
// port's node, by the port's address. It only stores what it is told; a
// rowKeeper keeps it true. It is safe for concurrent use.
type rowCache struct {
	mu sync.RWMutex
	// rows has nil for an address that only the database can tell of now: a
	// transaction that touches it is being committed, or may have been.
	rows     map[usher.MAC]*row
	complete bool  // an address that is not in rows is no port's
	refused  error // why no row may be used; nil if they may
}

// change is what a transaction did to an address.
type change struct {
	mac    usher.MAC
	row    *row // nil: ask the database
	exists bool // some port with a node has the address
}

// find looks an address up. known says that the answer is certain: a nil row
// is then an address that no port has. Otherwise the database must be asked.
func (c *rowCache) find(mac usher.MAC) (r *row, known bool, err error) {
	c.mu.RLock()
	r, held := c.rows[mac]
	known, err = r != nil || !held && c.complete, c.refused
	c.mu.RUnlock()
	return r, known, err
}

// doubt has the database asked about some addresses until apply tells them.
func (c *rowCache) doubt(changes []change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ch := range changes {
		c.rows[ch.mac] = nil
	}
}

// apply takes in changes that are committed.
func (c *rowCache) apply(changes []change) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ch := range changes {
		if ch.exists {
			c.rows[ch.mac] = ch.row
		} else {
			delete(c.rows, ch.mac)
		}
	}
}

// reset forgets everything: the database is asked about each address until
// the rows are loaded again.
func (c *rowCache) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rows, c.complete, c.refused = map[usher.MAC]*row{}, false, nil
}

// refuse forgets everything and lets nobody ask the database instead.
func (c *rowCache) refuse(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rows, c.complete, c.refused = map[usher.MAC]*row{}, false, why
}

// refusal is why no row may be used.
func (c *rowCache) refusal() error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.refused
}

// finish says that all rows have been loaded, and returns how many they are.
func (c *rowCache) finish() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.complete = true
	return len(c.rows)
}

// row is a usher.BootNode in a third of its memory, so that a hundred thousand
// of them are no burden. Ports of a node that are alike share one.
type row struct {
	uuid   uuid.UUID
	name   string
	since  int64 // ProvisionUpdatedAt in nanoseconds, or never
	common unique.Handle[common]
}

// never is what the zero time is kept as.
const never = math.MinInt64

// common is what many nodes have alike; each combination is in memory once.
type common struct {
	driver, bootInterface, group string
	state                        usher.State
	affinity                     int64
	pxeDisabled                  bool // of the port
}

// pack returns nil for a node that a row cannot hold, such as one whose UUID
// somebody wrote by hand: the database is asked about it.
func pack(n usher.BootNode) *row {
	r := &row{name: n.Name, since: nanoseconds(n.ProvisionUpdatedAt), common: unique.Make(common{
		driver: n.Driver, bootInterface: n.BootInterface, group: n.ConductorGroup, state: n.ProvisionState, affinity: n.ConductorAffinity, pxeDisabled: n.PXEDisabled,
	})}
	r.uuid, _ = uuid.Parse(n.UUID) // what cannot be parsed differs below
	if r.node() != n {             // also once a BootNode has a field that a row has not
		return nil
	}
	return r
}

func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return never
	}
	return t.UnixNano()
}

// node is what was packed.
func (r *row) node() usher.BootNode {
	c := r.common.Value()
	n := usher.BootNode{
		UUID: r.uuid.String(), Name: r.name,
		Driver: c.driver, BootInterface: c.bootInterface, ConductorGroup: c.group,
		ProvisionState: c.state, ConductorAffinity: c.affinity, PXEDisabled: c.pxeDisabled,
	}
	if r.since != never {
		n.ProvisionUpdatedAt = time.Unix(0, r.since).UTC()
	}
	return n
}
