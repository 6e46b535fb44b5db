package bootiface

import (
	"net/url"
	"strings"

	"github.com/google/uuid"

	"github.com/usher-boot/usher"
)

// Kind is what a node is to boot.
type Kind string

// The kinds of boot. Cleaning, inspection and service boot the Deploy ramdisk.
const (
	Deploy    Kind = "deploy"
	Rescue    Kind = "rescue"
	Ramdisk   Kind = "ramdisk"    // the instance's own kernel and ramdisk, or boot ISO
	LocalDisk Kind = "local disk" // hand over to the firmware's boot order
)

// ImageNames returns the file names of a kind's kernel and ramdisk in the
// node's folder, as Ironic has them; empty for LocalDisk.
func (k Kind) ImageNames() (kernel, ramdisk string) {
	switch k {
	case Deploy:
		return "deploy_kernel", "deploy_ramdisk"
	case Rescue:
		return "rescue_kernel", "rescue_ramdisk"
	case Ramdisk:
		return "kernel", "ramdisk"
	}
	return "", ""
}

// NodeScript is what goes into a node's boot file.
type NodeScript struct {
	UUID string
	Name string // only for a comment, may be empty
	Kind Kind
	// Kernel and Ramdisk are URLs (http, https, tftp). Boot interfaces that
	// use GRUB know no https, and also take a path below the root that GRUB
	// was loaded from.
	Kernel, Ramdisk string
	ISO             string // for Ramdisk, instead of a kernel: a URL that iPXE's sanboot can boot
	// KernelParameters may name variables of the firmware: ${mac}, ${ip}.
	KernelParameters string
	// TimeoutSeconds is [pxe]ipxe_timeout: how long a download may stand
	// still. 0, Ironic's "no timeout", is our default of 20 s: without one
	// iPXE waits for ever on a conductor that fell silent.
	TimeoutSeconds int
}

// nodeView is what a node's template sees: NodeScript's fields, checked and
// in the firmware's syntax, and these.
type nodeView struct {
	NodeScript
	RamdiskName   string // the name of the ramdisk on the kernel's command line
	TimeoutMillis int
}

const defaultTimeoutSeconds = 20

// view checks every value that reaches the script.
func (s NodeScript) view() (*nodeView, error) {
	if err := checkUUID(s.UUID); err != nil {
		return nil, err
	}
	for _, f := range []struct{ name, value string }{
		{"node name", s.Name}, {"kernel", s.Kernel}, {"ramdisk", s.Ramdisk}, {"boot ISO", s.ISO},
		{"kernel parameters", s.KernelParameters},
	} {
		if err := checkLine(f.name, f.value); err != nil {
			return nil, err
		}
	}
	for _, f := range []struct{ name, value string }{{"kernel", s.Kernel}, {"ramdisk", s.Ramdisk}, {"boot ISO", s.ISO}} {
		if err := checkURL(f.name, f.value, "http", "https", "tftp", ""); err != nil {
			return nil, err
		}
	}
	switch s.Kind {
	case Deploy, Rescue, Ramdisk:
		if s.Kind == Ramdisk && s.ISO != "" {
			break
		}
		if s.Kernel == "" || s.Ramdisk == "" {
			return nil, usher.Errorf(usher.ErrInvalid, "node %s: booting its %s ramdisk needs a kernel and a ramdisk", s.UUID, s.Kind)
		}
	case LocalDisk:
	default:
		return nil, usher.Errorf(usher.ErrInvalid, "node %s: unknown kind of boot %q", s.UUID, s.Kind)
	}
	if s.TimeoutSeconds <= 0 {
		s.TimeoutSeconds = defaultTimeoutSeconds
	}
	v := &nodeView{NodeScript: s, TimeoutMillis: s.TimeoutSeconds * 1000}
	_, v.RamdiskName = s.Kind.ImageNames()
	return v, nil
}

// checkUUID admits only the form that names a folder: 36 lower-case characters.
func checkUUID(s string) error {
	if u, err := uuid.Parse(s); err != nil || u.String() != s {
		return usher.Errorf(usher.ErrInvalid, "%.64q is not a node UUID", s)
	}
	return nil
}

// checkLine refuses what could end a line of a script.
func checkLine(field, value string) error {
	for _, r := range value {
		if r < ' ' || r == 0x7f || r == 0xfffd { // the last stands for bytes that are not UTF-8
			return usher.Errorf(usher.ErrInvalid, "%s: must not contain line breaks or control characters", field)
		}
	}
	return nil
}

// checkURL refuses what is not one word of a script, or not a URL of one of
// the schemes. Variables of the firmware are refused too: unlike kernel
// parameters a URL has no use for them, and one could carry a value of the
// firmware's (a password) to another server.
func checkURL(field, value string, schemes ...string) error {
	if value == "" {
		return nil
	}
	if err := checkLine(field, value); err != nil {
		return err
	}
	if value[0] == '-' { // an option of the command that takes the URL
		return usher.Errorf(usher.ErrInvalid, "%s: the URL must not begin with a hyphen", field)
	}
	if strings.ContainsAny(value, " \"'\\<>{}|^`$#") {
		return usher.Errorf(usher.ErrInvalid, "%s: the URL must not contain spaces, quotes or any of \\<>{}|^`$#", field)
	}
	u, err := url.Parse(value)
	if err != nil {
		return usher.Errorf(usher.ErrInvalid, "%s: not a URL", field) // the error would show its credentials
	}
	for _, scheme := range schemes {
		if u.Scheme == scheme && (scheme == "") == (u.Host == "") {
			return nil
		}
	}
	return usher.Errorf(usher.ErrInvalid, "%s: want a URL such as http://HOST/PATH, not scheme %q, host %q", field, u.Scheme, u.Host)
}
