package jsonrpc

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// address is where the conductor of this host name is.
func (o *ClientOptions) address(hostname string) (string, error) {
	name, _, err := net.SplitHostPort(hostname)
	if err != nil { // without a port
		name = hostname
	}
	for _, key := range []string{hostname, name} {
		if at, ok := o.Addresses[key]; ok {
			return address(at, o.Port)
		}
	}
	if o.IgnorePorts {
		hostname = name
	}
	return address(hostname, o.Port)
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
			return "", fmt.Errorf("host name %.128q: %w", hostname, err)
		}
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return "", fmt.Errorf("host name %.128q: port %.16q is not 1 to 65535", hostname, p)
		}
		host, port = h, int(n)
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return net.JoinHostPort(a.String(), strconv.Itoa(port)), nil
	}
	bad := func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`/?#@%\"<>[]:`, r) }
	if host == "" || strings.ContainsFunc(host, bad) {
		return "", fmt.Errorf("%.128q is not a host name", hostname)
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), nil
}
