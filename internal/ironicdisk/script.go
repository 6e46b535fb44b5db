package ironicdisk

import (
	"errors"
	"strings"

	"github.com/usher-boot/usher/internal/bootiface"
)

// ErrIncomplete is a boot file that is empty, or that Ironic has written the
// first part of.
var ErrIncomplete = errors.New("it is empty, or only its first part has been written")

var (
	errNUL     = errors.New("it holds zero bytes, so it is no script")
	errNotIPXE = errors.New(`it is not an iPXE script: it does not begin with "#!ipxe" and white space`)
	errIPXE    = errors.New("it is an iPXE script, which GRUB does not understand; the node's boot interface may have been changed since")
	errMarkup  = errors.New("it is not a GRUB configuration")
	// A machine that boots in BIOS mode has such a file, and no GRUB.
	errPXELINUX = errors.New("it is a configuration of PXELINUX, which GRUB does not understand; " +
		"Ironic writes these for nodes in BIOS mode ([pxe]pxe_config_template)")
)

// check says why content is not a boot file of a name, or nothing.
func check(name, content string) error {
	if strings.TrimSpace(content) == "" {
		return ErrIncomplete
	}
	if strings.IndexByte(content, 0) >= 0 {
		return errNUL
	}
	if name == "grub.cfg" {
		return checkGRUB(content)
	}
	switch {
	case !bootiface.IsIPXE(content):
		return errNotIPXE
	case maybeCut(content, "sanboot --no-describe || exit 0", "boot", "poweroff", "goto boot_iscsi"):
		return ErrIncomplete
	}
	return nil
}

func checkGRUB(content string) error {
	switch {
	case bootiface.IsIPXE(content):
		return errIPXE
	case strings.TrimSpace(content)[0] == '<':
		return errMarkup
	case isPXELINUX(content):
		return errPXELINUX
	case maybeCut(content, "}", "boot"):
		return ErrIncomplete
	}
	return nil
}

// isPXELINUX says whether a line begins with a directive of SYSLINUX that is no
// command of GRUB's. Directives have no case.
func isPXELINUX(content string) bool {
	for line := range strings.Lines(content) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		switch strings.ToLower(words[0]) {
		case "label", "append", "ipappend", "sysappend", "localboot", "com32", "kernel", "ontimeout", "onerror", "prompt":
			return true
		case "default":
			if len(words) > 1 {
				return true
			}
		}
	}
	return false
}

// pieceSize divides every length at which Python's buffered writer, and so
// Ironic, breaks a file: 8192, or the file system's block.
const pieceSize = 4096

// maybeCut says that content ends where a writer may still have the rest, and
// not in a line that is known to be somebody's last. Ironic truncates and
// rewrites files in place, in pieces. It doubts a file of such a length from an
// operator's own template that ends otherwise; a caller should read again after
// a moment.
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
