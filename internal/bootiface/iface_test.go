package bootiface

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	type row struct {
		Files []string
		Root  Root
	}
	got := map[string]row{}
	for _, name := range Names() {
		i, ok := Lookup(name)
		if !ok || i.Name() != name {
			t.Errorf("Lookup(%q) = %q, %v", name, i.Name(), ok)
		}
		got[name] = row{i.Files(), i.Root()}
	}
	want := map[string]row{
		"ipxe":      {[]string{"boot.ipxe"}, HTTPRoot},
		"http-ipxe": {[]string{"boot.ipxe"}, HTTPRoot},
		"pxe":       {[]string{"grub.cfg"}, TFTPRoot},
		"http":      {[]string{"grub.cfg"}, HTTPRoot},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("boot interfaces (-want +got):\n%s", diff)
	}
	if i, ok := Lookup("fake"); ok || i.Files() != nil {
		t.Errorf("Lookup(fake) = %v, %v", i, ok)
	}
	for name, want := range map[string]bool{"boot.ipxe": true, "grub.cfg": true, "config": false, "": false,
		"../config": false, "BOOT.IPXE": false} {
		if KnownFile(name) != want {
			t.Errorf("KnownFile(%q) = %v", name, !want)
		}
	}
}

func TestComplete(t *testing.T) {
	for _, tc := range []struct {
		name, content string
		want          bool
	}{
		{"ipxe", "", false},
		{"ipxe", "#!ipx", false},
		{"ipxe", "#!ipxe", false},
		{"ipxe", "\n#!ipxe\n", false},
		{"ipxe", "\xef\xbb\xbf#!ipxe\n", false},
		{"ipxe", "#!ipxex\n", false},
		{"ipxe", "<html>", false},
		{"ipxe", "#!ipxe\n", true},
		{"ipxe", "#!ipxe\r\nboot", true},
		{"ipxe", "#!ipxe # mine\nboot", true},
		{"ipxe", "#!gpxe\nboot", true},
		{"pxe", "", false},
		{"pxe", " \n", false},
		{"pxe", "boot", true},
	} {
		i, _ := Lookup(tc.name)
		if got := i.complete(tc.content); got != tc.want {
			t.Errorf("%s: complete(%q) = %v", tc.name, tc.content, got)
		}
	}
}
