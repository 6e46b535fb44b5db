package inventory

import (
	"context"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/usher-boot/usher"
)

// lean asks a SQLite file the one question of every boot request by SQLite's
// own functions: database/sql and its driver take half as long again as
// SQLite itself. It knows only success. Whatever else happens, the caller
// asks in the ordinary way, and hears from there what is wrong.
type lean struct {
	path string
	busy time.Duration
	free chan *leanConn // nil where one is still to be opened
	kept kept

	holding atomic.Bool
	mu      sync.Mutex
	closed  bool
	holder  *leanConn // reads while holding; see hold
	release *time.Timer
}

// leanConn is one connection with its one prepared statement.
type leanConn struct {
	tls      *libc.TLS
	db, stmt uintptr
}

// leanQueries ask the same, by an index that is in our own inventories only,
// or without it. They name their columns in the order in which row reads them.
var leanQueries = [...]string{
	leanColumns + strings.Replace(byMACJoin, "ports p", "ports p INDEXED BY boot_request_idx", 1) + "= ?",
	leanColumns + byMACJoin + "= ?",
}

const leanColumns = "SELECT n.uuid, n.name, n.driver, n.boot_interface, n.provision_state, n.conductor_group," +
	" n.conductor_affinity, n.provision_updated_at, p.pxe_enabled"

func newLean(path string, busy time.Duration) *lean {
	// More would wait for a processor, each with a page cache of its own.
	l := &lean{path: path, busy: busy, free: make(chan *leanConn, runtime.GOMAXPROCS(0))}
	for range cap(l.free) {
		l.free <- nil
	}
	l.kept.open = func() *leanConn { return l.open(0, "PRAGMA data_version") }
	return l
}

// bootNode finds the node of a port. ok says that the question was answered.
func (l *lean) bootNode(ctx context.Context, mac usher.MAC) (n usher.BootNode, found, ok bool) {
	if !l.holding.Load() && l.holding.CompareAndSwap(false, true) {
		l.hold()
	}
	row, known, version := l.kept.find(mac)
	if !known {
		if row, ok = l.read(ctx, mac); !ok {
			return n, false, false
		}
		l.kept.keep(version, mac, row)
	}
	if row == nil {
		return n, false, true
	}
	return *row, true, true
}

// read reads a node's row, nil where no port has the address.
func (l *lean) read(ctx context.Context, mac usher.MAC) (row *usher.BootNode, ok bool) {
	c, open := l.take(ctx)
	if !open {
		return nil, false
	}
	defer func() { l.free <- c }()
	if c == nil {
		c = l.open(l.busy, leanQueries[:]...)
	}
	if c != nil {
		if row, ok = c.bootNode(mac); !ok {
			c.close()
			c = nil
		}
	}
	return row, ok
}

// take waits for a connection, which is long only where somebody keeps the
// file locked: no longer than a reader would wait for that, nor than ctx.
func (l *lean) take(ctx context.Context) (c *leanConn, open bool) {
	select {
	case c, open = <-l.free:
		return c, open
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, l.busy)
	defer cancel()
	select {
	case c, open = <-l.free:
	case <-ctx.Done():
	}
	return c, open
}

// close ends all connections, and waits for those in use. It may be called
// again; who asks later gets no answer.
func (l *lean) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	for range cap(l.free) {
		if c := <-l.free; c != nil {
			c.close()
		}
	}
	close(l.free)
	l.kept.close()
	if l.release != nil {
		l.release.Stop()
	}
	if l.holder != nil {
		l.holder.close()
		l.holder = nil
	}
}

// SQLite's log of changes cannot begin anew while somebody reads on. So that
// is for a moment only, and not where the log has grown: then it soon begins
// anew, in a moment in which nobody reads.
const (
	holdFor = time.Second
	longLog = 8 << 20 // bytes; without anybody who reads on it has 4 MiB
)

// hold reads, and goes on reading for a moment, while machines ask: of a file
// that a process reads already, it costs SQLite no system call to begin to
// read it once more and to end that. Nobody sees older rows for it, and with a
// write-ahead log nobody waits to write.
func (l *lean) hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	if l.holder == nil {
		if l.holder = l.open(l.busy, "SELECT m.journal_mode FROM pragma_journal_mode() m, sqlite_master"); l.holder == nil {
			return // for good: somebody else's file, or none
		}
	}
	if info, err := os.Stat(l.path + "-wal"); err == nil && info.Size() > longLog {
		l.release = time.AfterFunc(holdFor, l.letGo)
		return
	}
	if sqlite3.Xsqlite3_step(l.holder.tls, l.holder.stmt) != sqlite3.SQLITE_ROW || l.holder.text(0) != "wal" {
		sqlite3.Xsqlite3_reset(l.holder.tls, l.holder.stmt)
		return
	}
	l.release = time.AfterFunc(holdFor, l.letGo)
}

func (l *lean) letGo() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.holder != nil {
		sqlite3.Xsqlite3_reset(l.holder.tls, l.holder.stmt)
	}
	l.holding.Store(false)
}

// open returns nil if it cannot: the file or its tables may not be there yet.
// The connection is for the first query that there are tables for, and waits as
// long as busy for somebody who keeps the file locked.
func (l *lean) open(busy time.Duration, queries ...string) *leanConn {
	c := &leanConn{tls: libc.NewTLS()}
	const flags = sqlite3.SQLITE_OPEN_READONLY | sqlite3.SQLITE_OPEN_NOMUTEX // one goroutine has it at a time
	ok := c.with(l.path, func(path uintptr) int32 {
		return sqlite3.Xsqlite3_open_v2(c.tls, path, uintptr(unsafe.Pointer(&c.db)), flags, 0)
	}) && c.with("PRAGMA cache_size = -500", func(pragma uintptr) int32 { // KiB
		return sqlite3.Xsqlite3_exec(c.tls, c.db, pragma, 0, 0, 0)
	}) && sqlite3.Xsqlite3_busy_timeout(c.tls, c.db, int32(busy.Milliseconds())) == sqlite3.SQLITE_OK
	for _, query := range queries {
		if ok && c.with(query, func(query uintptr) int32 {
			return sqlite3.Xsqlite3_prepare_v3(c.tls, c.db, query, -1, sqlite3.SQLITE_PREPARE_PERSISTENT, uintptr(unsafe.Pointer(&c.stmt)), 0)
		}) {
			return c
		}
	}
	c.close()
	return nil
}

// with lends a text to one of SQLite's functions, and says whether it did well.
func (c *leanConn) with(s string, f func(text uintptr) int32) bool {
	text, err := libc.CString(s)
	if err != nil {
		return false
	}
	defer libc.Xfree(c.tls, text)
	return f(text) == sqlite3.SQLITE_OK
}

func (c *leanConn) bootNode(mac usher.MAC) (row *usher.BootNode, ok bool) {
	address, err := libc.CString(mac.String())
	if err != nil {
		return nil, false
	}
	defer libc.Xfree(c.tls, address)
	if sqlite3.Xsqlite3_bind_text(c.tls, c.stmt, 1, address, int32(len("52:54:00:12:34:56")), sqlite3.SQLITE_STATIC) != sqlite3.SQLITE_OK {
		return nil, false
	}
	switch sqlite3.Xsqlite3_step(c.tls, c.stmt) {
	case sqlite3.SQLITE_DONE:
		ok = true
	case sqlite3.SQLITE_ROW:
		row, ok = c.row()
	}
	// The end of the read: what comes next sees what was committed before it.
	ok = sqlite3.Xsqlite3_reset(c.tls, c.stmt) == sqlite3.SQLITE_OK && ok
	return row, ok
}

func (c *leanConn) row() (*usher.BootNode, bool) {
	updated, err := parseStamp(c.text(7))
	return &usher.BootNode{
		UUID: c.text(0), Name: c.text(1), Driver: c.text(2), BootInterface: c.text(3),
		ProvisionState: usher.State(c.text(4)), ConductorGroup: c.text(5),
		ConductorAffinity:  sqlite3.Xsqlite3_column_int64(c.tls, c.stmt, 6),
		ProvisionUpdatedAt: updated,
		// Null means true: see enabled.
		PXEDisabled: c.text(8) == "0",
	}, err == nil
}

// text is a column's, empty where it is null.
func (c *leanConn) text(column int32) string {
	return libc.GoString(sqlite3.Xsqlite3_column_text(c.tls, c.stmt, column))
}

func (c *leanConn) close() {
	sqlite3.Xsqlite3_finalize(c.tls, c.stmt) // also of what was never prepared
	sqlite3.Xsqlite3_close_v2(c.tls, c.db)
	c.tls.Close()
}
