package usher

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// TestConductorName: the names are those that Ironic 29.0.5 makes of the same
// host and port; the brackets are those of escape_ipv6 in oslo.utils 6.0.1.
func TestConductorName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		host string
		port int
		want string
	}{
		{"127.0.0.11", 6189, "127.0.0.11:6189"},
		{"127.0.0.11", 8089, "127.0.0.11"},
		{"127.0.0.11", 0, "127.0.0.11"},
		{"c1.example.com", 6189, "c1.example.com:6189"},
		{"C1", 6189, "C1:6189"},
		{"::1", 6189, "[::1]:6189"},
		{"::1", 8089, "::1"},
		{"FD00::11", 6189, "[FD00::11]:6189"},
		{"fd00::11:6189", 6189, "[fd00::11:6189]:6189"}, // an address, not a port
		{"fe80::1%eth0", 6189, "[fe80::1%eth0]:6189"},
		{"[fd00::11]", 6189, "[fd00::11]:6189"}, // as the Metal3 image writes its host
		{"[fd00::11]", 8089, "[fd00::11]"},
		// A port in [DEFAULT]host, which once was the only way, still counts.
		{"127.0.0.11:30089", 30089, "127.0.0.11:30089"},
		{"127.0.0.11:30089", 8089, "127.0.0.11:30089"},
		{"[::1]:30089", 6189, "[::1]:30089"},
	} {
		if got := ConductorName(c.host, c.port); got != c.want {
			t.Errorf("ConductorName(%q, %d) = %q, want %q", c.host, c.port, got, c.want)
		}
	}
}

func TestSameConductor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"h", "h", true},
		{"h", "h:6189", true},
		{"h:6189", "h:6189", true},
		{"h:1", "h:2", false},
		{"h", "g", false},
		{"h", "g:6189", false},
		{"h:1", "g:1", false},
		{"H", "h:6189", true}, // names of hosts; MariaDB compares them so too
		{"c1.example.com", "c1.example.com:6189", true},
		{"c1", "c1.example.com", false},
		{"c1", "c1.example.com:6189", false},
		{"c1.example.com", "c2.example.com", false},
		{"127.0.0.1", "127.0.0.11", false},
		{"127.0.0.1", "127.0.0.1:6189", true},
		{"::1", "[::1]:6189", true},
		{"::1", "[::1]", true},
		{"[::1]", "[::1]:6189", true},
		{"[::1]:1", "[::1]:2", false},
		{"[::1]:6189", "[::2]:6189", false},
		{"fd00::11", "fd00::11:6189", false}, // two addresses
		{"fd00::11:6189", "[fd00::11]:6189", false},
		{"fd00::11:6189", "[fd00::11:6189]:6189", true},
		{"FD00::A1", "[fd00::a1]:6189", true},
		{"fd00:0:0::11", "[fd00::11]:6189", true},
		{"fe80::1%eth0", "[fe80::1%eth0]:6189", true},
		{"fe80::1%eth0", "[fe80::1%eth1]:6189", false},
		{"::ffff:10.0.0.1", "10.0.0.1", false},
		// What is no port belongs to the name.
		{"h", "h:", false},
		{"h", "h:0", false},
		{"h", "h:65536", false},
		{"h", "h:06189", false},
		{"h", "h:+1", false},
		{"h", "h:http", false},
		{"h", "h:1:2", false},
		{"", ":6189", false},
		{"", "[]", false},
		{"", "[]:6189", false},
		{"::1", "[::1", false},
		{"::1", "[::1]6189", false},
		{"::1", "[::1]:x", false},
		{"[h]:6189", "h", true},
		{"rabbit@h", "rabbit@h:6189", true},
	} {
		if got := SameConductor(c.a, c.b); got != c.want {
			t.Errorf("SameConductor(%q, %q) = %t", c.a, c.b, got)
		}
		if got := SameConductor(c.b, c.a); got != c.want {
			t.Errorf("SameConductor(%q, %q) = %t", c.b, c.a, got)
		}
	}
}

func TestConductorHost(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"h": "h", "h:6189": "h", "[::1]:6189": "::1", "[::1]": "::1", "::1": "::1", "fd00::11:6189": "fd00::11:6189",
		"": "", ":6189": ":6189", "[]": "[]", "h:1:2": "h:1:2",
	} {
		if got := ConductorHost(name); got != want {
			t.Errorf("ConductorHost(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestPresentName(t *testing.T) {
	t.Parallel()
	now := time.Now()
	alive := func(host string) Conductor { return Conductor{Hostname: host, Online: true, UpdatedAt: now} }
	stale := func(host string) Conductor {
		return Conductor{Hostname: host, Online: true, UpdatedAt: now.Add(-time.Hour)}
	}
	all := []Conductor{stale("h"), alive("h:6189"), stale("g"), stale("g:6189"), alive("c"), alive("c:6189")}
	for i, want := range []string{"h:6189", "", "", "", "", ""} {
		if got := all[i].PresentName(all, now, time.Minute); got != want {
			t.Errorf("%s is called %q now, want %q", all[i].Hostname, got, want)
		}
	}
}

// FuzzConductorName: both names that Ironic may make of a host are the same
// conductor's, and those of two ports are not.
func FuzzConductorName(f *testing.F) {
	for _, host := range []string{"h", "::1", "[::1]", "fd00::11:6189", "c1.example.com", "h:1", "[", "[]", ":", "%", "fe80::1%eth0"} {
		f.Add(host, uint16(6189), uint16(6190))
	}
	f.Fuzz(func(t *testing.T, host string, port, other uint16) {
		name, second := ConductorName(host, int(port)), ConductorName(host, int(other))
		if SameConductor(name, second) != SameConductor(second, name) || !SameConductor(name, name) {
			t.Errorf("%q and %q: it depends on their order", name, second)
		}
		_, err := netip.ParseAddr(host)
		if host == "" || err != nil && strings.ContainsAny(host, "[]:") {
			return // no host
		}
		if !SameConductor(host, name) {
			t.Errorf("%q and %q are not the same", host, name)
		}
		if name != second && name != host && second != host && SameConductor(name, second) {
			t.Errorf("%q and %q are the same", name, second)
		}
	})
}

func TestSameConductorCosts(t *testing.T) {
	for _, pair := range [][2]string{{"127.0.0.11", "127.0.0.11:6189"}, {"fd00::11", "[FD00::11]:6189"}, {"c1.example.com:6189", "c2.example.com:6189"}} {
		if n := testing.AllocsPerRun(100, func() { SameConductor(pair[0], pair[1]) }); n != 0 {
			t.Errorf("%v: %v allocations, and it is asked for every machine", pair, n)
		}
	}
}
