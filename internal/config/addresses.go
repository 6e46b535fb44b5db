package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/usher-boot/usher"
)

// absolutePath is Ironic's ExplicitAbsolutePath (ironic/conf/types.py).
func absolutePath() kind {
	return kind{"an absolute path without . or .. in it", func(s string) (any, error) {
		if len(s) > 1 {
			s = strings.TrimRight(s, "/")
		}
		clean := filepath.Clean(s)
		if strings.HasPrefix(s, "//") && !strings.HasPrefix(s, "///") {
			clean = "/" + clean // POSIX, and Python with it, keeps two slashes
		}
		if !filepath.IsAbs(s) || clean != s {
			return nil, errors.New("it is not such a path")
		}
		return s, nil
	}}
}

// webURL is empty or an absolute http(s) URL. Ironic takes any string; what
// firmware is told to fetch had better be a URL, though it may hold the
// firmware's own variables, as in http://${next-server}:6386.
func webURL() kind {
	return kind{"an http:// or https:// URL", func(s string) (any, error) {
		if s == "" {
			return s, nil
		}
		scheme, rest, found := strings.Cut(s, "://")
		if scheme = strings.ToLower(scheme); !found || scheme != "http" && scheme != "https" {
			return nil, errors.New("it starts with neither")
		}
		if rest == "" || strings.ContainsRune("/?#", rune(rest[0])) {
			return nil, errors.New("it names no host")
		}
		if strings.ContainsFunc(rest, func(r rune) bool { return isSpace(r) || r < ' ' || r == 0x7f }) {
			return nil, errors.New("it holds white space")
		}
		if _, err := url.Parse(s); err != nil && !strings.Contains(s, "${") {
			return nil, errors.New("it is not a URL")
		}
		return s, nil
	}}
}

// hostLabel is Hostname.HOSTNAME_REGEX without its look-arounds.
var hostLabel = regexp.MustCompile(`^[A-Za-z0-9-]{1,63}$`)

// hostAddress is oslo.config's HostAddress: an IP address or a host name
// whose last label is not all digits, lest a mistyped address pass as a name.
func hostAddress() kind {
	return kind{"an IP address or host name", func(s string) (any, error) {
		if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
			return s, nil
		}
		if len(s) > 253 {
			return nil, errors.New("it is longer than 253 characters")
		}
		s = strings.TrimSuffix(s, ".")
		labels := strings.Split(s, ".")
		for _, label := range labels {
			if !hostLabel.MatchString(label) || label[0] == '-' || label[len(label)-1] == '-' {
				return nil, errors.New("it is neither")
			}
		}
		if strings.Trim(labels[len(labels)-1], "0123456789") == "" {
			return nil, errors.New("it is neither")
		}
		return s, nil
	}}
}

// listen is host:port, or nothing where a door may stay shut.
func listen(mayBeEmpty bool) kind {
	name := "host:port, such as 0.0.0.0:6386, [::]:6386 or :6386"
	if mayBeEmpty {
		name += ", or nothing"
	}
	return kind{name, func(s string) (any, error) {
		if s == "" && mayBeEmpty {
			return s, nil
		}
		host, number, err := net.SplitHostPort(s)
		if err != nil {
			return nil, errors.New("it is not host:port")
		}
		if n, err := strconv.ParseUint(number, 10, 16); err != nil || number != strconv.FormatUint(n, 10) {
			return nil, errors.New("its port is not a number up to 65535")
		}
		if host != "" {
			if _, err := hostAddress().read(host); err != nil {
				return nil, errors.New("its host is neither an IP address nor a host name")
			}
		}
		return s, nil
	}}
}

// conductorAddresses are the addresses of conductors by their names.
func conductorAddresses() kind {
	return pairs("NAME:ADDRESS pairs, separated by commas; NAME as the conductor is registered, with its port or without", quoted(), cutConductor)
}

// cutConductor cuts NAME:ADDRESS, where a conductor's name may be IPv6 in
// brackets and may end in a port: c1:10.0.0.1, c1:6189:10.0.0.1:8090. An IPv6
// address after a name with a port needs brackets, since without them the port
// would be part of it.
func cutConductor(part string) (name, address string, found bool) {
	part = strings.TrimFunc(part, isSpace)
	brackets := ""
	if strings.HasPrefix(part, "[") {
		brackets = part[:strings.IndexByte(part, ']')+1]
	}
	name, address, found = strings.Cut(part[len(brackets):], ":")
	if name = brackets + name; !found || strings.HasPrefix(name, "[") && brackets == "" {
		return "", "", false
	}
	if _, err := netip.ParseAddr(address); err == nil {
		return name, address, true
	}
	port, rest, found := strings.Cut(address, ":")
	if whole := name + ":" + port; found && usher.ConductorHost(whole) == usher.ConductorHost(name) {
		return whole, rest, true
	}
	return name, address, true
}

// network is a network's prefix, or one address. A prefix with bits set beyond
// its length is a slip: it lets in more than it seems to.
func network() kind {
	return kind{"a network such as 10.1.0.0/16 or fd00:1::/64, or an IP address", func(s string) (any, error) {
		if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" && !addr.Is4In6() {
			return s, nil
		}
		prefix, err := netip.ParsePrefix(s)
		if err != nil || prefix.Addr().Is4In6() {
			return nil, errors.New("it is neither")
		}
		if prefix != prefix.Masked() {
			return nil, fmt.Errorf("it has bits beyond its length; the network is %v", prefix.Masked())
		}
		return s, nil
	}}
}
