package bootiface

import usher "github.com/usher-boot/usher"

// httpGRUB is GRUB loaded by UEFI HTTP boot, with its kernels by HTTP too.
func httpGRUB() Interface {
	i := pxe()
	i.name = "http"
	i.root = HTTPRoot
	i.links = func(mac usher.MAC) []string { return []string{mac.Hyphenated()} }
	return i
}
