package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/inventory"
	"github.com/usher-boot/usher/internal/membership"
)

// lockState makes the state folder and keeps a second process that would
// write to it out. The kernel drops the lock with the process, however it ends.
func (a *App) lockState(_ context.Context, cfg *config.Config) error {
	if !a.role.Conductor {
		return nil
	}
	dir := cfg.Default.StatePath
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return named("[DEFAULT]state_path", err)
	}
	path := filepath.Join(dir, "usher.lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return named("[DEFAULT]state_path", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		pid, _ := os.ReadFile(path)
		return errors.Join(usher.Errorf(usher.ErrConflict,
			"another usher (pid %s) is running on the state folder %s: stop it first, or name another folder in [DEFAULT]state_path",
			strings.TrimSpace(string(pid)), dir), f.Close())
	}
	a.lifecycle.onStop("state lock", func(context.Context) error { return f.Close() })
	if err := f.Truncate(0); err != nil {
		return named("[DEFAULT]state_path", err)
	}
	_, err = fmt.Fprintln(f, os.Getpid())
	return err
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
func (a *App) useStore(ctx context.Context, cfg *config.Config) error {
	var err error
	if a.store, err = openStore(ctx, cfg, a.logger); err != nil {
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
	return nil
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
