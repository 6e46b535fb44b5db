// Package bootiface knows the boot interfaces: which boot files each answers
// and under which names, how a node's boot file and the root scripts are
// rendered, and where Ironic's conductor keeps the ones that it writes.
//
// It follows Ironic's drivers/modules/{ipxe,pxe}.py and common/pxe_utils.py
// for names and disk layout. It is
// not a conductor: it takes no locks, asks no database and decides nothing
// about provision states. It fetches no kernels either; package images does.
package bootiface

import (
	"slices"

	"github.com/usher-boot/usher"
)

// Root names one of the two folders that firmware is served from.
type Root string

// The two roots, named as Ironic's options.
const (
	HTTPRoot Root = "http_root" // [deploy]http_root
	TFTPRoot Root = "tftp_root" // [pxe]tftp_root
)

// Interface is one boot interface. The zero value is none at all: it answers
// no files, and every use of it is ErrUnsupported.
type Interface struct {
	name     string
	files    []string                  // boot file names it answers
	root     Root                      // where <uuid>/config lies beside Ironic
	template string                    // renders a node's boot file
	adapt    func(*nodeView) error     // turns checked values into the firmware's own syntax
	complete func(content string) bool // see Complete
}

// interfaces is the table of boot interfaces: one entry for each file beside
// this one. New firmware is a new file and its entry here. It never changes.
var interfaces = []Interface{ipxe(), httpIPXE(), pxe(), httpGRUB()}

// Lookup finds a boot interface by the name that nodes carry it under.
func Lookup(name string) (Interface, bool) {
	for _, i := range interfaces {
		if i.name == name {
			return i, true
		}
	}
	return Interface{}, false
}

// Names lists the boot interfaces.
func Names() []string {
	var names []string
	for _, i := range interfaces {
		names = append(names, i.name)
	}
	return names
}

// KnownFile says whether any boot interface answers this file name. The set
// is closed: a request for another name needs no look-up.
func KnownFile(name string) bool {
	return slices.ContainsFunc(interfaces, func(i Interface) bool { return slices.Contains(i.files, name) })
}

// Name is the boot interface's name, as in Ironic.
func (i Interface) Name() string { return i.name }

// Files lists the boot file names that it answers.
func (i Interface) Files() []string { return slices.Clone(i.files) }

// Answers says whether it answers a boot file name.
func (i Interface) Answers(file string) bool { return slices.Contains(i.files, file) }

// Root says below which root its files lie.
func (i Interface) Root() Root { return i.root }

// unsupported is what Ironic says where a boot interface has no boot
// configuration to give.
func (i Interface) unsupported(what string) error {
	return usher.Errorf(usher.ErrUnsupported, "boot interface %q does not support %s", i.name, what)
}
