package app

import (
	"context"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// fullHostName is what Python's socket.getfqdn() says, and so the host of an
// Ironic whose configuration names none: the first name with a dot in it that
// the host's own name resolves back to, else the first of them.
func fullHostName(ctx context.Context) string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	addresses, err := net.DefaultResolver.LookupHost(ctx, name)
	if err != nil {
		return name
	}
	hosts, err := os.ReadFile("/etc/hosts")
	names := namesIn(string(hosts), addresses[0])
	if err != nil || len(names) == 0 {
		if names, err = net.DefaultResolver.LookupAddr(ctx, addresses[0]); err != nil || len(names) == 0 {
			return name
		}
	}
	full := names[max(0, slices.IndexFunc(names, func(n string) bool { return strings.Contains(strings.TrimSuffix(n, "."), ".") }))]
	return strings.TrimSuffix(full, ".")
}

// namesIn are the names on the first line of a hosts file for an address. Go's
// resolver would add those of later lines, which the C library does not.
func namesIn(hosts, address string) []string {
	want, err := netip.ParseAddr(address)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(hosts) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		if at, err := netip.ParseAddr(fields[0]); err == nil && at == want {
			return fields[1:]
		}
	}
	return nil
}
