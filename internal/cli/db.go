package cli

import (
	"errors"
	"fmt"

	"github.com/usher-boot/usher/internal/app"
)

type dbCmd struct {
	Upgrade dbUpgradeCmd `cmd:"" help:"Bring the schema of Usher's own inventory up to date."`
	Status  dbStatusCmd  `cmd:"" help:"Tell the schema's version."`
}

type dbUpgradeCmd struct{}

func (*dbUpgradeCmd) Run(s *session) (err error) {
	cfg, err := s.config()
	if err != nil {
		return err
	}
	store, err := app.OpenStore(s.ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if err := store.Migrate(s.ctx); err != nil {
		return err
	}
	current, _, err := store.MigrationStatus(s.ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Stdout, "The schema is version %d.\n", current)
	return nil
}

type dbStatusCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c *dbStatusCmd) Run(s *session) (err error) {
	cfg, err := s.config()
	if err != nil {
		return err
	}
	store, err := app.OpenStore(s.ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	current, latest, err := store.MigrationStatus(s.ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.json(map[string]int64{"current": current, "latest": latest})
	}
	fmt.Fprintf(s.Stdout, "The schema is version %d; this Usher needs %d.\n", current, latest)
	if current != latest {
		fmt.Fprintf(s.Stdout, "Run '%s db upgrade'.\n", s.call())
	}
	return nil
}
