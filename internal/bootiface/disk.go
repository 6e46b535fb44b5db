package bootiface

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"

	"github.com/usher-boot/usher"
)

// DiskOptions say where boot files lie, in Ironic's words.
type DiskOptions struct {
	HTTPRoot       string      // [deploy]http_root; empty means there is none
	TFTPRoot       string      // [pxe]tftp_root; empty means there is none
	ConfigSubdir   string      // [pxe]pxe_config_subdir, "pxelinux.cfg" when empty
	FilePermission fs.FileMode // [pxe]file_permission, 0644 when 0
	DirPermission  fs.FileMode // [pxe]dir_permission, 0755 less the umask when 0
}

// Disk is the roots that firmware is served from in our own inventory. They hold
// root scripts and loaders. Every path goes through os.Root. A Disk may be used
// by many goroutines.
type Disk struct {
	options DiskOptions
}

// defaultConfigSubdir is the default of [pxe]pxe_config_subdir.
const defaultConfigSubdir = "pxelinux.cfg"

// configFile is the name of every boot file in its node's folder.
const configFile = "config"

// OpenDisk checks the roots, and makes those that are missing.
func OpenDisk(o DiskOptions) (*Disk, error) {
	o.ConfigSubdir = cmp.Or(o.ConfigSubdir, defaultConfigSubdir)
	o.FilePermission = cmp.Or(o.FilePermission, 0o644)
	if !fs.ValidPath(o.ConfigSubdir) || o.ConfigSubdir == "." {
		return nil, usher.Errorf(usher.ErrInvalid, "[pxe]pxe_config_subdir %q must be a folder below the root", o.ConfigSubdir)
	}
	d := &Disk{options: o}
	for _, path := range []string{o.HTTPRoot, o.TFTPRoot} {
		if path == "" {
			continue
		}
		if err := os.MkdirAll(path, cmp.Or(o.DirPermission, 0o755)); err != nil {
			return nil, fmt.Errorf("make root of boot files: %w", err)
		}
	}
	return d, nil
}

// Path is the folder of a root, empty when there is none.
func (d *Disk) Path(r Root) string {
	if r == TFTPRoot {
		return d.options.TFTPRoot
	}
	return d.options.HTTPRoot
}

// open opens a root. It is opened anew each time, so that one that is mounted
// or replaced later is seen.
func (d *Disk) open(r Root) (*os.Root, error) {
	path := d.Path(r)
	if path == "" {
		return nil, usher.Errorf(usher.ErrUnsupported, "no %s is configured here", r)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", r, err)
	}
	return root, nil
}
