// Package cli is Usher's command line: one file for each command, each
// printing a table for people or, with --json, JSON for programs.
//
// Exit codes: 0 success; 1 failure; 2 wrong use or configuration; 3 what was
// asked for does not exist, or the machine would get nothing; 4 not now, ask
// again.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/app"
	"github.com/usher-boot/usher/internal/config"
)

// Env is the world around the program.
type Env struct {
	Program        string // how it was called, for hints
	Stdout, Stderr io.Writer
	Environ        []string
	Reload         <-chan os.Signal // SIGHUP
}

// Exit codes.
const (
	exitOK       = 0
	exitFailure  = 1
	exitUsage    = 2
	exitNotFound = 3
	exitNotNow   = 4
)

// grammar is every command and what all have in common.
type grammar struct {
	Files []string `name:"config-file" placeholder:"FILE" help:"Read this configuration file; may be repeated, later ones win. Default: ${config_file}, where it exists."`
	Dirs  []string `name:"config-dir" placeholder:"DIR" help:"Read all *.conf files of this folder, after the files."`

	Serve      serveCmd      `cmd:"" help:"Run API and conductor in one process, the whole of Usher."`
	API        apiCmd        `cmd:"" name:"api" help:"Run the API only: answers machines and operators."`
	Conductor  conductorCmd  `cmd:"" help:"Run a conductor only: prepares boot files and answers the API. Or list conductors."`
	Ring       ringCmd       `cmd:"" help:"Show which conductor owns which nodes, and what would move."`
	Node       nodeCmd       `cmd:"" help:"Add, list, show, deploy and delete nodes."`
	Boot       bootCmd       `cmd:"" help:"Print what a machine would get."`
	Explain    explainCmd    `cmd:"" help:"Say what a machine would get, and why: each step of the way, the cause and the fix."`
	Requests   requestsCmd   `cmd:"" help:"Show what machines asked and were told, and who asked that nobody knows."`
	RootScript rootScriptCmd `cmd:"" name:"root-script" help:"Print the root script that sends every machine to its own boot file."`
	Dnsmasq    dnsmasqCmd    `cmd:"" help:"Print a static dnsmasq configuration that leads every machine here."`
	Loaders    loadersCmd    `cmd:"" help:"Put the boot loaders that firmware asks for (iPXE, shim, GRUB) into tftp_root and http_root."`
	Doctor     doctorCmd     `cmd:"" help:"Check an installation and say how to mend what is wrong."`
	Storm      stormCmd      `cmd:"" help:"Play many machines that power on at once, and report what they got and when."`
	DB         dbCmd         `cmd:"" name:"db" help:"Look after the database."`
	Config     configCmd     `cmd:"" help:"Look at the configuration."`
	Completion completionCmd `cmd:"" help:"Print a shell's completion script."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
	Manual     manualCmd     `cmd:"" hidden:"" help:"Write the manual pages, for packages."`
}

// session is what a command works with.
type session struct {
	Env
	ctx     context.Context
	args    []string // the command line
	sources config.Sources
	model   *kong.Application
}

// defaultConfigFile is read where no other is named.
const defaultConfigFile = "/etc/usher/usher.conf"

// Main runs one command line and returns the exit code.
func Main(ctx context.Context, args []string, env Env) int {
	var g grammar
	parser, err := kong.New(&g, kong.Name("usher"),
		kong.Description("Shows every network-booting machine to the conductor that holds its boot configuration.\n\n"+
			"Exit codes: 0 success; 1 failure; 2 wrong use or configuration; "+
			"3 what was asked for does not exist, or the machine would get nothing; 4 not now, ask again."),
		kong.Writers(env.Stdout, env.Stderr), kong.UsageOnError(), kong.Vars{"config_file": defaultConfigFile},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.Exit(func(code int) { panic(exit(code)) }))
	if err != nil {
		panic(err) // the grammar is wrong: any test shows it
	}
	return run(ctx, parser, &g, args, env)
}

// exit carries kong's wish to end (after --help) out to run.
type exit int

func run(ctx context.Context, parser *kong.Kong, g *grammar, args []string, env Env) (code int) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case exit:
			code = int(e)
		default:
			panic(e)
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(env.Stderr, "usher: %v\nTry '%s --help'.\n", err, command(err))
		return exitUsage
	}
	s := &session{Env: env, ctx: ctx, args: args, model: parser.Model,
		sources: config.Sources{Files: g.Files, Dirs: g.Dirs, Environ: env.Environ}}
	if len(g.Files) == 0 && len(g.Dirs) == 0 {
		if _, err := os.Stat(defaultConfigFile); err == nil {
			s.sources.Files = []string{defaultConfigFile}
		}
	}
	if err := parsed.Run(s); err != nil {
		return s.fail(err)
	}
	return exitOK
}

// command is the command that a wrong command line is about.
func command(err error) string {
	if wrong, ok := errors.AsType[*kong.ParseError](err); ok {
		node := wrong.Context.Selected()
		switch {
		case node == nil:
		case node.Parent.DefaultCmd == node: // it may not have been named
			return path(node.Parent)
		default:
			return path(node)
		}
	}
	return "usher"
}

// fail says what went wrong and gives the exit code for it.
func (s *session) fail(err error) int {
	if _, silent := errors.AsType[told](err); !silent {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			fmt.Fprintf(s.Stderr, "usher: %s\n", line)
		}
	}
	switch {
	case errors.Is(err, usher.ErrNotFound):
		return exitNotFound
	case errors.Is(err, usher.ErrUnavailable):
		return exitNotNow
	case errors.Is(err, usher.ErrInvalid):
		return exitUsage
	}
	return exitFailure
}

// config reads the configuration; what is wrong with it is the user's.
func (s *session) config() (*config.Config, error) {
	cfg, err := config.Load(s.sources)
	if err != nil {
		return nil, &usher.Error{Kind: usher.ErrInvalid, Message: err.Error()}
	}
	return cfg, nil
}

// members opens the conductors and nodes of the configured database, for
// commands that work while the API is down.
func (s *session) members() (*app.Members, error) {
	cfg, err := s.config()
	if err != nil {
		return nil, err
	}
	return app.OpenMembers(s.ctx, cfg)
}

// json prints a value for programs.
func (s *session) json(v any) error {
	e := json.NewEncoder(s.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// call is how the user calls this program, for hints: under "go run" the
// path of the program is gone tomorrow.
func (s *session) call() string {
	if strings.Contains(s.Program, "go-build") {
		return "go run ./cmd/usher"
	}
	return filepath.Base(s.Program)
}

// terminal says whether lines may be redrawn on w.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
