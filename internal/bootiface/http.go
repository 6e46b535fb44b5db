package bootiface

// httpGRUB is GRUB loaded by UEFI HTTP boot, with its kernels by HTTP too.
func httpGRUB() Interface {
	i := pxe()
	i.name = "http"
	i.root = HTTPRoot
	return i
}
