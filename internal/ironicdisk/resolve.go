package ironicdisk

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/operand"
)

// Image is a file below a root that a boot file loads from the agent's own
// listener, since Ironic's web server does not have it, or not for GRUB.
type Image struct {
	Root bootiface.Root
	Name string // below it, clean
}

// resolve makes a boot file independent of the server that it came from: the
// names in it that are relative to Ironic's own server become absolute. A file
// without such names stays as it is, to the byte.
func (d *Disk) resolve(u URLs, key fileKey, content string) (string, []Image, error) {
	if key.name == "grub.cfg" {
		g := &grubNames{disk: d, urls: u, uuid: key.uuid, base: d.Path(key.root), fromTFTP: key.root == bootiface.TFTPRoot}
		resolved, err := operand.GRUB(content, g.resolve)
		return resolved, g.images, err
	}
	names := ipxeNames{cmp.Or(u.HTTP, writtenURL(content, key.uuid)), d.o.ConfigSubdir}
	resolved, err := operand.IPXE(content, names.resolve)
	return resolved, nil, err
}

// noImage says that Ironic wrote a name for an image that the node does not
// have, in a part of its template that is not run then: see
// build_instance_pxe_options in ironic/common/pxe_utils.py. "chain.c32" is a
// program of PXELINUX, which Ironic's template for GRUB names all the same.
//
// Where there is no deploy kernel, the iPXE template has nothing in its place,
// and "selinux=0", the first parameter, is where iPXE looks for a name.
func noImage(name string) bool {
	switch name {
	case "no_kernel", "no_ramdisk", "chain.c32", "selinux=0":
		return true
	}
	return false
}

// checkName refuses what no file name and no URL should hold.
func checkName(name string) error {
	if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Errorf("%.200q holds a control character", name)
	}
	return nil
}

// scheme is the beginning of a URL. GRUB knows none: one there is not ours to mend.
var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)
