package bootiface

import (
	"net/url"
	"strings"

	"github.com/usher-boot/usher"
)

// pxe is GRUB loaded over TFTP.
func pxe() Interface {
	return Interface{
		name: "pxe", files: []string{"grub.cfg"}, root: TFTPRoot, template: "node.grub.tmpl",
		adapt:    adaptGRUB,
		complete: completeGRUB,
	}
}

// adaptGRUB turns URLs into GRUB's device syntax and quotes every kernel
// parameter as one word.
func adaptGRUB(v *nodeView) error {
	var err error
	if v.Kernel, err = grubPath("kernel", v.Kernel); err != nil {
		return err
	}
	if v.Ramdisk, err = grubPath("ramdisk", v.Ramdisk); err != nil {
		return err
	}
	if v.ISO != "" {
		return usher.Errorf(usher.ErrInvalid, "boot ISO: GRUB cannot boot one over the network; use boot interface ipxe, "+
			"or a kernel and ramdisk")
	}
	words := kernelWords(v.KernelParameters)
	for i, w := range words {
		words[i] = grubWord(w)
	}
	v.KernelParameters = strings.Join(words, " ")
	return nil
}

// grubPath writes a URL as GRUB names files: (http,host:port)/path.
func grubPath(field, raw string) (string, error) {
	if raw == "" {
		return "", nil
	}
	u, err := url.Parse(raw)
	if err != nil { // checked before
		return "", usher.Errorf(usher.ErrInvalid, "%s: not a URL", field)
	}
	switch u.Scheme {
	case "":
		return grubWord("/" + strings.TrimPrefix(raw, "/")), nil // below the folder that GRUB came from
	case "http", "tftp":
		// GRUB neither decodes nor encodes, so the path stays as written.
		return grubWord("(" + u.Scheme + "," + u.Host + ")" + u.RequestURI()), nil
	}
	return "", usher.Errorf(usher.ErrInvalid, "%s: GRUB cannot fetch by %s; want http or tftp", field, u.Scheme)
}

// kernelWords splits parameters as the kernel does, at white space outside
// double quotes. The quotes go: GRUB puts its own around words with spaces.
func kernelWords(params string) []string {
	var words []string
	var word strings.Builder
	quoted, started := false, false
	for _, r := range params {
		switch {
		case r == '"':
			quoted, started = !quoted, true
		case r == ' ' && !quoted:
			if started {
				words = append(words, word.String())
			}
			word.Reset()
			started = false
		default:
			word.WriteRune(r)
			started = true
		}
	}
	if started {
		words = append(words, word.String())
	}
	return words
}

// grubWord quotes s as one word of GRUB's shell. ${name} is left for GRUB to
// expand, as iPXE does with its own; any other dollar is only a dollar.
func grubWord(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\' || c == '$' && !strings.HasPrefix(s[i:], "${"):
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	b.WriteByte('"')
	return b.String()
}

func completeGRUB(content string) bool {
	return strings.TrimSpace(content) != ""
}
