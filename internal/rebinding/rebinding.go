// Package rebinding refuses requests that a browser was led to by somebody
// else's DNS.
//
// A page on the Internet can point a name of its own at 127.0.0.1 and then call
// a listener there as its own origin, with no word from CORS. The name stands
// in the request's Host header, so a listener without accounts answers only to
// names that nobody else's DNS can lead to it: addresses, localhost, and the
// names of its own host. It is no authentication.
package rebinding

import (
	"net"
	"net/netip"
	"strings"
)

// Guard knows the names that a listener answers to. Its zero value knows
// addresses and localhost.
type Guard struct{ names map[string]bool }

// New returns a Guard that allows names besides. A name may have a port, which
// does not count, nor does case or a final dot. Empty names are passed over.
func New(names ...string) Guard {
	g := Guard{names: map[string]bool{}}
	for _, name := range names {
		if name = canonical(name); name != "" {
			g.names[name] = true
		}
	}
	return g
}

// Allows says whether a Host header names this host. An absent one does: no
// browser sends such a request.
func (g Guard) Allows(host string) bool {
	name := canonical(host)
	if name == "" || name == "localhost" || g.names[name] {
		return true
	}
	_, err := netip.ParseAddr(name)
	return err == nil
}

// canonical is a host name without its port, in lower case.
func canonical(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}
