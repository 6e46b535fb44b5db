package usher

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// ironicRPCPort is the [json_rpc]port that Ironic leaves out of names.
const ironicRPCPort = 8089

// ConductorName is the name that tells an Ironic conductor apart from all
// others: its [DEFAULT]host, with its [json_rpc]port where that is not 8089.
//
// Ironic 2025.1 and later register a conductor by it when rpc_transport is
// json-rpc. Earlier ones, those on a message bus and those with an old
// pin_release_version register the bare host. SameConductor knows both.
func ConductorName(host string, port int) string {
	if _, own := splitConductorName(host); own != "" || port == 0 || port == ironicRPCPort {
		return host
	}
	if addr, err := netip.ParseAddr(host); err == nil && addr.Is6() {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(port)
}

// ConductorHost is a conductor's name without its port and without brackets.
func ConductorHost(name string) string {
	host, _ := splitConductorName(name)
	return host
}

// SameConductor says whether two names, conductors.hostname or what
// ConductorName returns, can be one Ironic conductor's. The bare host can be
// that of any port; with two ports they are two conductors.
func SameConductor(a, b string) bool {
	if a == b {
		return true
	}
	hostA, portA := splitConductorName(a)
	hostB, portB := splitConductorName(b)
	return (portA == portB || portA == "" || portB == "") && sameHost(hostA, hostB)
}

// PresentName is the name by which Ironic has registered c anew and by which it
// is active among all, where it is not by this one: an upgrade leaves the old
// row behind. Empty in any other case.
func (c Conductor) PresentName(all []Conductor, now time.Time, timeout time.Duration) string {
	if c.Active(now, timeout) {
		return ""
	}
	for _, other := range all {
		if other.Active(now, timeout) && SameConductor(other.Hostname, c.Hostname) {
			return other.Hostname
		}
	}
	return ""
}

// sameHost compares as DNS does, and IPv6 addresses by value.
func sameHost(a, b string) bool {
	if strings.EqualFold(a, b) {
		return true
	}
	if !strings.Contains(a, ":") || !strings.Contains(b, ":") {
		return false
	}
	addrA, errA := netip.ParseAddr(a)
	addrB, errB := netip.ParseAddr(b)
	return errA == nil && errB == nil && addrA == addrB
}

// splitConductorName splits host:port and [IPv6]:port. Colons without brackets
// around them are an IPv6 address's own: Ironic always writes the brackets
// before a port. What has no such port is a host as it stands.
func splitConductorName(name string) (host, port string) {
	if strings.HasPrefix(name, "[") {
		host, rest, closed := strings.Cut(name[1:], "]")
		port, found := strings.CutPrefix(rest, ":")
		switch {
		case !closed || host == "":
			return name, ""
		case rest == "":
			return host, ""
		case found && isPort(port):
			return host, port
		}
		return name, ""
	}
	host, port, found := strings.Cut(name, ":")
	if found && host != "" && isPort(port) {
		return host, port
	}
	return name, ""
}

// isPort says whether s is a port as Ironic writes one. Unlike strconv it
// leaves no error behind for each IPv6 address.
func isPort(s string) bool {
	if s == "" || s[0] == '0' || len(s) > len("65535") {
		return false
	}
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
		n = 10*n + int(c-'0')
	}
	return n <= 65535
}
