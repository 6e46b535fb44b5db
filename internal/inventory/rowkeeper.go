package inventory

import (
	"context"
	"encoding/json"
	"log/slog"
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
// The fields below cache belong to whoever holds the one writing connection.
type rowKeeper struct {
	path  string
	file  os.FileInfo // what was at path when it was opened
	log   *slog.Logger
	cache rowCache

	keeping bool        // loading has begun: from now on transactions report what they touch
	loaded  bool        // the cache has all rows
	next    string      // loading goes on behind this address
	inDoubt []usher.MAC // addresses whose commit failed
	conn    any         // the driver's connection that version was read on
	version int64       // SQLite's count of commits by others, see lookAround
}

func newRowKeeper(path string, log *slog.Logger) (*rowKeeper, error) {
	file, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	k := &rowKeeper{path: path, file: file, log: log}
	k.cache.reset()
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
	if len(tx.nodes) > 0 {
		if all, _, err = portRows(ctx, tx, "p.node_id IN (SELECT value FROM json_each(?))", list2json(tx.nodes)); err != nil {
			return nil, err
		}
	}
	addresses := append(tx.addresses, k.inDoubt...)
	if len(addresses) == 0 {
		return all, nil
	}
	found, _, err := portRows(ctx, tx, "p.address IN (SELECT value FROM json_each(?))", list2json(texts(addresses)))
	for _, mac := range addresses {
		all = append(all, change{mac: mac}) // gone, unless it is in found
	}
	return append(all, found...), err
}

// portRows reads the rows of some ports' nodes, and returns the last address
// that it met.
func portRows(ctx context.Context, q queryer, where string, args ...any) (found []change, last string, err error) {
	fields := bootNodeFields()
	var n usher.BootNode
	to := append([]any{text[string]{&last}}, dests(&n, fields)...)
	query := "SELECT p.address, " + selectList("n", fields) + " FROM ports p JOIN nodes n ON n.id = p.node_id WHERE " + where
	err = rows(ctx, q, query, args, func(scan func(...any) error) error {
		unreadable := scan(to...) // from the left: the address is there in any case
		mac, err := usher.ParseMAC(last)
		if err != nil || mac.String() != last {
			return nil // written by hand: no query of a boot request finds it
		}
		ch := change{mac: mac, exists: true}
		if unreadable == nil {
			ch.row = pack(n)
		}
		found = append(found, ch)
		return nil
	})
	return found, last, err
}

func list2json(list any) string {
	text, _ := json.Marshal(list) // of numbers or texts
	return string(text)
}
