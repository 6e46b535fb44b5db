package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConductorAddresses(t *testing.T) {
	for text, want := range map[string]map[string]string{
		"":                                    {},
		"c1:10.0.0.1":                         {"c1": "10.0.0.1"},
		"c1:10.0.0.1:7000, c2 : far.example":  {"c1": "10.0.0.1:7000", "c2": "far.example"},
		"c1:6189:10.0.0.1,c1:6190:10.0.0.2:7": {"c1:6189": "10.0.0.1", "c1:6190": "10.0.0.2:7"},
		"c1:2001:db8::1":                      {"c1": "2001:db8::1"}, // its address, not a port
		"c1:[2001:db8::1]:7000":               {"c1": "[2001:db8::1]:7000"},
		"c1:6189:[2001:db8::1]":               {"c1:6189": "[2001:db8::1]"},
		"[fd00::1]:10.0.0.1":                  {"[fd00::1]": "10.0.0.1"},
		"[fd00::1]:6189:10.0.0.1":             {"[fd00::1]:6189": "10.0.0.1"},
		"rabbit@c1:'10.0.0.1'":                {"rabbit@c1": "10.0.0.1"},
		"c1":                                  nil,
		"[fd00::1":                            nil,
		"[fd00::1]":                           nil,
		":10.0.0.1":                           nil,
		"c1:a,c1:b":                           nil,
	} {
		got, err := conductorAddresses().read(text)
		if want == nil {
			if err == nil {
				t.Errorf("%q is %v", text, got)
			}
			continue
		}
		if diff := cmp.Diff(any(want), got); diff != "" || err != nil {
			t.Errorf("%q: %v\n%s", text, err, diff)
		}
	}
}
