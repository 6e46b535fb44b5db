package inventory

import (
	"sync"
	"unique"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/usher-boot/usher"
)

// kept are the nodes that were read lately, for as long as nothing is
// committed to the database, by anybody: each request asks for the count that
// SQLite has of commits ("PRAGMA data_version"), and only what was read at that
// count answers it. So the database stays what answers, and only the walk
// through its tables is saved. It is safe for concurrent use.
type kept struct {
	// open opens a connection that waits for nobody: whoever cannot be told of
	// commits at once must read.
	open func() *leanConn

	mu      sync.Mutex
	conn    *leanConn
	version int64
	nodes   map[usher.MAC]*usher.BootNode // nil for an address that no port has
}

// mostKept bounds the addresses, which come to some 5 MiB.
const mostKept = 16 << 10

// find returns what is known of an address, and the count of commits that it
// was read at, or, where nothing is known, is to be kept with. That is 0 where
// the count cannot be had.
func (k *kept) find(mac usher.MAC) (n *usher.BootNode, known bool, version int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	version = k.count()
	if version != k.version {
		clear(k.nodes)
		k.version = version
	}
	if version != 0 {
		n, known = k.nodes[mac]
	}
	return n, known, version
}

// count is SQLite's count of commits, never 0. It holds for one connection: of
// another one the same number says nothing.
func (k *kept) count() (version int64) {
	if k.conn == nil {
		k.version = 0
		if k.conn = k.open(); k.conn == nil {
			return 0
		}
	}
	c := k.conn
	if sqlite3.Xsqlite3_step(c.tls, c.stmt) == sqlite3.SQLITE_ROW {
		version = sqlite3.Xsqlite3_column_int64(c.tls, c.stmt, 0)
	}
	if sqlite3.Xsqlite3_reset(c.tls, c.stmt) != sqlite3.SQLITE_OK || version == 0 {
		c.close()
		k.conn = nil
		return 0
	}
	return version
}

// keep takes what was read of an address after find gave the version. What was
// committed in between is in n or is not; whoever asks after that finds
// another version.
func (k *kept) keep(version int64, mac usher.MAC, n *usher.BootNode) {
	if n != nil {
		for _, common := range []*string{&n.Driver, &n.BootInterface, (*string)(&n.ProvisionState), &n.ConductorGroup} {
			*common = unique.Make(*common).Value() // one text for all nodes that have it
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if version == 0 || version != k.version {
		return
	}
	if len(k.nodes) >= mostKept {
		clear(k.nodes)
	}
	if k.nodes == nil {
		k.nodes = map[usher.MAC]*usher.BootNode{}
	}
	k.nodes[mac] = n
}

func (k *kept) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.open = func() *leanConn { return nil }
	if k.conn != nil {
		k.conn.close()
		k.conn = nil
	}
}
