package ironicdisk

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/usher-boot/usher/internal/bootiface"
)

// Roots are those below which the boot files of an interface may lie.
//
// Ironic 29 to 39 write those of "http" below tftp_root and only the images
// below http_root, although that is where UEFI HTTP boot fetches from; at an
// instance's boot they also look for one below http_root.
func Roots(i bootiface.Interface) []bootiface.Root {
	if i.Name() == "http" {
		return []bootiface.Root{bootiface.TFTPRoot, bootiface.HTTPRoot}
	}
	return []bootiface.Root{i.Root()}
}

// locate says below which root a node's boot file is to be read: of two the
// younger one counts, and the first one where neither is.
func (d *Disk) locate(i bootiface.Interface, uuid string) (bootiface.Root, error) {
	roots := Roots(i)
	if len(roots) == 1 {
		return roots[0], nil
	}
	var found bootiface.Root
	var youngest unix.Timespec
	for _, r := range roots {
		var s unix.Stat_t
		err := unix.Stat(d.pathOf(r, uuid), &s)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil { // the younger one may be here
			return "", fmt.Errorf("look for the boot file of node %s below %s: %w", uuid, r, err)
		}
		if found == "" || later(s.Mtim, youngest) {
			found, youngest = r, s.Mtim
		}
	}
	if found == "" {
		return d.missing(roots, uuid)
	}
	return found, nil
}

// missing says that no root has a file, if all of them could be read.
func (d *Disk) missing(roots []bootiface.Root, uuid string) (bootiface.Root, error) {
	for _, r := range slices.Backward(roots) {
		root, err := d.open(r)
		if err != nil {
			return r, nil // reading there says what is wrong
		}
		if err := root.Close(); err != nil {
			return "", err
		}
	}
	return "", noFile(uuid)
}

func later(a, b unix.Timespec) bool { return a.Sec > b.Sec || a.Sec == b.Sec && a.Nsec > b.Nsec }
