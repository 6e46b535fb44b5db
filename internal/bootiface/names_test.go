package bootiface

import (
	"strings"
	"testing"
)

func TestStaticNames(t *testing.T) {
	const hyphens, colons = "52-54-00-aa-00-01", "52:54:00:aa:00:01"
	type got struct{ mac, file string }
	for path, want := range map[string]got{
		"/pxelinux.cfg/" + hyphens:                  {hyphens, "boot.ipxe"},
		"pxelinux.cfg/" + hyphens:                   {hyphens, "boot.ipxe"},
		"/pxelinux.cfg/" + strings.ToUpper(hyphens): {strings.ToUpper(hyphens), "boot.ipxe"},
		"/pxelinux.cfg/01-" + hyphens:               {hyphens, "grub.cfg"},
		"/grub.cfg-01-" + hyphens:                   {hyphens, "grub.cfg"},
		"/" + colons + ".conf":                      {colons, "grub.cfg"},
		"/pxelinux.cfg/default":                     {},
		"/pxelinux.cfg/01-default":                  {},
		"/pxelinux.cfg/" + hyphens + "/x":           {},
		"/pxelinux.cfg/525400aa0001":                {}, // ParseMAC knows it, Ironic makes no such link
		"/pxelinux.cfg":                             {},
		"/other/" + hyphens:                         {},
		"/grub.cfg-01-x":                            {},
		"/grub/grub.cfg":                            {},
		"/x.conf":                                   {},
		"/":                                         {},
		"":                                          {},
	} {
		mac, file, ok := StaticNames{}.Parse(path)
		if ok != (want != got{}) || ok && (got{mac, file}) != want {
			t.Errorf("%s: %q %q %v, want %+v", path, mac, file, ok, want)
		}
	}
	if mac, _, ok := (StaticNames{Subdir: "a/b"}).Parse("/a/b/" + hyphens); !ok || mac != hyphens {
		t.Errorf("another folder: %q, %v", mac, ok)
	}
}

func FuzzPaths(f *testing.F) {
	f.Add("/images/" + strings.Repeat("a", 64) + "/deploy_kernel")
	f.Add("/" + exampleUUID + "/deploy_kernel")
	f.Add("/pxelinux.cfg/52-54-00-aa-00-01")
	f.Fuzz(func(t *testing.T, path string) {
		digest, name, ok := ParseImagePath(path)
		if ok && ImagePath(digest, name) != path {
			t.Errorf("%q came back as %q", path, ImagePath(digest, name))
		}
		if uuid, _, ok := ParseNodePath(path); ok && checkUUID(uuid) != nil {
			t.Errorf("%q is no UUID", uuid)
		}
		if mac, _, ok := (StaticNames{}).Parse(path); ok && !isMAC(mac) {
			t.Errorf("%q is no MAC", mac)
		}
	})
}
