package inventory

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"time"
)

// Store is Usher's own inventory: a Reader plus everything that writes. It is
// safe for concurrent use, and on a server also by several processes. A SQLite
// file belongs to one Store at a time.
type Store struct {
	*Reader
	w        *sql.DB    // one connection on SQLite, a pool of writing sessions elsewhere
	fileLock io.Closer  // of the SQLite file; nil on a server
	rows     *rowKeeper // likewise
}

// Close ends all connections, the readers' first: on SQLite the last writer
// to leave folds the write-ahead log into the file.
func (s *Store) Close() error {
	err := errors.Join(s.Reader.Close(), s.w.Close())
	if s.fileLock != nil {
		s.rows.cache.reset()
		if lockErr := s.fileLock.Close(); !errors.Is(lockErr, os.ErrClosed) {
			err = errors.Join(err, lockErr)
		}
	}
	return err
}

// transaction is one of a Store's, which also gathers what boot requests will
// read otherwise.
type transaction struct {
	*sql.Tx
	touched
}

const (
	deadlockTries = 6 // Galera reports every conflicting commit as a deadlock
	lostTries     = 2
)

// verbatim carries an error of the caller's own through wrap unchanged.
type verbatim struct{ error }

func (v verbatim) Unwrap() error { return v.error }

// write runs f in one transaction. A deadlock or serialization failure runs
// it again, within bounds; so does, once, a connection that broke or turned
// read-only before COMMIT was sent, since the server has then undone it all.
// What happened to a COMMIT that got no answer is unknown: ErrUnavailable.
func (s *Store) write(ctx context.Context, op string, f func(context.Context, *transaction) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for try := 1; ; try++ {
		committing, err := s.once(ctx, f)
		if v, ok := errors.AsType[verbatim](err); ok {
			return v.error
		}
		again := false
		switch s.d.faultOf(err) {
		case faultRetry:
			again = try < deadlockTries
		case faultLost, faultReadOnly:
			dropIdle(s.w)
			again = try < lostTries && !committing
		}
		if err == nil || !again || pause(ctx, try) != nil {
			return s.d.wrap(ctx, op, err)
		}
		s.log.DebugContext(ctx, "transaction is tried again", "operation", op, "try", try, "cause", err)
	}
}

// once runs f in a transaction on one connection. A connection to a server
// that turned read-only is thrown away, so that the pool finds the new one.
func (s *Store) once(ctx context.Context, f func(context.Context, *transaction) error) (committing bool, err error) {
	conn, err := s.w.Conn(ctx)
	if err != nil {
		return false, err
	}
	defer func() {
		if err != nil && s.d.faultOf(err) == faultReadOnly {
			_ = conn.Raw(func(any) error { return driver.ErrBadConn })
		}
		if closeErr := conn.Close(); err == nil && !errors.Is(closeErr, sql.ErrConnDone) {
			err = closeErr
		}
	}()
	if s.rows != nil {
		if err := s.rows.cache.refusal(); err != nil {
			return false, err
		}
		// A caller who leaves does not interrupt what takes a moment: an
		// interrupted connection is thrown away, and a COMMIT's end unknown.
		ctx = context.WithoutCancel(ctx)
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	t := &transaction{Tx: tx}
	if err := f(ctx, t); err != nil {
		_ = tx.Rollback() // the first error tells the cause
		return false, err
	}
	if s.rows != nil {
		return s.rows.commit(ctx, t)
	}
	return true, tx.Commit()
}

// pause waits a little longer before each further try, with jitter so that
// two transactions do not meet again.
func pause(ctx context.Context, try int) error {
	span := 5 * time.Millisecond << try
	timer := time.NewTimer(span/2 + rand.N(span))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// exec runs a statement and returns how many rows it matched.
func (s *Store) exec(ctx context.Context, tx *transaction, query string, args ...any) (int64, error) {
	result, err := tx.ExecContext(ctx, s.d.bind(query), s.d.args(args)...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// insert adds a row and returns its id.
func (s *Store) insert(ctx context.Context, tx *transaction, table string, columns []string, values []any) (int64, error) {
	query := "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES (" + marks(len(columns)) + ")"
	if s.d.returning {
		var id int64
		err := tx.QueryRowContext(ctx, s.d.bind(query+" RETURNING id"), s.d.args(values)...).Scan(&id)
		return id, err
	}
	result, err := tx.ExecContext(ctx, s.d.bind(query), s.d.args(values)...)
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

// marks is "?, ?, ?".
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }
