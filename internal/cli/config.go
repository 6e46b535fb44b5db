package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

type configCmd struct {
	Show configShowCmd `cmd:"" help:"Print each option, its value and where it came from."`
}

type configShowCmd struct {
	JSON    bool `name:"json" help:"Print JSON."`
	Changed bool `help:"Leave out what has its default."`
}

func (c *configShowCmd) Run(s *session) error {
	cfg, err := s.config()
	if err != nil {
		return err
	}
	type row struct {
		Option     string `json:"option"`
		Value      string `json:"value"`
		Origin     string `json:"origin"`
		Reloadable bool   `json:"reloadable"`
	}
	rows := []row{}
	for _, o := range cfg.Settings() {
		if c.Changed && o.Origin == "default" {
			continue
		}
		rows = append(rows, row{"[" + o.Group + "]" + o.Name, o.Value, o.Origin, o.Reloadable})
	}
	for _, w := range cfg.Warnings() {
		fmt.Fprintf(s.Stderr, "usher: warning: %s\n", w)
	}
	if c.JSON {
		return s.json(rows)
	}
	t := tabwriter.NewWriter(s.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "OPTION\tVALUE\tORIGIN")
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\t%s\n", r.Option, strings.ReplaceAll(r.Value, "\n", `\n`), r.Origin)
	}
	return t.Flush()
}
