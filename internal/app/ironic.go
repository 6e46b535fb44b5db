package app

import (
	"context"
	"net"
	"strconv"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/agent"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/dispatch"
	"github.com/usher-boot/usher/internal/inventory"
	"github.com/usher-boot/usher/internal/ironicdisk"
	"github.com/usher-boot/usher/internal/jsonrpc"
)

// Ironic's own defaults of what its conductors write to, and the port of
// Usher's agents, since Ironic has [json_rpc]port.
const (
	ironicHTTPRoot = "/httpboot"
	ironicTFTPRoot = "/tftpboot"
	agentPort      = 8090
)

// besideIronic says whose database the configuration names.
func besideIronic(ctx context.Context, cfg *config.Config) (bool, error) {
	kind, err := inventory.Detect(ctx, databaseOptions(cfg, nil))
	if err != nil {
		return false, databaseError(cfg, err)
	}
	return kind == inventory.Ironic, nil
}

// useIronic opens Ironic's database for reading. There is no store: nothing
// in this process could write to it.
func (a *App) useIronic(ctx context.Context, cfg *config.Config) error {
	reader, err := inventory.OpenReader(ctx, databaseOptions(cfg, a.logger))
	if err != nil {
		return databaseError(cfg, err)
	}
	a.lifecycle.onStop("inventory", func(context.Context) error { return reader.Close() })
	a.host = ironicHost(ctx, cfg)
	a.name = usher.ConductorName(a.host, cfg.JSONRPC.Port)
	a.useReader(reader, cfg)
	a.nodes = reader
	a.warnFallback(cfg)
	return nil
}

// buildAgent makes the agent beside this host's Ironic conductor.
func (a *App) buildAgent(ctx context.Context, cfg *config.Config) error {
	if !a.role.Conductor {
		return nil
	}
	var err error
	if a.ironicDisk, err = ironicDisk(cfg, a.ironicURLs(ctx, cfg)); err != nil {
		return err
	}
	// Who starts first does not matter: the row is looked up at each use.
	if c, err := a.rings.Beside(ctx, a.name); err != nil {
		a.logger.Warn("the agent is not beside an active conductor yet", "host", a.host, "error", err)
	} else {
		a.logger.Info("the agent is beside a conductor of Ironic's", "host", a.host, "conductor", c.Hostname)
	}
	a.agent = agent.New(agent.Options{Host: a.host, Name: a.name, Nodes: a.reader, Conductors: a.rings, Disk: a.ironicDisk,
		Restrict: func() bool { return a.cfg.Load().API.RestrictBootConfig },
		Settings: settings(cfg, a.version), Logger: a.logger, BootFileRead: a.bootFileRead()})
	return nil
}

// ironicDisk is what Ironic's conductor on this host writes, for reading.
func ironicDisk(cfg *config.Config, u ironicdisk.URLs) (*ironicdisk.Disk, error) {
	return ironicdisk.New(ironicdisk.Options{
		HTTPRoot:     orElse(cfg.Deploy.HTTPRoot, ironicHTTPRoot),
		TFTPRoot:     orElse(cfg.PXE.TFTPRoot, ironicTFTPRoot),
		ConfigSubdir: cfg.PXE.PXEConfigSubdir,
	}, u)
}

// settings are what all hosts must agree on.
func settings(cfg *config.Config, version string) agent.Settings {
	return agent.Settings{Version: version, Algorithm: cfg.Default.HashRingAlgorithm, Exponent: cfg.Default.HashPartitionExponent,
		HeartbeatTimeout: cfg.Conductor.HeartbeatTimeout.Seconds()}
}

// buildAgents joins the agents, here and elsewhere.
func (a *App) buildAgents(_ context.Context, cfg *config.Config) error {
	options, err := agentOptions(cfg)
	if err != nil {
		return err
	}
	client, err := jsonrpc.NewClient(a.callWith(options))
	if err != nil {
		return err
	}
	a.lifecycle.onStop("RPC client", func(context.Context) error { client.Close(); return nil })
	a.useConductors(client)
	return nil
}

// agentClient calls agents with Ironic's credentials and TLS, each at the host
// of its conductor's row and the port of Usher.
func agentClient(cfg *config.Config) (*jsonrpc.Client, error) {
	options, err := agentOptions(cfg)
	if err != nil {
		return nil, err
	}
	return jsonrpc.NewClient(options)
}

func agentOptions(cfg *config.Config) (jsonrpc.ClientOptions, error) {
	options := rpcOptions(cfg)
	options.IgnorePorts = true
	_, port, err := net.SplitHostPort(agentListen(cfg))
	if err != nil { // the configuration has checked it
		return options, named("[usher]rpc_listen", err)
	}
	if options.Port, err = strconv.Atoi(port); err != nil {
		return options, named("[usher]rpc_listen", err)
	}
	return options, nil
}

// agentListen is where agents listen.
func agentListen(cfg *config.Config) string {
	return orElse(cfg.Usher.RPCListen, net.JoinHostPort(cfg.JSONRPC.HostIP, strconv.Itoa(agentPort)))
}

// bindIronicDoors binds the listeners beside Ironic: operators have Ironic's
// API, and kernels and ramdisks come from Ironic's web server, or from the
// agent where that does not have them.
func (a *App) bindIronicDoors(ctx context.Context, cfg *config.Config) error {
	a.stopAfterDoors()
	if a.role.API {
		if err := a.bindMachines(ctx, cfg); err != nil {
			return err
		}
	}
	if a.role.Conductor {
		if err := a.bind(ctx, cfg, DoorRPC, "[usher]rpc_listen", agentListen(cfg)); err != nil {
			return err
		}
		if err := a.bindFiles(ctx, cfg); err != nil {
			return err
		}
	}
	return a.bind(ctx, cfg, DoorAdmin, "[usher]admin_listen", cfg.Usher.AdminListen)
}

// elsewhere fills Ironic's gaps; Usher's own conductors leave none.
func (a *App) elsewhere(cfg *config.Config) *dispatch.Elsewhere {
	if !a.ironic {
		return nil
	}
	return newElsewhere(cfg, a.reader, a.rings, a.heartbeatTimeout(cfg))
}

func newElsewhere(cfg *config.Config, r *inventory.Reader, m dispatch.Members, heartbeatTimeout time.Duration) *dispatch.Elsewhere {
	// Without a time-out a conductor still was there for a heartbeat's time
	// after the last one.
	return &dispatch.Elsewhere{Members: m, HeartbeatTimeout: max(heartbeatTimeout, 2*cfg.Conductor.HeartbeatInterval),
		RequireManagedBoot: cfg.Inspector.RequireManagedBoot, Inspections: r}
}

// isLocal says whether the conductor of this name is the one of this process,
// or beside Ironic the one on this host, whichever name Ironic has given it.
// In an inventory of our own h and h:8090 are two.
func (a *App) isLocal(host string) bool {
	return host == a.name || a.ironic && usher.SameConductor(host, a.name)
}

// ironicHost is the name of the Ironic conductor on this host.
func ironicHost(ctx context.Context, cfg *config.Config) string {
	for _, s := range cfg.Settings() {
		if s.Group == "DEFAULT" && s.Name == "host" && s.Origin == "default" {
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			return fullHostName(ctx)
		}
	}
	return cfg.Default.Host
}

func orElse(configured, standard string) string {
	if configured != "" {
		return configured
	}
	return standard
}
