package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/roff"
)

// manualCmd writes the manual pages for packages. They are made from the
// grammar itself, so they say what --help says.
type manualCmd struct {
	Dir string `arg:"" placeholder:"DIR" help:"Folder to write the pages into; made where it is missing."`
}

func (c *manualCmd) Run(s *session) error {
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return err
	}
	pages := map[string]string{"usher.conf.5": config.Manual(version())}
	s.pages(s.model.Node, pages)
	var errs []error
	for name, page := range pages {
		errs = append(errs, os.WriteFile(filepath.Join(c.Dir, name), []byte(page), 0o644))
	}
	return errors.Join(errs...)
}

// pages adds the page of a command and those of the commands below it.
func (s *session) pages(n *kong.Node, pages map[string]string) {
	name := pageName(n)
	pages[name+".1"] = page(n, name)
	for _, child := range commands(n) {
		s.pages(child, pages)
	}
}

// commands are the commands of a command that people are shown.
func commands(n *kong.Node) []*kong.Node {
	var shown []*kong.Node
	for _, child := range n.Children {
		if child.Type == kong.CommandNode && !child.Hidden {
			shown = append(shown, child)
		}
	}
	return shown
}

// path is the command as it is typed: "usher node add".
func path(n *kong.Node) string {
	if n.Parent == nil {
		return n.Name
	}
	return path(n.Parent) + " " + n.Name
}

func pageName(n *kong.Node) string { return strings.ReplaceAll(path(n), " ", "-") }

func page(n *kong.Node, name string) string {
	p := roff.New(name, 1, "usher "+version(), "Usher")
	about, rest, _ := strings.Cut(n.Help, "\n\n")
	p.Name(name, strings.TrimSuffix(about, "."))
	p.Section("SYNOPSIS")
	synopsis := roff.Bold(path(n))
	if len(commands(n)) > 0 {
		synopsis += " " + roff.Argument("COMMAND")
	}
	for _, a := range n.Positional {
		synopsis += " " + argument(a)
	}
	p.Line(synopsis + " [" + roff.Argument("OPTION") + "...]")
	p.Section("DESCRIPTION")
	p.Text(about)
	if rest != "" {
		p.Text(rest)
	}
	for _, a := range n.Positional {
		p.Item(roff.Argument(argumentName(a)), a.Help)
	}
	if children := commands(n); len(children) > 0 {
		p.Section("COMMANDS")
		for _, child := range children {
			p.Item(roff.Bold(pageName(child))+"(1)", child.Help)
		}
	}
	p.Section("OPTIONS")
	for _, flags := range n.AllFlags(true) {
		for _, f := range flags {
			p.Item(flag(f), strings.TrimSpace(f.Help+" "+fromEnvironment(f)))
		}
	}
	if n.Parent == nil {
		p.Section("FILES")
		p.Item(roff.Argument(defaultConfigFile), "The configuration, see usher.conf(5).")
		p.Section("ENVIRONMENT")
		p.Item(roff.Bold("OS_")+roff.Argument("GROUP")+roff.Bold("__")+roff.Argument("OPTION"),
			"Overrides an option of the configuration: `OS_DEFAULT__STATE_PATH`.")
		p.Item(roff.Bold("NOTIFY_SOCKET")+", "+roff.Bold("WATCHDOG_USEC"),
			"Set by systemd for the services: where to say that the service is ready, and how often that it is alive.")
	}
	p.Section("SEE ALSO")
	also := roff.Bold("usher.conf") + "(5)"
	if n.Parent != nil {
		also = roff.Bold(pageName(n.Parent)) + "(1), " + also
	}
	p.Line(also)
	return p.String()
}

// fromEnvironment names the variables that set a flag, as --help does.
func fromEnvironment(f *kong.Flag) string {
	var names []string
	for _, name := range f.Envs {
		names = append(names, "`$"+name+"`")
	}
	if len(names) == 0 {
		return ""
	}
	return "(" + strings.Join(names, ", ") + ")"
}

func argumentName(v *kong.Positional) string { return strings.ToUpper(v.Name) }

func argument(v *kong.Positional) string {
	text := roff.Argument(argumentName(v))
	if v.IsCumulative() {
		text += "..."
	}
	if !v.Required {
		text = "[" + text + "]"
	}
	return text
}

func flag(f *kong.Flag) string {
	text := roff.Bold("--" + f.Name)
	if f.Short != 0 {
		text = roff.Bold(fmt.Sprintf("-%c", f.Short)) + ", " + text
	}
	if !f.IsBool() {
		text += "=" + roff.Argument(f.FormatPlaceHolder())
	}
	return text
}
