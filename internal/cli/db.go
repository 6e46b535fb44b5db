package cli

import (
	"errors"
	"fmt"

	"github.com/usher-boot/usher/internal/app"
	"github.com/usher-boot/usher/internal/inventory"
)

type dbCmd struct {
	Upgrade dbUpgradeCmd `cmd:"" help:"Bring the schema of Usher's own inventory up to date."`
	Status  dbStatusCmd  `cmd:"" help:"Tell the schema's version."`
	Grants  dbGrantsCmd  `cmd:"" help:"Print the statements that let an account read what Usher needs of Ironic's database, and no more."`
}

type dbGrantsCmd struct {
	Account string `default:"usher" help:"Name of the account. Default: ${default}."`
	Host    string `default:"%" help:"Host that the account comes from, for MariaDB and MySQL. Default: ${default}, any."`
}

// Run prints statements for the engine of [database]connection, whose server
// it does not ask.
func (c *dbGrantsCmd) Run(s *session) error {
	cfg, err := s.config()
	if err != nil {
		return err
	}
	statements, err := inventory.Grants(cfg.Database.Connection, c.Account, c.Host)
	if err != nil {
		return err
	}
	for _, statement := range statements {
		fmt.Fprintf(s.Stdout, "%s;\n", statement)
	}
	return nil
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
	current, latest, err := app.SchemaVersion(s.ctx, cfg)
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
