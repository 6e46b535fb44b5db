package app

import (
	"context"
	"path/filepath"

	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/loaders"
)

// InstallLoaders puts boot loaders into the roots of a configuration, or into
// those below dir where it names one.
func InstallLoaders(ctx context.Context, cfg *config.Config, dir string, architectures []string) ([]loaders.Result, error) {
	options := diskOptions(cfg)
	if dir != "" {
		options.HTTPRoot, options.TFTPRoot = filepath.Join(dir, httpFolder), filepath.Join(dir, tftpFolder)
	}
	disk, err := bootiface.OpenDisk(options)
	if err != nil {
		return nil, named("[deploy]http_root, [pxe]tftp_root", err)
	}
	root, err := RootScript(cfg, true)
	if err != nil {
		return nil, err
	}
	return loaders.Install(ctx, loaders.Options{
		Roots:         disk,
		Paths:         cfg.PXE.LoaderFilePaths,
		Architectures: architectures,
		Door:          Door(cfg),
		GRUBRoot:      root,
	})
}

// Door is the machines' door of a configuration, as machines reach it.
func Door(cfg *config.Config) string { return reachable(cfg.Usher.BootListen, cfg.Default.MyIP) }

// TFTPRoot is the folder for TFTP of a configuration.
func TFTPRoot(cfg *config.Config) string { return diskOptions(cfg).TFTPRoot }
