package config

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// option is one row of the table.
type option struct {
	id
	kind kind
	into any    // pointer to the field of a Config
	def  string // as a file would have it, with references
	help string

	old      []id                   // deprecated names; no group means the option's own
	compute  func(l *loader) string // instead of def, where it depends on the host
	computed string                 // what compute yields, for people
	none     bool                   // None where nobody sets it, a value that no text has
	secret   bool                   // masked wherever it is shown
	url      bool                   // of a secret: only its password is one
	reload   bool                   // takes effect on SIGHUP
}

// oldIDs are the names that files may still use, as oslo.config looks for them.
func (o *option) oldIDs() []id {
	names := make([]id, len(o.old))
	for i, old := range o.old {
		names[i] = id{normalizeGroup(cmp.Or(old.group, o.group)), old.name}
	}
	return names
}

// needed says that the option must have a value, since it has one by default.
func (o *option) needed() bool { return o.def != "" }

// hostName is the default of [DEFAULT]host.
func hostName(*loader) string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return literal(name)
}

// myIP is the address that this host would send from to the outside, as
// oslo.utils finds it: connecting a UDP socket chooses a route, sends nothing.
func myIP(*loader) string {
	conn, err := net.Dial("udp4", "192.0.2.0:80")
	if err != nil {
		return "127.0.0.1"
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).IP.String()
}

// statePath is the default of [DEFAULT]state_path.
func statePath(l *loader) string {
	// systemd's for a service, and our image's; of several the first.
	if dir, _, _ := strings.Cut(l.env["STATE_DIRECTORY"], ":"); filepath.IsAbs(dir) {
		return literal(dir)
	}
	if os.Geteuid() == 0 {
		return "/var/lib/usher"
	}
	if base := l.env["XDG_STATE_HOME"]; filepath.IsAbs(base) {
		return literal(filepath.Join(base, "usher"))
	}
	if home := l.env["HOME"]; filepath.IsAbs(home) {
		return literal(filepath.Join(home, ".local/state/usher"))
	}
	return literal(filepath.Join(os.TempDir(), fmt.Sprintf("usher-%d", os.Getuid())))
}

// globalAuth is the default of [json_rpc]auth_strategy. No reference could
// say it: within [json_rpc], $auth_strategy is that option itself.
func globalAuth(l *loader) string {
	r := l.resolve(l.byID[id{"DEFAULT", "auth_strategy"}])
	if r.err != nil {
		return "noauth" // reported as [DEFAULT]'s error
	}
	return literal(pyStr(r.value))
}

// leastVersion is the default of a group's server_tls_minimum_version. It is
// what all releases of Ironic allow. Only where server_tls_ciphers is set, the
// release must be one whose default is 1.3: none of the others has that option.
func leastVersion(group string) func(*loader) string {
	return func(l *loader) string {
		r := l.resolve(l.byID[id{group, "server_tls_ciphers"}])
		if r.err == nil && r.value != "" {
			return "1.3"
		}
		return "1.2"
	}
}

// literal protects text from being read as references.
func literal(s string) string { return strings.ReplaceAll(s, "$", "$$") }
