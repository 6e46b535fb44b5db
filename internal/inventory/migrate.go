package inventory

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// migrations holds one folder of SQL files for each engine, with the same
// numbers. A file that was released never changes.
//
//go:embed migrations
var migrations embed.FS

// versionTable holds the versions that were applied, and marks a database as
// Usher's own.
const versionTable = "usher_schema_version"

// Migrate brings the schema up to the newest version. Processes that do so at
// the same time wait for each other.
func (s *Store) Migrate(ctx context.Context) error {
	p, err := s.provider(s.w)
	if err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	applied, err := p.Up(ctx)
	for _, a := range applied {
		s.log.InfoContext(ctx, "database schema upgraded", "version", a.Source.Version, "took", a.Duration)
	}
	return s.d.wrap(ctx, "migrate the database", err)
}

// MigrationStatus is Reader.MigrationStatus for a database of Usher's whose
// schema may be of any version. It does not make a missing SQLite file.
func MigrationStatus(ctx context.Context, o Options) (current, latest int64, err error) {
	d, err := ownDialect(ctx, o)
	if err != nil {
		return 0, 0, err
	}
	r, err := newReader(d, o)
	if err != nil {
		return 0, 0, err
	}
	defer r.Close()
	if missing, err := missingFile(o.URL); err != nil || missing {
		latest, _ := r.latestVersion()
		return 0, latest, err
	}
	return r.MigrationStatus(ctx)
}

// MigrationStatus returns the version of the schema, 0 when there is none,
// and the newest one that this program knows. It changes nothing.
func (r *Reader) MigrationStatus(ctx context.Context) (current, latest int64, err error) {
	if latest, err = r.latestVersion(); err != nil {
		return 0, 0, fmt.Errorf("read the schema's version: %w", err)
	}
	err = r.read(ctx, "read the schema's version", func(ctx context.Context) error {
		found, err := r.d.tableExists(ctx, r.db, versionTable)
		if err != nil || !found {
			return err
		}
		return r.db.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM "+versionTable).Scan(&current)
	})
	return current, latest, err
}

// latestVersion is the newest version that this program knows.
func (r *Reader) latestVersion() (latest int64, err error) {
	p, err := r.provider(r.db)
	if err != nil {
		return 0, err
	}
	for _, source := range p.ListSources() {
		latest = max(latest, source.Version)
	}
	return latest, nil
}

func (r *Reader) provider(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations/"+r.d.name)
	if err != nil {
		return nil, err
	}
	options := []goose.ProviderOption{
		goose.WithTableName(versionTable),
		goose.WithDisableGlobalRegistry(true),
		goose.WithSlog(r.log),
	}
	switch r.d.name {
	case "postgres":
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
		if err != nil {
			return nil, err
		}
		options = append(options, goose.WithSessionLocker(locker))
	case "mysql":
		options = append(options, goose.WithSessionLocker(mysqlLocker{}))
	}
	return goose.NewProvider(r.d.migrations, db, files, options...)
}

// mysqlLocker makes migrations of several processes wait for each other with
// a named lock, which the server frees when its connection ends.
type mysqlLocker struct{}

const mysqlLockName = "usher_migrations"

// SessionLock implements goose's lock.SessionLocker.
func (mysqlLocker) SessionLock(ctx context.Context, conn *sql.Conn) error {
	var got sql.NullInt64
	if err := conn.QueryRowContext(ctx, "SELECT GET_LOCK(CONCAT(DATABASE(), '.', ?), 60)", mysqlLockName).Scan(&got); err != nil {
		return err
	}
	if got.Int64 != 1 {
		return errors.New("another process has been migrating this database for a minute")
	}
	return nil
}

// SessionUnlock implements goose's lock.SessionLocker.
func (mysqlLocker) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "DO RELEASE_LOCK(CONCAT(DATABASE(), '.', ?))", mysqlLockName)
	return err
}
