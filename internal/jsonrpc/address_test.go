package jsonrpc

import "testing"

func TestAddress(t *testing.T) {
	t.Parallel()
	for hostname, want := range map[string]string{
		"192.0.2.1":               "192.0.2.1:8090",
		"192.0.2.1:6000":          "192.0.2.1:6000",
		"conductor-1.example.com": "conductor-1.example.com:8090",
		"conductor_1:6000":        "conductor_1:6000",
		"münchen":                 "münchen:8090",
		"2001:db8::1":             "[2001:db8::1]:8090",
		"[2001:db8::1]":           "[2001:db8::1]:8090",
		"[2001:db8::1]:6000":      "[2001:db8::1]:6000",
		"fe80::1%eth0":            "[fe80::1%eth0]:8090",
		"::1":                     "[::1]:8090",

		// Not usable, which the empty string stands for.
		"": "", ":6000": "", "a:0": "", "a:65536": "", "a:http": "", "a:": "", "a:1:2": "", "[a": "", "[a]": "a:8090",
		"a/b": "", "user@a": "", "user@a:1": "", "a b": "", "a?b": "", "a#b": "", "a%41": "", "a\n": "", `a\b`: "", "[": "", "[]": "",
	} {
		got, err := address(hostname, 8090)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("address(%q) = %q, %v, want %q", hostname, got, err, want)
		}
	}
}

// TestAddressOverrides: an operator's word comes first, and a port that is
// Ironic's own is not called where an agent listens beside it.
func TestAddressOverrides(t *testing.T) {
	t.Parallel()
	o := ClientOptions{Port: 8090, IgnorePorts: true, Addresses: map[string]string{
		"c1": "10.0.0.1", "c2:6190": "10.0.0.2:7000", "c3": "[2001:db8::3]:7000", "bad": "a/b",
		"two:1": "10.0.1.1", "two:2": "10.0.1.2", "both": "10.0.2.1", "both:6190": "10.0.2.2", "[2001:db8::5]:6190": "10.0.0.5"}}
	for hostname, want := range map[string]string{
		"c1": "10.0.0.1:8090", "c1:6190": "10.0.0.1:8090", "C1": "10.0.0.1:8090",
		"c3": "[2001:db8::3]:7000", "c4:6190": "c4:8090", "[2001:db8::1]:6190": "[2001:db8::1]:8090",
		"2001:db8::1": "[2001:db8::1]:8090", "192.0.2.1": "192.0.2.1:8090", "bad": "", ":6190": "",
		// By the other name: a row of before an upgrade, or of after it.
		"c2:6190": "10.0.0.2:7000", "c2": "10.0.0.2:7000", "c2:1": "c2:8090", "2001:db8::5": "10.0.0.5:8090",
		// The whole name wins, and of two that it may be it is none.
		"both": "10.0.2.1:8090", "both:6190": "10.0.2.2:8090", "both:1": "10.0.2.1:8090",
		"two:1": "10.0.1.1:8090", "two:2": "10.0.1.2:8090", "two": "two:8090", "two:3": "two:8090",
	} {
		if got, err := o.address(hostname); got != want || (err == nil) != (want != "") {
			t.Errorf("address(%q) = %q, %v, want %q", hostname, got, err, want)
		}
	}
	// In an inventory of our own c2 and c2:6190 are two conductors.
	o.IgnorePorts = false
	for hostname, want := range map[string]string{"c4:6190": "c4:6190", "c2": "c2:8090", "c1:6190": "10.0.0.1:8090", "C1": "C1:8090"} {
		if got, err := o.address(hostname); got != want || err != nil {
			t.Errorf("with ports: address(%q) = %q, %v, want %q", hostname, got, err, want)
		}
	}
}
