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
	p, err := s.provider()
	if err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	applied, err := p.Up(ctx)
	for _, a := range applied {
		s.log.InfoContext(ctx, "database schema upgraded", "version", a.Source.Version, "took", a.Duration)
	}
	return s.d.wrap(ctx, "migrate the database", err)
}

// MigrationStatus returns the version of the schema, 0 when there is none,
// and the newest one that this program knows. It changes nothing.
func (s *Store) MigrationStatus(ctx context.Context) (current, latest int64, err error) {
	p, err := s.provider()
	if err != nil {
		return 0, 0, fmt.Errorf("read the schema's version: %w", err)
	}
	for _, source := range p.ListSources() {
		latest = max(latest, source.Version)
	}
	err = s.read(ctx, "read the schema's version", func(ctx context.Context) error {
		found, err := s.d.tableExists(ctx, s.db, versionTable)
		if err != nil || !found {
			return err
		}
		return s.db.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM "+versionTable).Scan(&current)
	})
	return current, latest, err
}

func (s *Store) provider() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations/"+s.d.name)
	if err != nil {
		return nil, err
	}
	options := []goose.ProviderOption{
		goose.WithTableName(versionTable),
		goose.WithDisableGlobalRegistry(true),
		goose.WithSlog(s.log),
	}
	switch s.d.name {
	case "postgres":
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
		if err != nil {
			return nil, err
		}
		options = append(options, goose.WithSessionLocker(locker))
	case "mysql":
		options = append(options, goose.WithSessionLocker(mysqlLocker{}))
	}
	return goose.NewProvider(s.d.migrations, s.w, files, options...)
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
