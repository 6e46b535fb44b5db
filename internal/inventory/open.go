package inventory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/usher-boot/usher"
)

// Options say which database and how to use it.
type Options struct {
	URL     string       // [database]connection, in SQLAlchemy's form
	MaxOpen int          // connections at one time, to read and to write together; 0 means 16
	Logger  *slog.Logger // nil discards
}

func (o Options) logger() *slog.Logger {
	if o.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Logger
}

// Kind says whose a database is.
type Kind int

// The kinds of database.
const (
	Empty  Kind = iota // no table of either
	Own                // Usher made it
	Ironic             // Ironic's, or at least not Usher's: never written
)

func (k Kind) String() string {
	return [...]string{"empty", "own", "ironic"}[k]
}

// patience bounds one operation, retries included, where the caller's
// context does not end sooner. A stopped server must not hold a request.
const patience = 15 * time.Second

// Detect tells whose database it is without changing it. An account that may
// not see alembic_version still sees nodes: a nodes table in a database that
// Usher did not make counts as Ironic's, the side that cannot do harm.
func Detect(ctx context.Context, o Options) (Kind, error) {
	d, err := newDialect(o.URL)
	if err != nil {
		return Empty, err
	}
	if missing, err := missingFile(o.URL); err != nil || missing {
		return Empty, err
	}
	db, err := d.open(true)
	if err != nil {
		return Empty, fmt.Errorf("open the database: %w", err)
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	kind, err := d.detect(ctx, db)
	return kind, d.wrap(ctx, "look at the database", err)
}

func (d *dialect) detect(ctx context.Context, db *sql.DB) (Kind, error) {
	for _, t := range []struct {
		name string
		kind Kind
	}{{"alembic_version", Ironic}, {versionTable, Own}, {"nodes", Ironic}} {
		found, err := d.tableExists(ctx, db, t.name)
		if err != nil || found {
			return t.kind, err
		}
	}
	return Empty, nil
}

func (d *dialect) tableExists(ctx context.Context, db *sql.DB, name string) (bool, error) {
	var one int
	err := db.QueryRowContext(ctx, d.bind(d.hasTable), name).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// OpenReader opens a database of Ironic's or Usher's for reading. It fails if
// a needed column is missing or may not be read, and names it; it fails with
// ErrUnavailable if the database cannot be reached.
func OpenReader(ctx context.Context, o Options) (*Reader, error) {
	d, err := newDialect(o.URL)
	if err != nil {
		return nil, err
	}
	r, err := newReader(d, o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := r.checkColumns(ctx, ReaderTables()); err != nil {
		if !errors.Is(err, usher.ErrUnavailable) {
			err = fmt.Errorf("the database cannot serve Usher: %w", err)
		}
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// OpenStore opens Usher's own database; on SQLite it makes the file. The
// tables come from Migrate. It refuses a database of Ironic's.
func OpenStore(ctx context.Context, o Options) (*Store, error) {
	d, err := ownDialect(ctx, o)
	if err != nil {
		return nil, err
	}
	w, err := d.open(false)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	_, writing := o.split()
	if d.embedded {
		writing = 1 // it has one writer; waiting for it in the pool is fair and has no time-out of its own
	}
	setPool(w, writing)
	r, err := newReader(d, o)
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	s := &Store{Reader: r, w: w}
	if err := s.connect(ctx, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// ownDialect is the dialect of a database that is not Ironic's.
func ownDialect(ctx context.Context, o Options) (*dialect, error) {
	kind, err := Detect(ctx, o)
	if err != nil {
		return nil, err
	}
	if kind == Ironic {
		return nil, usher.Errorf(usher.ErrInvalid, "the database holds tables of Ironic's "+
			"(alembic_version or a foreign nodes table); Usher only ever reads such a database")
	}
	return newDialect(o.URL)
}

// connect makes sure that the database can be written to, and on SQLite that
// nobody else does.
func (s *Store) connect(ctx context.Context, o Options) (err error) {
	if s.d.own != nil {
		if s.fileLock, s.rows, err = s.d.own(o); err != nil {
			return fmt.Errorf("open the database: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return s.d.wrap(ctx, "open the database", s.w.PingContext(ctx))
}

// split shares the connections out: every request of a machine reads, and
// only what operators and ramdisks ask for writes.
func (o Options) split() (reading, writing int) {
	n := orDefault(o.MaxOpen, 16)
	writing = max(1, n/4)
	return max(1, n-writing), writing
}

func setPool(db *sql.DB, n int) {
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	if n > 1 {
		// What a storm opened is closed soon after it, or many processes
		// would hold all that the server has. Servers and the proxies before
		// them drop idle connections, too; a bound on their age also spreads
		// them again after a fail-over.
		db.SetConnMaxIdleTime(10 * time.Second)
		db.SetConnMaxLifetime(time.Hour)
	}
}
