package rebinding

import "testing"

func TestAllows(t *testing.T) {
	named := New("Conductor-1.example:6385", "", "c1", "http-is-not-a-name")
	for _, c := range []struct {
		host        string
		zero, named bool
	}{
		{"", true, true},
		{"127.0.0.1:6385", true, true},
		{"192.0.2.1", true, true},
		{"[::1]:6385", true, true},
		{"[2001:db8::1]", true, true},
		{"::1", true, true},
		{"localhost", true, true},
		{"LocalHost.:6385", true, true},
		{"conductor-1.example", false, true},
		{"CONDUCTOR-1.example.:80", false, true},
		{"c1:6385", false, true},
		{"evil.example", false, false},
		{"evil.example:6385", false, false},
		{"localhost.evil.example", false, false},
		{"127.0.0.1.evil.example", false, false},
		{"c1.evil.example", false, false},
		{"127.0.0.1, evil.example", false, false},
	} {
		if got := (Guard{}).Allows(c.host); got != c.zero {
			t.Errorf("the zero value allows %q: %v", c.host, got)
		}
		if got := named.Allows(c.host); got != c.named {
			t.Errorf("allows %q: %v", c.host, got)
		}
	}
}
