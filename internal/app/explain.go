package app

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/bootrpc"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/dispatch"
	"github.com/usher-boot/usher/internal/explanation"
	"github.com/usher-boot/usher/internal/inventory"
	"github.com/usher-boot/usher/internal/ironicdisk"
	"github.com/usher-boot/usher/internal/jsonrpc"
	"github.com/usher-boot/usher/internal/membership"
)

// ExplainOptions are what 'usher explain' was told.
type ExplainOptions struct {
	MAC, File string
	From      netip.Addr // zero: not asked about
	Program   string     // how the user calls this program
}

// Explain explains from this host's configuration what a machine would get.
// It opens what the API would open, and needs no process to run.
func Explain(ctx context.Context, cfg *config.Config, q ExplainOptions) (*explanation.Report, error) {
	o := explanation.Options{Journal: newAdminClient(cfg), Site: explanation.Site{Program: q.Program, Admin: LocalURL(cfg.Usher.AdminListen)}}
	limits, err := LimitsOf(cfg, q.From)
	if err != nil {
		return nil, err
	}
	o.Site.Limits = explanation.Limits{Rate: limits.Rate, Connections: limits.Connections, Networks: limits.Networks, Allowed: limits.Allowed}
	if limits.Rate > 0 {
		o.Site.Limits.Burst = limits.Burst
	}
	if q.From.IsValid() {
		o.Site.Limits.From = q.From.String()
	} else {
		o.Site.Limits.Allowed = true
	}
	o.Site.Door, o.Site.DoorErr = knock(ctx, cfg.Usher.BootListen)

	closeAll, err := explainFrom(ctx, cfg, &o)
	if err != nil {
		return nil, err
	}
	defer closeAll()
	return explanation.Explain(ctx, o, explanation.Question{MAC: q.MAC, File: q.File}), nil
}

// decisionSettings are the settings by which this site decides.
func decisionSettings(cfg *config.Config, ironic bool) dispatch.Options {
	return dispatch.Options{
		Restrict:   cfg.API.RestrictBootConfig,
		AllPorts:   cfg.Neutron.AddAllPorts,
		RPCTimeout: cfg.Usher.RPCTimeout,
		Failover:   !ironic, // any conductor of our own inventory can prepare any node
	}
}

// explainFrom fills in the parts as the API would build them. A database that
// cannot be opened is what the machines' door would meet, and no error here.
func explainFrom(ctx context.Context, cfg *config.Config, o *explanation.Options) (closeAll func(), err error) {
	start := time.Now()
	kind, err := inventory.Detect(ctx, databaseOptions(cfg, nil))
	if err == nil && kind == inventory.Empty {
		o.Site.Empty = true
		err = usher.Errorf(usher.ErrUnavailable, "%s holds no tables, neither Usher's nor Ironic's", orElse(sqliteFile(cfg), "the database of [database]connection"))
	}
	ironic := kind == inventory.Ironic
	sqlite := sqliteFile(cfg) != ""
	o.Site.Ironic, o.Site.Alone = ironic, sqlite && !ironic
	o.Dispatch = decisionSettings(cfg, ironic)
	var reader *inventory.Reader
	if err == nil {
		reader, err = inventory.OpenReader(ctx, databaseOptions(cfg, nil))
	}
	if err != nil {
		if o.Site.Barred = barred(cfg); o.Site.Barred != nil {
			err = o.Site.Barred
		}
		o.Dispatch.Nodes, o.Opening = noDatabase{err}, time.Since(start)
		return func() {}, nil
	}
	timeout := cfg.Conductor.HeartbeatTimeout
	if !reader.HeartbeatRule() {
		timeout = 0
	}
	rings := membership.NewRings(reader, membership.RingOptions{Algorithm: cfg.Default.HashRingAlgorithm,
		Exponent: cfg.Default.HashPartitionExponent, ResetInterval: cfg.Default.HashRingResetInterval, HeartbeatTimeout: timeout})
	o.Dispatch.Nodes, o.Dispatch.Rings = reader, rings
	o.Inventory, o.Addresses, o.HeartbeatTimeout = reader, reader, timeout
	if ironic {
		o.Disk = hostDisk(ctx, cfg)
	}

	var client *jsonrpc.Client
	switch {
	case ironic:
		o.Dispatch.Elsewhere = newElsewhere(cfg, reader, rings, timeout)
		o.Site.RPC = "[usher]rpc_listen = " + agentListen(cfg)
		client, err = agentClient(cfg)
	case sqlite:
		o.Conductors = newAdminClient(cfg)
		return func() { reader.Close() }, nil
	default:
		o.Site.RPC = "[json_rpc]port = " + strconv.Itoa(cfg.JSONRPC.Port)
		client, err = rpcClient(cfg)
	}
	if err != nil {
		reader.Close()
		return nil, err
	}
	o.Conductors = remote{client}
	return func() { client.Close(); reader.Close() }, nil
}

// evidence is what the conductor in this process would answer; nil without one.
func (a *App) evidence() func(ctx context.Context, nodeUUID, file string) any {
	var w bootrpc.Witness
	switch {
	case a.local != nil:
		w = a.local
	case a.agent != nil:
		w = a.agent
	default:
		return nil
	}
	return func(ctx context.Context, nodeUUID, file string) any { return w.Evidence(ctx, nodeUUID, file) }
}

// noDatabase are nodes that cannot be looked up.
type noDatabase struct{ err error }

func (n noDatabase) BootNodeByMAC(context.Context, usher.MAC) (usher.BootNode, error) {
	return usher.BootNode{}, n.err
}

// remote asks conductors by RPC.
type remote struct{ *jsonrpc.Client }

func (r remote) Evidence(ctx context.Context, host string, node usher.BootNode, file string) (bootiface.Evidence, error) {
	return bootrpc.Evidence(ctx, r.Client, host, node, file)
}

// hostDisk looks at this host's own disk, for the Ironic conductor of this
// host where its agent cannot be asked.
func hostDisk(ctx context.Context, cfg *config.Config) func(string, usher.BootNode, string) (bootiface.Evidence, bool) {
	return func(host string, node usher.BootNode, file string) (e bootiface.Evidence, ok bool) {
		if !usher.SameConductor(host, usher.ConductorName(ironicHost(ctx, cfg), cfg.JSONRPC.Port)) {
			return e, false
		}
		i, ok := bootiface.Lookup(node.BootInterface)
		if !ok {
			return e, false
		}
		disk, err := ironicDisk(cfg, ironicdisk.URLs{HTTP: cfg.Deploy.HTTPURL, Files: filesURL(ctx, cfg, cfg.Usher.FilesListen)})
		if err != nil {
			return e, false
		}
		e.Host = host
		e.Problem = bootiface.ProblemOf(disk.Look(i, node.UUID, file, &e))
		return e, true
	}
}

// knock says whether anything listens where machines ask on this host.
func knock(ctx context.Context, listen string) (url string, err error) {
	url = LocalURL(listen)
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		return url, fmt.Errorf("%s ([usher]boot_listen): %w", url, bare(err))
	}
	return url, conn.Close()
}
