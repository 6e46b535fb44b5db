package bootiface

import (
	"net/url"
	"strings"
	"time"

	"github.com/usher-boot/usher"
)

// RootScript is what goes into a root script: the one file that every
// machine gets, and that finds the machine's own boot file.
type RootScript struct {
	// UseBootConfigAPI is [pxe]ipxe_use_boot_config_api: link to the boot
	// configuration API rather than to static files.
	UseBootConfigAPI bool
	// APIBase is the URL that /v1/boot/... hangs on. Empty means relative
	// links: to the server that the script itself came from.
	APIBase string
	// StaticBase is the URL of the static files; empty means relative links.
	StaticBase   string
	ConfigSubdir string // [pxe]pxe_config_subdir, "pxelinux.cfg" when empty
	// FallbackScript is [pxe]ipxe_fallback_script: a URL to chain when no NIC
	// of the machine has a boot file. May be empty.
	FallbackScript string
	// Rounds is how often all NICs are tried, DefaultRounds when 0. The pause
	// grows by a second each round.
	Rounds int
}

// DefaultRounds is some 45 seconds of asking: enough for a restart of the
// API, and bearable where firmware runs iPXE again for each of many NICs.
// A conductor that is being replaced needs no rounds, the API answers 503
// with Retry-After meanwhile and iPXE waits.
const DefaultRounds = 10

// ChainTimeout is how long the root script waits for progress of one boot file.
const ChainTimeout = defaultTimeoutSeconds * time.Second

// rootView is what a root script's template sees.
type rootView struct {
	Prefix         string // of a link: what stands before the MAC
	Suffix         string // and after it
	FallbackScript string
	Rounds         int
	Pauses         []int // seconds, one for each round
	TimeoutMillis  int
}

func (s RootScript) view() (*rootView, error) {
	for _, f := range []struct{ name, value string }{{"API base URL", s.APIBase}, {"static base URL", s.StaticBase}} {
		if err := checkURL(f.name, f.value, "http", "https", "tftp"); err != nil {
			return nil, err
		}
	}
	if err := checkURL("ipxe_fallback_script", s.FallbackScript, "http", "https", "tftp", ""); err != nil {
		return nil, err
	}
	if err := checkURL("pxe_config_subdir", s.ConfigSubdir, ""); err != nil {
		return nil, err
	}
	v := &rootView{FallbackScript: s.FallbackScript, Rounds: s.Rounds, TimeoutMillis: defaultTimeoutSeconds * 1000}
	if v.Rounds <= 0 {
		v.Rounds = DefaultRounds
	}
	for pause := range v.Rounds {
		v.Pauses = append(v.Pauses, pause+1)
	}
	if s.UseBootConfigAPI {
		v.Prefix, v.Suffix = under(s.APIBase, "v1/boot"), "/boot.ipxe"
	} else {
		subdir := s.ConfigSubdir
		if subdir == "" {
			subdir = "pxelinux.cfg"
		}
		v.Prefix = under(s.StaticBase, subdir)
	}
	return v, nil
}

// under is a folder's URL below base, with its final slash.
func under(base, folder string) string {
	folder = strings.Trim(folder, "/") + "/"
	if base == "" {
		return folder
	}
	return strings.TrimRight(base, "/") + "/" + folder
}

// grubView is view for GRUB, which knows the API only and names no MAC of a
// NIC but the one that it was loaded over.
func (s RootScript) grubView() (*rootView, error) {
	s.UseBootConfigAPI = true
	v, err := s.view()
	if err != nil {
		return nil, err
	}
	v.Prefix, v.Suffix = "/v1/boot/", "/grub.cfg"
	if s.APIBase != "" {
		u, err := url.Parse(s.APIBase)
		if err != nil || u.Scheme != "http" {
			return nil, usher.Errorf(usher.ErrInvalid, "API base URL: GRUB cannot fetch by anything but http")
		}
		v.Prefix = "(http," + u.Host + ")" + strings.TrimRight(u.EscapedPath(), "/") + v.Prefix
	}
	return v, nil
}
