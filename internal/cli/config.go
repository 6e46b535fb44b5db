package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/usher-boot/usher/internal/inventory"
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
		Option     string   `json:"option"`
		Value      string   `json:"value"`
		Origin     string   `json:"origin"`
		Reloadable bool     `json:"reloadable"`
		Notes      []string `json:"notes,omitempty"`
	}
	rows := []row{}
	for _, o := range cfg.Settings() {
		if c.Changed && o.Origin == "default" {
			continue
		}
		r := row{Option: "[" + o.Group + "]" + o.Name, Value: o.Value, Origin: o.Origin, Reloadable: o.Reloadable}
		if r.Option == "[database]connection" {
			r.Notes = connectionNotes(cfg.Database.Connection)
		}
		rows = append(rows, r)
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
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range rows {
		for _, note := range r.Notes {
			fmt.Fprintf(s.Stdout, "%s: %s\n", r.Option, note)
		}
	}
	return nil
}

// connectionNotes are what the connection URL does not say itself, or what is
// wrong with it, which is no reason not to show the rest.
func connectionNotes(url string) []string {
	notes, err := inventory.Notes(url)
	if err != nil {
		return []string{err.Error()}
	}
	var texts []string
	for _, n := range notes {
		texts = append(texts, n.Text)
	}
	return texts
}
