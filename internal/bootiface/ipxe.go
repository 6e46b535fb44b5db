package bootiface

import (
	"strings"

	"github.com/usher-boot/usher"
)

// ipxe is iPXE loaded over TFTP or from ROM, with scripts and images by HTTP.
func ipxe() Interface {
	return Interface{
		name: "ipxe", files: []string{"boot.ipxe"}, root: HTTPRoot, template: "node.ipxe.tmpl",
		adapt:    adaptIPXE,
		complete: IsIPXE,
	}
}

// adaptIPXE refuses parameters that iPXE would read as the end of its command
// line: it splits at white space and takes these tokens for itself.
func adaptIPXE(v *nodeView) error {
	for _, word := range strings.Fields(v.KernelParameters) {
		if word == "||" || word == "&&" || word == ";" || word[0] == '#' {
			return usher.Errorf(usher.ErrInvalid, "kernel parameters: %q would end iPXE's command line", word)
		}
	}
	return nil
}

// IsIPXE says whether iPXE takes content for a script, as its
// src/image/script.c does: gPXE's mark is as good as its own, and any white
// space ends it.
func IsIPXE(content string) bool {
	rest, ok := strings.CutPrefix(content, "#!ipxe")
	if !ok {
		rest, ok = strings.CutPrefix(content, "#!gpxe")
	}
	return ok && rest != "" && strings.IndexByte(" \t\n\v\f\r", rest[0]) >= 0
}
