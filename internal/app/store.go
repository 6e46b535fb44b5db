package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/dispatch"
	"github.com/usher-boot/usher/internal/filelock"
	"github.com/usher-boot/usher/internal/inventory"
	"github.com/usher-boot/usher/internal/membership"
)

// lockState makes the state folder and keeps out a second process that would
// write to it.
func (a *App) lockState(_ context.Context, cfg *config.Config) error {
	if !a.role.Conductor {
		return nil
	}
	dir := cfg.Default.StatePath
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return named("[DEFAULT]state_path", err)
	}
	lock, err := filelock.Acquire(filepath.Join(dir, "usher.lock"), 0o644)
	if held, ok := errors.AsType[*filelock.HeldError](err); ok {
		return named("[DEFAULT]state_path", usher.Errorf(usher.ErrConflict, "the state folder %s is %v", dir, held))
	}
	if err != nil {
		return named("[DEFAULT]state_path", err)
	}
	a.lifecycle.onStop("state lock", func(context.Context) error { return lock.Close() })
	return nil
}

// SchemaVersion is the version of our own inventory's schema, and the one that
// this Usher needs. A process may have the inventory open meanwhile.
func SchemaVersion(ctx context.Context, cfg *config.Config) (current, latest int64, err error) {
	current, latest, err = inventory.MigrationStatus(ctx, databaseOptions(cfg, nil))
	if err != nil {
		return 0, 0, databaseError(cfg, err)
	}
	return current, latest, nil
}

// OpenStore opens our own inventory as a configuration names it.
func OpenStore(ctx context.Context, cfg *config.Config) (*inventory.Store, error) {
	return openStore(ctx, cfg, slog.New(slog.DiscardHandler))
}

func openStore(ctx context.Context, cfg *config.Config, logger *slog.Logger) (*inventory.Store, error) {
	store, err := inventory.OpenStore(ctx, databaseOptions(cfg, logger))
	if err != nil {
		return nil, databaseError(cfg, err)
	}
	return store, nil
}

func databaseOptions(cfg *config.Config, logger *slog.Logger) inventory.Options {
	return inventory.Options{
		URL:     cfg.Database.Connection,
		MaxOpen: cfg.Database.MaxPoolSize + cfg.Database.MaxOverflow,
		Logger:  logger,
	}
}

// connectionNotes are what [database]connection does not say itself. What is
// wrong with it, opening it tells.
func connectionNotes(cfg *config.Config) []inventory.Note {
	notes, err := inventory.Notes(cfg.Database.Connection)
	if err != nil {
		return nil
	}
	return notes
}

// useStore opens our own inventory. SQLite's schema is brought up to date
// here; that of a shared database is the operator's to upgrade.
func (a *App) useStore(ctx context.Context, cfg *config.Config) (err error) {
	a.store, err = openStore(ctx, cfg, a.logger)
	if errors.Is(err, usher.ErrConflict) {
		return fmt.Errorf("%w: SQLite is for one process; run 'usher serve', which is API and conductor, "+
			"or name a MariaDB or PostgreSQL database", err)
	}
	if err != nil {
		return err
	}
	a.lifecycle.onStop("inventory", func(context.Context) error { return a.store.Close() })
	if sqliteFile(cfg) != "" {
		if err := a.store.Migrate(ctx); err != nil {
			return err
		}
	} else if err := currentSchema(ctx, a.store); err != nil {
		return err
	}
	a.host = cfg.Default.Host
	a.name = a.host
	a.useReader(a.store.Reader, cfg)
	a.nodes = a.store
	return nil
}

// bootNodes are the nodes as boot requests see them.
type bootNodes interface {
	dispatch.Nodes
	Ping(ctx context.Context) error
}

// useReader reads nodes and conductors from whichever inventory it is.
func (a *App) useReader(r *inventory.Reader, cfg *config.Config) {
	a.reader = r
	a.rings = membership.NewRings(r, membership.RingOptions{
		Algorithm:        cfg.Default.HashRingAlgorithm,
		Exponent:         cfg.Default.HashPartitionExponent,
		ResetInterval:    cfg.Default.HashRingResetInterval,
		HeartbeatTimeout: a.heartbeatTimeout(cfg),
	})
}

func currentSchema(ctx context.Context, store *inventory.Store) error {
	current, latest, err := store.MigrationStatus(ctx)
	if err != nil {
		return err
	}
	if current != latest {
		return usher.Errorf(usher.ErrInvalid,
			"the database's schema is version %d and this Usher needs %d: run 'usher db upgrade' once", current, latest)
	}
	return nil
}

// heartbeatTimeout is when a silent conductor counts as gone; 0, "online is
// enough", on SQLite, where there is but one.
func (a *App) heartbeatTimeout(cfg *config.Config) (timeout time.Duration) {
	if a.reader.HeartbeatRule() {
		timeout = cfg.Conductor.HeartbeatTimeout
	}
	return timeout
}
