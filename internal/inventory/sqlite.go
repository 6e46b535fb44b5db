package inventory

import (
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3/database"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/filelock"
)

// newSQLite reads sqlite:////absolute/path and sqlite:///relative/path. The
// option timeout is pysqlite's: seconds to wait for another writer. Its other
// options mean something to Python only.
func newSQLite(loc location) (*dialect, error) {
	if loc.host != "" || loc.user != "" || loc.port != 0 {
		return nil, badURL("has too few slashes: an absolute path is sqlite:////path, a relative one sqlite:///path")
	}
	if loc.database == "" || loc.database == ":memory:" {
		return nil, badURL("names a database in memory, which no other process could see; name a file")
	}
	if strings.HasPrefix(loc.database, "file:") {
		return nil, badURL("names the file by a URI; write its path: sqlite:////path")
	}
	busy, err := loc.takeFraction("timeout", 5*time.Second)
	if err != nil {
		return nil, err
	}
	idle := loc.takeIdle([]string{"cached_statements", "check_same_thread", "detect_types", "isolation_level", "uri"})
	if err := loc.rest(); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(loc.database)
	if err != nil {
		return nil, badURL("names a file whose folder cannot be told: %v", err)
	}
	return &dialect{
		name:       "sqlite",
		embedded:   true,
		migrations: database.DialectSQLite3,
		quoteMark:  `"`,
		returning:  true,
		precision:  time.Microsecond,
		stamps:     true,
		hasTable:   `SELECT 1 FROM sqlite_master WHERE type IN ('table', 'view') AND name = ?`,
		open: func(readOnly bool) (*sql.DB, error) {
			return openSQLite(path, busy, readOnly)
		},
		own:   func(o Options) (io.Closer, *rowKeeper, error) { return ownSQLite(path, o.logger()) },
		fault: sqliteFault,

		database: path,
		notes:    idleNotes(idle),
	}, nil
}

// openSQLite opens a pool of readers, or the one writer.
//
// The writer uses WAL, so that readers never wait for it, and synchronous=FULL:
// NORMAL would already survive kill -9, but a power cut could then undo
// answered requests back to the last checkpoint (a released lock, an
// enrolled node). Usher writes seldom enough to pay one fsync per commit.
// BEGIN IMMEDIATE takes the write lock at once, so that a transaction that
// reads first cannot fail half-way with SQLITE_BUSY.
func openSQLite(path string, busy time.Duration, readOnly bool) (*sql.DB, error) {
	options := url.Values{"_pragma": {
		"busy_timeout(" + strconv.FormatInt(busy.Milliseconds(), 10) + ")",
		"cache_size(-500)", // KiB; boot requests seldom come here (rowkeeper.go)
	}}
	if readOnly {
		// Refuse to create a file: mode=ro fails on a missing one.
		options.Set("mode", "ro")
		options.Add("_pragma", "query_only(1)")
	} else {
		options.Set("mode", "rw") // ownSQLite has made the file
		options.Set("_txlock", "immediate")
		options.Add("_pragma", "journal_mode(WAL)")
		options.Add("_pragma", "synchronous(FULL)")
		options.Add("_pragma", "foreign_keys(1)")
		options.Add("_pragma", "journal_size_limit(4194304)")
	}
	// As a URL's path, so that '?', '#' and '%' in a folder's name stay part of it.
	name := "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + options.Encode()
	connector, err := sqlite.NewConnector(name)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// ownSQLite makes the file if it is missing, and this Store the only one that
// may write to it.
func ownSQLite(path string, log *slog.Logger) (io.Closer, *rowKeeper, error) {
	if err := createPrivate(path); err != nil {
		return nil, nil, err
	}
	target, err := filepath.EvalSymlinks(path) // so that all who use the file lock the same
	if err != nil {
		return nil, nil, err
	}
	lock, err := filelock.Acquire(target+".lock", 0o600)
	if held, ok := errors.AsType[*filelock.HeldError](err); ok {
		return nil, nil, usher.Errorf(usher.ErrConflict, "the database %s is %v", path, held)
	}
	if err != nil {
		return nil, nil, err
	}
	rows, err := newRowKeeper(path, log)
	if err != nil {
		return nil, nil, errors.Join(err, lock.Close())
	}
	return lock, rows, nil
}

// createPrivate makes a missing database file, readable by its owner alone
// (it holds driver_info), and its folder. SQLite gives its -wal and -shm files
// the same mode. An existing file is not even opened: closing it would drop
// the POSIX locks that SQLite holds on it elsewhere in this process.
func createPrivate(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// sqliteFault reads SQLite's result codes.
func sqliteFault(err error) fault {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return faultOther
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return faultDuplicate
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return faultReference
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR,
		sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT:
		return faultDown
	case sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH:
		return faultValue
	}
	return faultOther
}

// missingFile says whether the URL names a SQLite file that is not there yet:
// looking into it must not create it.
func missingFile(raw string) (bool, error) {
	file := SQLiteFile(raw)
	if file == "" {
		return false, nil
	}
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return true, nil
	case err != nil:
		return false, usher.Errorf(usher.ErrUnavailable, "the database file cannot be read: %v", err)
	}
	return info.Size() == 0, nil
}
