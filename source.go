package usher

import "net/netip"

// Source is what limits count as one asker: an IPv4 address, or a /64 of IPv6,
// of which one machine has as many addresses as it likes.
func Source(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		prefix, err := addr.Prefix(64)
		if err != nil { // no such length: not of 128 bits
			return addr
		}
		return prefix.Addr()
	}
	return addr
}
