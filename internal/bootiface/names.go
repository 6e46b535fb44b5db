package bootiface

import (
	"cmp"
	"strings"

	"github.com/usher-boot/usher"
)

// ISOName is the name of a boot ISO among a node's images, and the key of its
// URL in instance_info.
const ISOName = "boot_iso"

// ImageNames are all names under which machines ask for images.
func ImageNames() []string {
	names := []string{ISOName}
	for _, k := range []Kind{Deploy, Rescue, Ramdisk} {
		kernel, ramdisk := k.ImageNames()
		names = append(names, kernel, ramdisk)
	}
	return names
}

// imagePrefix begins the path of every image at the machines' listener.
const imagePrefix = "/images/"

// ImagePath is the path of an image at the machines' listener. It names the
// content by its SHA-256, so what is found there never changes.
func ImagePath(digest, name string) string { return imagePrefix + digest + "/" + name }

// ParseImagePath takes apart what ImagePath made.
func ParseImagePath(path string) (digest, name string, ok bool) {
	rest, ok := strings.CutPrefix(path, imagePrefix)
	if !ok {
		return "", "", false
	}
	digest, name, ok = strings.Cut(rest, "/")
	return digest, name, ok && name != "" && !strings.Contains(name, "/")
}

// ParseNodePath takes apart "/<node UUID>/<name>", the path that older
// versions of Usher gave to a node's images.
func ParseNodePath(path string) (uuid, name string, ok bool) {
	uuid, name, ok = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return uuid, name, ok && checkUUID(uuid) == nil
}

// StaticNames are the paths of the files that Ironic links by MAC address
// below http_root, for machines whose root script knows nothing of the boot
// configuration API. subdir is [pxe]pxe_config_subdir.
type StaticNames struct{ Subdir string }

// Parse gives the address and the boot file name that a path stands for.
func (n StaticNames) Parse(path string) (mac, file string, ok bool) {
	path = strings.TrimPrefix(path, "/")
	const ipxe, grub = "boot.ipxe", "grub.cfg"
	below, inSubdir := strings.CutPrefix(path, cmp.Or(n.Subdir, defaultConfigSubdir)+"/")
	switch {
	case inSubdir && isMAC(below):
		return below, ipxe, true
	case inSubdir:
		mac, ok = strings.CutPrefix(below, "01-")
		return mac, grub, ok && isMAC(mac)
	}
	if mac, ok = strings.CutPrefix(path, "grub.cfg-01-"); !ok {
		mac, ok = strings.CutSuffix(path, ".conf")
	}
	return mac, grub, ok && isMAC(mac)
}

// isMAC says whether s is an address as these names have it.
func isMAC(s string) bool {
	_, err := usher.ParseMAC(s)
	return err == nil && len(s) == len("00-00-00-00-00-00")
}
