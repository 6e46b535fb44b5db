package cli

import (
	"fmt"

	"github.com/usher-boot/usher/internal/app"
)

type rootScriptCmd struct {
	GRUB bool `name:"grub" help:"Print GRUB's root configuration instead of iPXE's script."`
}

func (c *rootScriptCmd) Run(s *session) error {
	cfg, err := s.config()
	if err != nil {
		return err
	}
	script, err := app.RootScript(cfg, c.GRUB)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Stdout, "%s", script)
	return nil
}
