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
		complete: completeIPXE,
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

func completeIPXE(content string) bool {
	rest, ok := strings.CutPrefix(content, "#!ipxe")
	if !ok || len(rest) == 0 || rest[0] != '\n' && rest[0] != '\r' {
		return false
	}
	return !maybeCut(content, "sanboot --no-describe || exit 0", "boot", "poweroff", "goto boot_iscsi")
}

// pieceSize divides every length at which Python's buffered writer, and so
// Ironic, breaks a file: 8192, or the file system's block.
const pieceSize = 4096

// maybeCut says that content ends where a writer may still have the rest,
// and not in a line that is known to be somebody's last.
func maybeCut(content string, lastLines ...string) bool {
	if len(content)%pieceSize != 0 || strings.HasSuffix(content, "\n") {
		return false
	}
	last := content[strings.LastIndexByte(content, '\n')+1:]
	for _, line := range lastLines {
		if strings.TrimSpace(last) == line {
			return false
		}
	}
	return true
}
