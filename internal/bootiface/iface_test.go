package bootiface

import (
	"os"
	"strings"
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

// TestCompleteIronic holds Complete against files that Ironic's templates
// give, padded to the lengths at which Ironic writes them in pieces.
func TestCompleteIronic(t *testing.T) {
	for name, file := range map[string]string{"ipxe": "ipxe.config", "pxe": "pxe.config"} {
		text, err := os.ReadFile("testdata/ironic/" + file)
		if err != nil {
			t.Fatal(err)
		}
		i, _ := Lookup(name)
		if !i.Complete(string(text)) {
			t.Errorf("%s: Ironic's whole file is doubted", name)
		}
		head, tail, _ := strings.Cut(string(text), "\n")
		for _, size := range []int{8192, 16384} {
			padded := head + "\n" + strings.Repeat("# padding\n", 2000) + tail
			if i.Complete(padded[:size-1] + "x") {
				t.Errorf("%s: the first %d bytes pass as whole", name, size)
			}
			whole := head + "\n#" + strings.Repeat("x", size-len(text)-2) + "\n" + tail
			if len(whole) != size || !i.Complete(whole) {
				t.Errorf("%s: a whole file of %d bytes is doubted", name, len(whole))
			}
		}
	}
}

func TestCompleteRefuses(t *testing.T) {
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
		{"pxe", "", false},
		{"pxe", " \n", false},
		{"pxe", "boot", true},
	} {
		i, _ := Lookup(tc.name)
		if got := i.Complete(tc.content); got != tc.want {
			t.Errorf("%s: Complete(%q) = %v", tc.name, tc.content, got)
		}
	}
	if (Interface{}).Complete("#!ipxe\n") {
		t.Error("no boot interface, yet a complete file")
	}
}
