package app

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/conductor"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/membership"
)

// rootOf is a root for firmware in our own inventory: as configured, or below
// the state folder.
func rootOf(configured string, cfg *config.Config, name string) string {
	if configured != "" {
		return configured
	}
	return filepath.Join(cfg.Default.StatePath, name)
}

// Folders of the roots below the state folder.
const (
	httpFolder = "httpboot"
	tftpFolder = "tftpboot"
)

func diskOptions(cfg *config.Config) bootiface.DiskOptions {
	return bootiface.DiskOptions{
		HTTPRoot:       rootOf(cfg.Deploy.HTTPRoot, cfg, httpFolder),
		TFTPRoot:       rootOf(cfg.PXE.TFTPRoot, cfg, tftpFolder),
		ConfigSubdir:   cfg.PXE.PXEConfigSubdir,
		FilePermission: cfg.PXE.FilePermission,
		DirPermission:  cfg.PXE.DirPermission,
	}
}

// buildConductor makes the conductor and its member of the ring.
func (a *App) buildConductor(_ context.Context, cfg *config.Config) error {
	if !a.role.Conductor {
		return nil
	}
	var err error
	a.disk, err = bootiface.OpenDisk(diskOptions(cfg))
	if err != nil {
		return named("[deploy]http_root, [pxe]tftp_root", err)
	}
	a.warnLoopback(cfg)
	renderer, err := bootiface.NewRenderer(cfg.Usher.TemplateDir)
	if err != nil {
		return named("[usher]template_dir", err)
	}
	if err := a.installRootScripts(cfg, renderer); err != nil {
		return err
	}
	if err := a.openImages(cfg); err != nil {
		return err
	}
	a.local = conductor.New(conductor.Options{
		Host: cfg.Default.Host, Store: a.store, Rings: ringView{a.rings}, Renderer: renderer,
		Images: nodeImages{a.images}, Settings: a.conductorSettings(cfg), Logger: a.logger, Told: a.toldBy(),
	})
	a.lifecycle.onStop("conductor", a.stopConductor)

	a.pulse = newPulse(a.store, cfg.Conductor.HeartbeatInterval)
	a.member = membership.NewMember(a.pulse, membership.MemberOptions{
		Conductor: usher.Conductor{
			Hostname:   cfg.Default.Host,
			Group:      strings.ToLower(cfg.Conductor.ConductorGroup),
			Interfaces: hardwareInterfaces(cfg),
		},
		Source:            a.store,
		Exclusive:         sqliteFile(cfg) != "", // the lock beside the file has made sure of it
		HeartbeatInterval: cfg.Conductor.HeartbeatInterval,
		HeartbeatTimeout:  a.heartbeatTimeout(cfg),
		Logger:            a.logger,
	})
	return nil
}

// stopConductor leaves half of the time to the doors, which are drained after
// it: a fetch that it cuts off is begun again by the next start.
func (a *App) stopConductor(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok {
		half, cancel := context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
		ctx = half
	}
	a.local.Stop(ctx)
	return nil
}

// ringView is the rings as a conductor looks at them.
type ringView struct{ *membership.Rings }

// Fingerprint differs where any node may have another owner.
func (v ringView) Fingerprint(ctx context.Context) (string, error) {
	s, err := v.Snapshot(ctx)
	if err != nil {
		return "", err
	}
	print := s.Fingerprint()
	return string(print[:]), nil
}

// hardwareInterfaces are the rows by which a conductor says what it serves.
func hardwareInterfaces(cfg *config.Config) []usher.HardwareInterface {
	var rows []usher.HardwareInterface
	for _, hardware := range cfg.Default.EnabledHardwareTypes {
		for _, kind := range []struct {
			name     string
			enabled  []string
			standard string
		}{
			{"boot", cfg.Default.EnabledBootInterfaces, cfg.Default.DefaultBootInterface},
			{"deploy", cfg.Default.EnabledDeployInterfaces, cfg.Default.DefaultDeployInterface},
		} {
			for i, name := range kind.enabled {
				rows = append(rows, usher.HardwareInterface{HardwareType: hardware, Type: kind.name, Name: name,
					Default: name == kind.standard || kind.standard == "" && i == 0})
			}
		}
	}
	return rows
}

func (a *App) conductorSettings(cfg *config.Config) conductor.Settings {
	base := a.httpURL(cfg)
	return conductor.Settings{
		HTTPURL:            base,
		AgentAPI:           a.apiRootURL(cfg),
		KernelAppendParams: strings.ReplaceAll(cfg.PXE.KernelAppendParams, "\n", " "), // continuation lines
		IPXETimeout:        cfg.PXE.IPXETimeout,
		AutomatedClean:     cfg.Conductor.AutomatedClean,
		DeployKernel:       cfg.Conductor.DeployKernel,
		DeployRamdisk:      cfg.Conductor.DeployRamdisk,
		RescueKernel:       cfg.Conductor.RescueKernel,
		RescueRamdisk:      cfg.Conductor.RescueRamdisk,
		Timeouts: map[usher.State]time.Duration{
			usher.DeployWait:  cfg.Conductor.DeployCallbackTimeout,
			usher.CleanWait:   cfg.Conductor.CleanCallbackTimeout,
			usher.InspectWait: cfg.Conductor.InspectWaitTimeout,
			usher.RescueWait:  cfg.Conductor.RescueCallbackTimeout,
			usher.ServiceWait: cfg.Conductor.ServiceCallbackTimeout,
		},
		RingInterval:  cfg.Default.HashRingResetInterval,
		ClockSkew:     a.heartbeatTimeout(cfg) / 3,
		CheckInterval: cfg.Conductor.CheckProvisionStateInterval,
	}
}

// warnLoopback says early what otherwise shows at a machine's console only:
// this host found no address of its own that others could reach.
func (a *App) warnLoopback(cfg *config.Config) {
	host, _, err := net.SplitHostPort(cfg.Usher.BootListen)
	everywhere := err == nil && (host == "" || net.ParseIP(host).IsUnspecified())
	if everywhere && cfg.Deploy.HTTPURL == "" && isLoopback(cfg.Default.MyIP) {
		a.logger.Warn("boot files will name an address that machines cannot reach: set [DEFAULT]my_ip to this host's own",
			"my_ip", cfg.Default.MyIP)
	}
}

// httpURL is where machines fetch this conductor's kernels and ramdisks.
func (a *App) httpURL(cfg *config.Config) string {
	if cfg.Deploy.HTTPURL != "" {
		return strings.TrimRight(cfg.Deploy.HTTPURL, "/")
	}
	return a.machinesURL(cfg)
}

// machinesURL is this process's machines' door as machines reach it: at the
// address it listens on, or at [DEFAULT]my_ip where it listens on all.
func (a *App) machinesURL(cfg *config.Config) string {
	return reachable(a.Addr(DoorMachines), cfg.Default.MyIP)
}

// installRootScripts writes the root scripts into the roots: boot.ipxe into
// http_root for those who serve that folder themselves, and GRUB's root
// configuration into tftp_root, where a GRUB that came by TFTP looks for it.
// The machines' door has root scripts of its own.
func (a *App) installRootScripts(cfg *config.Config, r *bootiface.Renderer) error {
	script, err := r.Root(bootiface.RootScript{
		UseBootConfigAPI: cfg.PXE.IPXEUseBootConfigAPI,
		APIBase:          a.apiRootURL(cfg),
		ConfigSubdir:     cfg.PXE.PXEConfigSubdir,
		FallbackScript:   cfg.PXE.IPXEFallbackScript,
	})
	if err != nil {
		return named("[pxe]", err)
	}
	if err := a.disk.InstallRoot(bootiface.HTTPRoot, "boot.ipxe", script); err != nil {
		return err
	}
	grub, err := r.GRUBRoot(grubRoot(a.apiRootURL(cfg), a.machinesURL(cfg)))
	if err != nil {
		return named("[pxe]", err)
	}
	return a.disk.InstallRoot(bootiface.TFTPRoot, grubRootFile, grub)
}

// apiRootURL is where machines and their ramdisks find an API: what root
// scripts that leave this process link to, and what ramdisks call.
func (a *App) apiRootURL(cfg *config.Config) string {
	if url := cfg.PXE.IPXEConfigAPIRootURL; url != "" {
		return strings.TrimRight(url, "/")
	}
	return a.machinesURL(cfg)
}

// removeNodeFolders removes what an older version of Usher wrote for each node.
// Its images were taken over by the image store, and machines that hold a boot
// file that names them by their node are answered all the same.
func (a *App) removeNodeFolders(context.Context) error {
	removed, err := a.disk.RemoveNodeFolders()
	switch {
	case err != nil:
		a.logger.Warn("the next start will try again", "error", err)
	case removed > 0:
		a.logger.Info("removed the folders of nodes that an older version wrote", "nodes", removed)
	}
	return nil
}
