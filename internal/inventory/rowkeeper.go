package inventory

import (
	"context"
	"database/sql"
	"log/slog"
	"math"
	"os"

	"github.com/usher-boot/usher"
)

// rowKeeper keeps a rowCache true to a SQLite file that no other process
// writes. A row in the cache is never older than the file:
//
//   - Before a transaction commits, the addresses that it touched are put in
//     doubt, so a request about one of them reads the file.
//   - When it has committed, the cache has the new rows before the connection
//     is free for the next transaction, and before the writer is answered.
//   - When the commit failed, the addresses stay in doubt until a later
//     transaction has read what became of them.
//
// The fields below cache belong to whoever holds the one connection that
// writes.
type rowKeeper struct {
	path  string
	file  os.FileInfo // what was at path when it was opened
	log   *slog.Logger
	cache rowCache

	keeping bool        // loading has begun: from now on transactions report what they touch
	loaded  bool        // the cache has all rows
	next    position    // loading goes on behind it
	inDoubt []usher.MAC // addresses whose commit failed
	conn    any         // the driver's connection that version was read on
	version int64       // SQLite's count of commits by others, see look

	ofNode, ofPort *sql.Stmt // select the rows of a node's ports, and of an address
}

func newRowKeeper(path string, log *slog.Logger) (*rowKeeper, error) {
	file, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	k := &rowKeeper{path: path, file: file, log: log}
	k.forget()
	return k, nil
}

// touched is what a transaction changed of what boot requests read.
type touched struct {
	nodes     []int64     // by their ids
	addresses []usher.MAC // of ports, the former ones too
}

// commit commits a transaction and brings the cache up to date. sent says that
// COMMIT may have reached the database.
func (k *rowKeeper) commit(ctx context.Context, tx *transaction) (sent bool, err error) {
	if !k.keeping {
		return true, tx.Commit()
	}
	changes, err := k.changes(ctx, tx)
	if err != nil {
		_ = tx.Rollback() // the first error tells the cause
		return false, err
	}
	k.cache.doubt(changes)
	if err := tx.Commit(); err != nil {
		k.inDoubt = nil
		for _, ch := range changes {
			k.inDoubt = append(k.inDoubt, ch.mac)
		}
		return true, err
	}
	k.cache.apply(changes)
	k.inDoubt = nil
	return true, nil
}

// changes reads, inside a transaction, what it leaves of all that it touched
// and of what is in doubt.
func (k *rowKeeper) changes(ctx context.Context, tx *transaction) (all []change, err error) {
	for _, id := range tx.nodes {
		found, _, err := portRows(tx.StmtContext(ctx, k.ofNode).QueryContext(ctx, id))
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	for _, mac := range append(tx.addresses, k.inDoubt...) {
		found, _, err := portRows(tx.StmtContext(ctx, k.ofPort).QueryContext(ctx, mac.String()))
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			found = []change{{mac: mac}} // no port has it any more
		}
		all = append(all, found...)
	}
	return all, nil
}

// position is where a port stands in the order of nodes.
type position struct{ node, port int64 }

// beginning is before all ports.
func beginning() position { return position{math.MinInt64, math.MinInt64} }

func selectPortRows() string {
	return "SELECT p.node_id, p.id, p.address, " + selectList("n", bootNodeFields()) +
		", p.pxe_enabled FROM ports p JOIN nodes n ON n.id = p.node_id"
}

// portRows takes the result of a query that begins with selectPortRows, and
// returns what it holds and the position of the last port, or the beginning.
func portRows(rows *sql.Rows, err error) (found []change, last position, _ error) {
	last = beginning()
	if err != nil {
		return nil, last, err
	}
	var address string
	var n usher.BootNode
	to := append([]any{&last.node, &last.port, text[string]{&address}}, dests(&n, bootNodeFields())...)
	to = append(to, disabled{&n.PXEDisabled})
	var before *row
	err = each(rows, func(scan func(...any) error) error {
		unreadable := scan(to...) // from the left: position and address are there in any case
		mac, err := usher.ParseMAC(address)
		if err != nil || mac.String() != address {
			return nil // written by hand: no query of a boot request finds it
		}
		ch := change{mac: mac, exists: true}
		if unreadable == nil {
			ch.row = pack(n)
		}
		if ch.row != nil && before != nil && *ch.row == *before {
			ch.row = before // another port of the same node
		}
		before = ch.row
		found = append(found, ch)
		return nil
	})
	return found, last, err
}

// prepare prepares what each transaction asks, before keeping begins: a
// transaction has the only connection.
func (k *rowKeeper) prepare(ctx context.Context, w *sql.DB) (err error) {
	if k.ofNode == nil {
		if k.ofNode, err = w.PrepareContext(ctx, selectPortRows()+" WHERE p.node_id = ?"); err != nil {
			return err
		}
	}
	if k.ofPort == nil {
		k.ofPort, err = w.PrepareContext(ctx, selectPortRows()+" WHERE p.address = ?")
	}
	return err
}
