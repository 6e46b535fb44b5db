package jsonrpc

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/usher-boot/usher"
)

// address is where the conductor of this host name is.
func (o *ClientOptions) address(hostname string) (string, error) {
	if at, ok := o.override(hostname); ok {
		return address(at, o.Port)
	}
	if o.IgnorePorts {
		hostname = usher.ConductorHost(hostname)
	}
	return address(hostname, o.Port)
}

// override is what Addresses says of a conductor: the entry of its whole name
// before that of its host. Beside Ironic an entry also counts for the other
// name that Ironic may have registered the conductor by, unless it could be
// one of several.
func (o *ClientOptions) override(hostname string) (at string, ok bool) {
	for _, key := range []string{hostname, usher.ConductorHost(hostname)} {
		if at, ok = o.Addresses[key]; ok {
			return at, true
		}
	}
	if !o.IgnorePorts {
		return "", false
	}
	for key, value := range o.Addresses {
		switch {
		case !usher.SameConductor(key, hostname):
		case ok && value != at:
			return "", false
		default:
			at, ok = value, true
		}
	}
	return at, ok
}

// address is where to dial for a conductors.hostname: an address, a name, an
// IPv6 address with or without brackets, or any of them with a port of its own
// ("host:port", "[v6]:port", which Ironic has since 2025.1).
//
// Hostnames come from a database, so one that would become another part of a
// URL is refused.
func address(hostname string, port int) (string, error) {
	if a, err := netip.ParseAddr(hostname); err == nil {
		return net.JoinHostPort(a.String(), strconv.Itoa(port)), nil
	}
	host := hostname
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host += ":" + strconv.Itoa(port)
	}
	if strings.Contains(host, ":") {
		h, p, err := net.SplitHostPort(host)
		if err != nil {
			return "", noAddress(hostname, "neither an address nor a host name")
		}
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return "", noAddress(hostname, "its port is not 1 to 65535")
		}
		host, port = h, int(n)
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return net.JoinHostPort(a.String(), strconv.Itoa(port)), nil
	}
	bad := func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`/?#@%\"<>[]:`, r) }
	if host == "" || strings.ContainsFunc(host, bad) {
		return "", noAddress(hostname, "neither an address nor a host name")
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), nil
}

// noAddress is of package net's type, so that those who advise operators can
// tell it without knowing this package.
func noAddress(hostname, why string) error {
	return &net.AddrError{Err: why, Addr: fmt.Sprintf("%.128q", hostname)}
}
