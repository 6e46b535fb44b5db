// Package ironicdisk reads what an Ironic conductor wrote for its machines:
// boot files, as they can be given to a machine by somebody else than Ironic's
// own servers, and the files that these load.
//
// It follows ironic/common/pxe_utils.py and drivers/modules/pxe_base.py for
// where files lie and how names in them are meant. It has nothing that could
// write, takes no decisions about nodes, and serves nothing itself.
package ironicdisk

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
)

// Options say where Ironic writes, in its own words.
type Options struct {
	HTTPRoot     string // [deploy]http_root
	TFTPRoot     string // [pxe]tftp_root
	ConfigSubdir string // [pxe]pxe_config_subdir, "pxelinux.cfg" when empty
}

// URLs say where machines find what lies below the roots.
type URLs struct {
	// HTTP is [deploy]http_url: Ironic's web server, for http_root.
	HTTP string
	// Files is the agent's own listener, for what that web server does not
	// have: see Image. Empty: there is none, and such names stay as Ironic
	// wrote them, for a TFTP server that has them.
	Files string
}

// Disk is an Ironic conductor's two roots:
//
//	<root>/<node uuid>/config               the boot file
//	<root>/<node uuid>/deploy_kernel, ...   its images
//
// Every path goes through os.Root, or has no symbolic link in it (read.go), so
// nothing in a request, a database row or a boot file leads out of the roots. A
// Disk may be used by many goroutines.
type Disk struct {
	o     Options
	state atomic.Pointer[state]
}

// state is what a change of the URLs replaces: boot files are kept with the
// URLs in them.
type state struct {
	urls  URLs
	cache cache
}

// configFile is the name of every boot file in its node's folder.
const configFile = "config"

// New checks the options. A root that is missing is an error only once it is
// read, so that one that is mounted later is seen.
func New(o Options, u URLs) (*Disk, error) {
	o.ConfigSubdir = cmp.Or(o.ConfigSubdir, "pxelinux.cfg")
	if !fs.ValidPath(o.ConfigSubdir) || o.ConfigSubdir == "." {
		return nil, usher.Errorf(usher.ErrInvalid, "[pxe]pxe_config_subdir %q must be a folder below the root", o.ConfigSubdir)
	}
	d := &Disk{o: o}
	d.SetURLs(u)
	return d, nil
}

// SetURLs puts other URLs in force.
func (d *Disk) SetURLs(u URLs) { d.state.Store(&state{urls: u}) }

// URLs are those in force.
func (d *Disk) URLs() URLs { return d.state.Load().urls }

// Path is the folder of a root.
func (d *Disk) Path(r bootiface.Root) string {
	if r == bootiface.TFTPRoot {
		return d.o.TFTPRoot
	}
	return d.o.HTTPRoot
}

// open opens a root, anew each time.
func (d *Disk) open(r bootiface.Root) (*os.Root, error) {
	root, err := os.OpenRoot(d.Path(r))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", r, err)
	}
	return root, nil
}

// Nodes lists the UUIDs of the nodes that have a folder below a root that can
// be read.
func (d *Disk) Nodes() ([]string, error) {
	seen := map[string]bool{}
	var problems error
	for _, r := range []bootiface.Root{bootiface.HTTPRoot, bootiface.TFTPRoot} {
		entries, err := os.ReadDir(d.Path(r))
		problems = errors.Join(problems, err)
		for _, e := range entries {
			if e.IsDir() && IsUUID(e.Name()) {
				seen[e.Name()] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(seen)), problems
}

// IsUUID says whether s can be the name of a node's folder: 36 lower-case
// characters.
func IsUUID(s string) bool {
	u, err := uuid.Parse(s)
	return err == nil && u.String() == s
}
