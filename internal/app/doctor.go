package app

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/usher-boot/usher/internal/agent"
	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/doctor"
	"github.com/usher-boot/usher/internal/inventory"
	"github.com/usher-boot/usher/internal/jsonrpc"
)

// Doctor checks an installation from this host. dnsmasq is a configuration
// file of dnsmasq's, or empty.
func Doctor(ctx context.Context, cfg *config.Config, version, dnsmasq string) doctor.Report {
	var checks []doctor.Check
	for _, w := range cfg.Warnings() {
		checks = append(checks, doctor.Check{Name: "configuration", State: doctor.Warning, Detail: w, Fix: "see docs/configuration.md"})
	}
	found, ironic := doctorDatabase(ctx, cfg, version)
	checks = append(checks, found...)
	checks = append(checks, doctorDoor(ctx, cfg, ironic)...)
	checks = append(checks, doctorExposure(cfg, ironic)...)
	checks = append(checks, doctorCertificates(cfg)...)
	if dnsmasq != "" {
		checks = append(checks, doctor.Dnsmasq(dnsmasq, publicDoor(cfg), strings.TrimRight(cfg.Deploy.HTTPURL, "/")))
	}
	return doctor.Of(checks...)
}

// doctorExposure warns of RPC that anybody may call.
func doctorExposure(cfg *config.Config, ironic bool) []doctor.Check {
	option, address := rpcAddress(cfg, ironic)
	host, _, err := net.SplitHostPort(address)
	if err != nil || isLoopback(host) || cfg.JSONRPC.AuthStrategy != "noauth" || sqliteFile(cfg) != "" {
		return nil
	}
	return []doctor.Check{{Name: "RPC", State: doctor.Warning,
		Detail: fmt.Sprintf("%s = %s without authentication: whoever reaches it can read the boot files of all nodes", option, address),
		Fix:    "set [json_rpc]auth_strategy = http_basic, or let only the hosts of Usher reach that port"}}
}

// doctorDatabase checks the database and, through it, the conductors.
func doctorDatabase(ctx context.Context, cfg *config.Config, version string) (checks []doctor.Check, ironic bool) {
	const name, reach = "database", "check [database]connection, and that the server runs and lets this host in"
	for _, note := range connectionNotes(cfg) {
		check := doctor.Check{Name: "[database]connection", State: doctor.OK, Detail: note.Text}
		if note.Warning {
			check.State, check.Fix = doctor.Warning, "correct [database]connection, or provide the file on this host"
		}
		checks = append(checks, check)
	}
	options := databaseOptions(cfg, nil)
	kind, err := inventory.Detect(ctx, options)
	if err != nil {
		if why := barred(cfg); why != nil {
			return append(checks, doctor.Check{Name: name, State: doctor.Failed, Detail: why.Error(), Fix: asWhom}), false
		}
		return append(checks, doctor.Check{Name: name, State: doctor.Failed, Detail: err.Error(), Fix: reach}), false
	}
	if kind == inventory.Empty {
		return append(checks, doctor.Check{Name: name, State: doctor.Failed, Detail: "it holds no tables, neither Usher's nor Ironic's: " + orElse(sqliteFile(cfg), "that of [database]connection"),
			Fix: "beside Ironic, name Ironic's database in [database]connection; otherwise run 'usher db upgrade', or 'usher serve' for SQLite"}), false
	}
	ironic = kind == inventory.Ironic
	reader, err := inventory.OpenReader(ctx, options)
	if err != nil {
		return append(checks, doctor.Check{Name: name, State: doctor.Failed, Detail: err.Error(),
			Fix: reach + "; 'usher db grants' prints the rights that the account needs"}), ironic
	}
	defer reader.Close()
	whose := map[bool]string{true: "Ironic's, every column that is needed can be read", false: "Usher's own"}[ironic]
	checks = append(checks, doctor.Check{Name: name, State: doctor.OK, Detail: whose})
	if ironic {
		if err := reader.CheckMore(ctx); err != nil {
			checks = append(checks, doctor.Check{Name: name, State: doctor.Warning,
				Detail: "some details of nodes cannot be read: " + err.Error(),
				Fix:    "grant the account the statements that 'usher db grants' prints now; until then 'usher explain' tells less, and an inspection by ironic-inspector gets 503 where its conductor is gone"})
		}
	}

	site := doctor.Site{Mine: settings(cfg, version), Ironic: ironic, Program: "'usher conductor'"}
	switch {
	case ironic:
		site.Program = "its ironic-conductor"
	case sqliteFile(cfg) != "":
		site.Program = "'usher serve'"
	}
	if reader.HeartbeatRule() {
		site.HeartbeatTimeout = cfg.Conductor.HeartbeatTimeout
	}
	if site.Conductors, err = reader.Conductors(ctx); err != nil {
		return append(checks, doctor.Check{Name: "conductors", State: doctor.Failed, Detail: err.Error(), Fix: reach}), ironic
	}
	var client *jsonrpc.Client
	switch {
	case ironic:
		site.RPC = "[usher]rpc_listen = " + agentListen(cfg)
		client, err = agentClient(cfg)
	case reader.HeartbeatRule():
		site.RPC = "[json_rpc]port = " + strconv.Itoa(cfg.JSONRPC.Port)
		client, err = rpcClient(cfg)
	}
	if err != nil {
		return append(checks, doctor.Check{Name: "RPC", State: doctor.Failed, Detail: err.Error(), Fix: "correct [json_rpc]"}), ironic
	}
	if client != nil { // an inventory of one process has no RPC
		defer client.Close()
		site.Agents = &agent.Agents{Caller: client}
	}
	return append(checks, site.Check(ctx)...), ironic
}

// doctorDoor checks the machines' door, and the root script that somebody
// else serves.
func doctorDoor(ctx context.Context, cfg *config.Config, ironic bool) []doctor.Check {
	renderer, err := bootiface.NewRenderer(cfg.Usher.TemplateDir)
	if err != nil {
		return []doctor.Check{{Name: "templates", State: doctor.Failed, Detail: err.Error(), Fix: "correct [usher]template_dir"}}
	}
	scripts, err := rootScripts(cfg, renderer, ironic)
	if err != nil {
		return []doctor.Check{{Name: "root script", State: doctor.Failed, Detail: err.Error(), Fix: "correct [pxe]"}}
	}
	door := publicDoor(cfg)
	checks := doctor.Door{URL: door, Scripts: scripts}.Check(ctx)
	if host, port, err := net.SplitHostPort(strings.TrimPrefix(door, "http://")); err == nil && isLoopback(host) {
		checks = append(checks, doctor.Check{Name: "machines' door", State: doctor.Warning,
			Detail: fmt.Sprintf("%s is this host alone", door),
			Fix:    "set [usher]boot_listen = 0.0.0.0:" + port + " and, where this host has several addresses, [DEFAULT]my_ip"})
	}
	script := cfg.PXE.IPXEBootScript
	if !ironic || script == "" {
		return checks
	}
	want, err := RootScript(cfg, false)
	if err != nil {
		return append(checks, doctor.Check{Name: "root script", State: doctor.Failed, Detail: err.Error(), Fix: "correct [pxe]"})
	}
	const option = "[pxe]ipxe_boot_script"
	checks = append(checks, doctor.ScriptFile(option, script, want))
	copied := filepath.Join(orElse(cfg.Deploy.HTTPRoot, ironicHTTPRoot), filepath.Base(script))
	if _, err := os.Stat(copied); err == nil { // on a conductor's host
		check := doctor.ScriptFile(option, copied, want)
		if check.State != doctor.OK {
			check.Fix = "restart Ironic's conductor here, which copies it from " + script
		}
		checks = append(checks, check)
	}
	return checks
}

// publicDoor is the machines' door as machines are told of it.
func publicDoor(cfg *config.Config) string {
	return orElse(strings.TrimRight(cfg.PXE.IPXEConfigAPIRootURL, "/"), Door(cfg))
}
