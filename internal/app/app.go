// Package app builds every part of Usher from a configuration, joins them,
// runs them, reloads them and stops them in reverse. It holds no logic of
// its own: each file here joins the parts of one concern.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/usher-boot/usher/internal/agent"
	"github.com/usher-boot/usher/internal/bootapi"
	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/bootrpc"
	"github.com/usher-boot/usher/internal/conductor"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/images"
	"github.com/usher-boot/usher/internal/inventory"
	"github.com/usher-boot/usher/internal/ironicdisk"
	"github.com/usher-boot/usher/internal/journal"
	"github.com/usher-boot/usher/internal/management"
	"github.com/usher-boot/usher/internal/membership"
	"github.com/usher-boot/usher/internal/metrics"
	"github.com/usher-boot/usher/internal/systemd"
	"github.com/usher-boot/usher/internal/tracing"
)

// Role says which parts of Usher a process is.
type Role struct {
	API       bool // answers machines and operators
	Conductor bool // prepares and answers its own nodes' boot files
}

func (r Role) String() string {
	switch {
	case r.API && r.Conductor:
		return "serve"
	case r.API:
		return "api"
	default:
		return "conductor"
	}
}

// Options are what a process is started with.
type Options struct {
	Role Role
	// Load reads the configuration, at the start and again at each reload.
	Load    func() (*config.Config, error)
	Version string
	Commit  string    // that the program was built from, for the metrics
	Log     io.Writer // log lines, usually standard error
	// Terminal says that Log is one, where progress lines may be drawn.
	Terminal bool
	// Notifier tells a service manager how the process is; nil: there is none.
	Notifier *systemd.Notifier
	// Sockets are listening sockets that a service manager keeps open while
	// processes come and go, by the names of SocketBoot and SocketBootTLS.
	Sockets map[string]net.Listener
}

// App is one built process. Doors are bound by New and answer once Run runs.
type App struct {
	role     Role
	load     func() (*config.Config, error)
	cfg      atomic.Pointer[config.Config]
	version  string
	commit   string
	log      *logging
	logger   *slog.Logger
	metrics  *metrics.Metrics
	tracing  *tracing.Tracing // nil where nobody wants traces
	journal  *journal.Journal // nil where it is turned off
	terminal bool

	ironic       bool              // the inventory is Ironic's: see ironic.go
	host         string            // [DEFAULT]host
	name         string            // of the conductor here: host, or beside Ironic usher.ConductorName
	reader       *inventory.Reader // of either inventory
	nodes        bootNodes         // likewise; what boot requests ask
	rings        *membership.Rings
	conductors   *bootrpc.Client  // who has boot files: peers or Ironic's agents
	agent        *agent.Agent     // beside Ironic, with the conductor role
	ironicDisk   *ironicdisk.Disk // likewise
	ironicImages *swap            // likewise: what its listener for images serves, replaced by a reload

	store      *inventory.Store // this and the next ones: our own inventory only
	peers      *conductor.Peers
	member     *membership.Member             // nil without the conductor role
	local      *conductor.Conductor           // likewise
	disk       *bootiface.Disk                // likewise
	images     *images.Store                  // likewise
	management atomic.Pointer[management.API] // replaced by a reload; a conductor's own door has the ramdisk's part of it
	doors      []*door
	sockets    map[string]net.Listener // handed over, those that no door has taken yet
	machine    *swap                   // the machines' door's handler, replaced by a reload
	httpRoot   *os.Root                // what the machines' door serves files from, opened once

	connections      bootapi.Connections // of each source at the machines' doors
	connectionBudget budget              // of each listener

	notifier *systemd.Notifier // nil without a service manager
	pulse    *pulse            // nil without the conductor role of our own inventory
	isUp     atomic.Bool
	stopping atomic.Bool // from when Run was told to stop

	lifecycle lifecycle
}

// New builds the process and binds its doors. What fails names the option to
// mend; what was built until then is undone.
func New(ctx context.Context, o Options) (*App, error) {
	cfg, err := o.Load()
	if err != nil {
		return nil, err
	}
	log := newLogging(o.Log, cfg)
	a := &App{role: o.Role, load: o.Load, version: o.Version, commit: o.Commit, log: log, logger: log.logger,
		journal: journal.New(cfg.Usher.JournalSize), terminal: o.Terminal, machine: &swap{}, ironicImages: &swap{},
		notifier: o.Notifier, sockets: maps.Clone(o.Sockets)}
	a.lifecycle.logger = a.logger
	a.lifecycle.onStop("log", func(context.Context) error { log.buffer.flush(); return nil })
	a.cfg.Store(cfg)
	for _, w := range cfg.Warnings() {
		a.logger.Warn(w)
	}
	for _, note := range connectionNotes(cfg) {
		if note.Warning {
			a.logger.Warn("[database]connection: " + note.Text)
		}
	}
	if err := a.build(ctx, cfg); err != nil {
		return nil, errors.Join(err, a.lifecycle.stop(context.WithoutCancel(ctx)))
	}
	return a, nil
}

// build makes the parts in the order in which they need each other: those of
// our own inventory, or those beside Ironic. What a machine's request meets is
// the same.
func (a *App) build(ctx context.Context, cfg *config.Config) (err error) {
	if err := checkFilesURL(cfg); err != nil {
		return err
	}
	if a.ironic, err = besideIronic(ctx, cfg); err != nil {
		return err
	}
	a.connectionBudget = a.budget(cfg)
	steps := []func(context.Context, *config.Config) error{
		a.buildMetrics, a.lockState, a.useStore, a.buildTracing, a.bindDoors, a.noSocketLeft, a.buildConductor, a.buildPeers, a.buildManagement, a.buildDoors,
	}
	if a.ironic {
		steps = []func(context.Context, *config.Config) error{
			a.buildMetrics, a.useIronic, a.buildTracing, a.bindIronicDoors, a.noSocketLeft, a.buildAgent, a.buildAgents, a.buildDoors,
		}
	}
	for _, step := range steps {
		if err := step(ctx, cfg); err != nil {
			return err
		}
	}
	return nil
}

// Run registers the conductor, serves until ctx ends, and then stops
// everything within [usher]shutdown_timeout.
func (a *App) Run(ctx context.Context) (err error) {
	cfg := a.cfg.Load()
	defer context.AfterFunc(ctx, func() { a.stopping.Store(true) })()
	defer func() {
		a.stopping.Store(true)
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.Usher.ShutdownTimeout)
		defer cancel()
		err = errors.Join(err, a.lifecycle.stop(stopCtx))
	}()
	// The doors open before the conductor is registered, which takes a while
	// after a crash: a door that is bound and not served makes others wait.
	// And they outlive the membership: lifecycle drains them after it has
	// ended, so a machine that asks while we stop is still answered.
	if a.local != nil {
		a.local.Starting()
	}
	group, runCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return a.down(runCtx, cfg.Usher.ShutdownTimeout) })
	for _, d := range a.doors {
		group.Go(func() error { return d.serve(runCtx) })
	}
	if err := a.register(runCtx); err != nil {
		group.Go(func() error {
			if ctx.Err() != nil {
				return nil // told to stop before it was up
			}
			return err
		})
		return group.Wait()
	}
	if a.store != nil {
		group.Go(func() error { return a.store.KeepRows(runCtx) })
	}
	if a.local != nil {
		group.Go(func() error { return a.member.Run(runCtx) })
		group.Go(func() error { return a.local.Run(runCtx) })
		group.Go(func() error { return a.removeNodeFolders(runCtx) })
	}
	group.Go(func() error { return a.watch(runCtx) })
	a.up(ctx)
	a.logger.Info("usher is up", "role", a.role.String(), "host", a.host, "beside_ironic", a.ironic)
	err = group.Wait()
	if ctx.Err() != nil {
		a.logger.Info("usher is stopping")
	}
	return err
}

// register makes the conductor known. A conductor that cannot register does
// not run: its nodes would be nobody's.
func (a *App) register(ctx context.Context) error {
	if a.local == nil {
		return nil
	}
	id, err := a.member.Register(ctx)
	if err != nil {
		return err
	}
	if err := a.local.FreeLocks(ctx); err != nil {
		return err
	}
	a.local.Registered(id) // from now on it takes locks
	a.rings.Reset()
	return nil
}

// Reload reads the configuration again and puts in force what can be. A bad
// configuration changes nothing.
func (a *App) Reload(ctx context.Context) error {
	done := a.reloading(ctx)
	err := a.reload(ctx)
	done(err)
	if err != nil {
		a.logger.Error("the configuration was not reloaded; the old one stays in force", "error", err)
	}
	a.metrics.Reloaded(err)
	return err
}

func (a *App) reload(ctx context.Context) error {
	read, err := a.load()
	if err != nil {
		return err
	}
	old := a.cfg.Load()
	next := config.Reload(old, read)
	api, err := a.newManagement(next)
	if err != nil {
		return err
	}
	handler, err := a.machinesHandler(next)
	if err != nil {
		return err
	}
	if err := checkFilesURL(next); err != nil {
		return err
	}
	if err := a.reloadIronic(ctx, next); err != nil {
		return err
	}
	if a.local != nil {
		renderer, err := bootiface.NewRenderer(next.Usher.TemplateDir)
		if err != nil {
			return err
		}
		if err := a.installRootScripts(next, renderer); err != nil {
			return err
		}
		a.local.Reload(a.conductorSettings(next), renderer)
	}
	a.management.Store(api)
	a.machine.set(handler)
	a.connections.Bound(next.Usher.BootConnectionsPerSource)
	a.log.set(next)
	a.cfg.Store(next)
	for _, c := range config.Diff(old, read) {
		if c.Reloadable {
			a.logger.Info("option changed", "option", "["+c.Group+"]"+c.Name, "value", c.New)
		} else {
			a.logger.Warn("option changed, but only a restart puts it in force", "option", "["+c.Group+"]"+c.Name, "value", c.New)
		}
	}
	return nil
}

// Inventory tells what the process works on, for the start-up notice.
func (a *App) Inventory() string {
	name := "the database of [database]connection"
	if path := sqliteFile(a.cfg.Load()); path != "" {
		name = "SQLite " + path
	}
	if a.ironic {
		name += ", Ironic's, read only"
	}
	return name
}

// BesideIronic says that the inventory is Ironic's.
func (a *App) BesideIronic() bool { return a.ironic }

// Config is the configuration in force.
func (a *App) Config() *config.Config { return a.cfg.Load() }

// named wraps an error with the option that it is about.
func named(option string, err error) error { return fmt.Errorf("%s: %w", option, err) }
