package bootiface

// httpIPXE is iPXE loaded by UEFI HTTP boot: from then on it is iPXE.
func httpIPXE() Interface {
	i := ipxe()
	i.name = "http-ipxe"
	return i
}
