package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/inventory"
)

// sqliteFile is the file of the configured database; empty where a server
// holds it.
func sqliteFile(cfg *config.Config) string { return inventory.SQLiteFile(cfg.Database.Connection) }

// barred is why this account cannot use the configured database: a SQLite file
// that is another account's. nil where that is not the reason. Readers need to
// write too, since SQLite keeps its locks beside the file.
func barred(cfg *config.Config) error {
	path := sqliteFile(cfg)
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	switch {
	case err == nil:
		_ = f.Close() // nothing was written
	case errors.Is(err, fs.ErrPermission):
		return err
	}
	return nil
}

// asWhom is the fix for a file that this account may not use.
const asWhom = "run it as root, or as the account that 'usher serve' runs as"

// databaseError is an error of opening the configured database, with what to
// do about it where this account is the reason.
func databaseError(cfg *config.Config, err error) error {
	if why := barred(cfg); why != nil {
		err = fmt.Errorf("this account may not use the database: %w; %s", why, asWhom)
	}
	return named("[database]connection", err)
}
