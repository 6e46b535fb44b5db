package inventory

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"time"

	"github.com/usher-boot/usher"
)

const (
	// loadRows is how many rows are loaded in one step, a few milliseconds in
	// which writes wait.
	loadRows = 500
	// lookAround is how often the file is checked for what others did to it.
	// The lock beside it keeps other ushers out, but not other programs, nor
	// people who move files.
	lookAround = time.Second
)

// BootNodeByMAC finds the node that has a port with this address. On SQLite
// the row comes from memory once KeepRows has loaded it.
func (s *Store) BootNodeByMAC(ctx context.Context, mac usher.MAC) (usher.BootNode, error) {
	if s.rows == nil || ctx.Err() != nil {
		return s.Reader.BootNodeByMAC(ctx, mac)
	}
	r, known, err := s.rows.cache.find(mac)
	switch {
	case err != nil:
		return usher.BootNode{}, err
	case !known:
		return s.Reader.BootNodeByMAC(ctx, mac)
	case r == nil:
		return usher.BootNode{}, portNotFound(mac.String())
	}
	return r.node(), nil
}

// Ping asks whether the database answers, and whether it is still the one that
// was opened.
func (s *Store) Ping(ctx context.Context) error {
	if s.rows != nil {
		if err := s.rows.cache.refusal(); err != nil {
			return err
		}
	}
	return s.Reader.Ping(ctx)
}

// KeepRows keeps the rows that boot requests read in memory until ctx ends. It
// loads them and then watches the file; the writes of this Store change them.
// It is for a migrated SQLite database, and is called once. A server is written
// to by other processes too: for it KeepRows does nothing.
func (s *Store) KeepRows(ctx context.Context) error {
	if s.rows == nil {
		return nil
	}
	tick := time.NewTicker(lookAround)
	defer tick.Stop()
	failed := false
	for ctx.Err() == nil {
		more, err := s.keepRows(ctx)
		if more {
			continue
		}
		if err != nil && !failed && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "rows are not kept in memory", "error", err)
		}
		failed = err != nil
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	return nil
}

// keepRows does one step of KeepRows. more asks for the next one at once.
func (s *Store) keepRows(ctx context.Context) (more bool, err error) {
	if err := s.rows.prepare(ctx, s.w); err != nil {
		return false, err
	}
	conn, err := s.w.Conn(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	if err := s.rows.look(ctx, conn); err != nil {
		return false, err
	}
	return s.rows.load(ctx, conn)
}

// load brings the next rows into the cache.
func (k *rowKeeper) load(ctx context.Context, conn *sql.Conn) (more bool, err error) {
	if k.loaded {
		return false, nil
	}
	k.keeping = true
	found, last, err := portRows(conn.QueryContext(ctx, selectPortRows()+
		" WHERE (p.node_id, p.id) > (?, ?) ORDER BY p.node_id, p.id LIMIT ?", k.next.node, k.next.port, loadRows))
	if err != nil {
		return false, err
	}
	k.cache.apply(found)
	if last != beginning() {
		k.next = last
		return true, nil
	}
	k.loaded = true
	ports := k.cache.finish()
	k.log.DebugContext(ctx, "rows are kept in memory", "ports", ports)
	return false, nil
}

// look checks that the file is the one that was opened, and that nobody else
// has written to it.
func (k *rowKeeper) look(ctx context.Context, conn *sql.Conn) error {
	if err := k.lookAtFile(); err != nil {
		k.next, k.loaded = beginning(), false
		k.cache.refuse(err)
		return err
	}
	if k.cache.refusal() != nil {
		k.log.WarnContext(ctx, "the database file is in its place again", "file", k.path)
		k.forget()
	}
	// The count is of commits by other connections than the one that asks.
	var version int64
	if err := conn.QueryRowContext(ctx, "PRAGMA data_version").Scan(&version); err != nil {
		return err
	}
	return conn.Raw(func(driverConn any) error {
		if driverConn == k.conn && version != k.version {
			k.log.WarnContext(ctx, "another program has written to the database file, so its rows are loaded again; none should while usher runs", "file", k.path)
		}
		if k.keeping && (driverConn != k.conn || version != k.version) {
			k.forget()
		}
		k.conn, k.version = driverConn, version
		return nil
	})
}

func (k *rowKeeper) lookAtFile() error {
	info, err := os.Stat(k.path)
	if err == nil && !os.SameFile(info, k.file) {
		err = errors.New("it is another file than the one that was opened")
	}
	if err != nil {
		return usher.Errorf(usher.ErrUnavailable, "the database file %s was moved or replaced while usher runs: stop usher, "+
			"put the file in place without the -wal and -shm files of another one, and start usher (%v)", k.path, err)
	}
	return nil
}

// forget has the rows loaded anew.
func (k *rowKeeper) forget() {
	k.next, k.loaded = beginning(), false
	k.cache.reset()
}
