package ironicdisk

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher/internal/bootiface"
)

// TestIronicsOwn: what Ironic's own templates give, for each boot interface.
func TestIronicsOwn(t *testing.T) {
	const web, agent = "(http,192.0.2.1:8080)", "(http,192.0.2.1:6389)"
	for _, release := range []string{"21.4", "29"} {
		t.Run(release, func(t *testing.T) {
			d := newDisk(t)
			ipxe := golden(t, release, "ipxe.config")
			got, images, err := d.resolve(d.URLs(), fileKey{bootiface.HTTPRoot, nodeUUID, "boot.ipxe"}, ipxe)
			if got != ipxe || len(images) > 0 || err != nil {
				t.Errorf("every name in it is absolute, and it changed: %v\n%s", err, cmp.Diff(ipxe, got))
			}

			pxe := golden(t, release, "pxe.config")
			want := strings.NewReplacer(" "+nodeUUID+"/deploy_", " "+agent+"/"+nodeUUID+"/tftp_root/"+nodeUUID+"/deploy_").Replace(pxe)
			got, images, err = d.resolve(d.URLs(), fileKey{bootiface.TFTPRoot, nodeUUID, "grub.cfg"}, pxe)
			if diff := cmp.Diff(want, got); diff != "" || err != nil || strings.Count(got, agent) != 2 {
				t.Errorf("pxe: %v\n%s", err, diff)
			}
			if diff := cmp.Diff([]Image{{bootiface.TFTPRoot, nodeUUID + "/deploy_kernel"}, {bootiface.TFTPRoot, nodeUUID + "/deploy_ramdisk"}}, images); diff != "" {
				t.Error(diff)
			}
		})
	}
	d := newDisk(t)
	http := golden(t, "29", "http.config")
	want := strings.ReplaceAll(http, " ../http/", " "+web+"/")
	got, images, err := d.resolve(d.URLs(), fileKey{bootiface.TFTPRoot, nodeUUID, "grub.cfg"}, http)
	if diff := cmp.Diff(want, got); diff != "" || err != nil || strings.Count(got, web) != 2 || len(images) > 0 {
		t.Errorf("http: %v, %v\n%s", err, images, diff)
	}
}

func TestIPXENames(t *testing.T) {
	for _, c := range []struct{ url, subdir, name, want string }{ // want empty: refused
		{"http://h:8080", "pxelinux.cfg", "../ipa-cacert-bundle", "http://h:8080/ipa-cacert-bundle"},
		{"http://h:8080/", "pxelinux.cfg", "../ipa-cacert-bundle", "http://h:8080/ipa-cacert-bundle"},
		{"http://h", "pxelinux.cfg", "k", "http://h/pxelinux.cfg/k"},
		{"http://h", "a/b", "../k", "http://h/a/k"},
		{"http://h", "a/b", ".././../k", "http://h/k"},
		{"http://h", "pxelinux.cfg", "./k", "http://h/pxelinux.cfg/k"},
		{"http://h", "pxelinux.cfg", "/k", "http://h/k"},
		{"http://h", "pxelinux.cfg", "//x/k", "http://h//x/k"},
		{"http://h", "pxelinux.cfg", "..", "http://h/"},
		{"http://h", "pxelinux.cfg", "k?a=../../..#x", "http://h/pxelinux.cfg/k?a=../../..#x"},
		{"http://h", "pxelinux.cfg", "?a", "?a"},
		{"http://h", "pxelinux.cfg", "a%20b", "http://h/pxelinux.cfg/a%20b"},
		{"http://h", "pxelinux.cfg", "100%", "http://h/pxelinux.cfg/100%"},
		{"http://h", "pxelinux.cfg", "..a/k", "http://h/pxelinux.cfg/..a/k"},
		{"http://h", "pxelinux.cfg", "a/../k", "http://h/pxelinux.cfg/a/../k"},
		{"http://h/ironic", "pxelinux.cfg", "../k", "http://h/ironic/k"},
		{"http://h/ironic", "pxelinux.cfg", "/ironic/k", "http://h/ironic/k"},
		{"http://h/a%20b", "pxelinux.cfg", "../k", "http://h/a%20b/k"},
		{"https://u:p@[fd00::1]:1/x", "pxelinux.cfg", "../k", "https://u:p@[fd00::1]:1/x/k"},
		{"http://h", "pxelinux.cfg", "no_kernel", "no_kernel"},
		{"http://h", "pxelinux.cfg", "selinux=0", "selinux=0"},
		{"http://h", "pxelinux.cfg", "../../k", ""},
		{"http://h", "pxelinux.cfg", "../../../../etc/passwd", ""},
		{"http://h", "pxelinux.cfg", "a/../../../k", ""},
		{"http://h/ironic", "pxelinux.cfg", "../../k", ""},
		{"http://h/ironic", "pxelinux.cfg", "/k", ""},
		{"http://h/ironic", "pxelinux.cfg", "/ironic2/k", ""},
		{"http://h/ironic", "pxelinux.cfg", "/ironic/%2e%2e/k", ""},
		{"http://h", "pxelinux.cfg", "a%00b", ""},
		{"http://h", "pxelinux.cfg", "a%0Ab", ""},
		{"http://h", "pxelinux.cfg", "a\x01b", ""},
		{"", "pxelinux.cfg", "k", ""},
		{"/x", "pxelinux.cfg", "k", ""},
	} {
		got, err := ipxeNames{c.url, c.subdir}.resolve(c.name, true)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s, %s, %q: %q, %v; want %q", c.url, c.subdir, c.name, got, err, c.want)
		}
	}
	for name, want := range map[string]string{"../": "http://h/", "..": "http://h/pxelinux.cfg/..", "a/": "http://h/pxelinux.cfg/a/", "no_kernel": "http://h/pxelinux.cfg/no_kernel"} {
		if got, err := (ipxeNames{"http://h", "pxelinux.cfg"}).resolve(name, false); got != want || err != nil {
			t.Errorf("%q before a setting: %q, %v; want %q", name, got, err, want)
		}
	}
}

// TestWrittenURL: where Usher is not told http_url, the script itself tells it.
func TestWrittenURL(t *testing.T) {
	const image = "/" + nodeUUID + "/deploy_kernel"
	for _, c := range []struct{ name, content, url, want string }{ // want empty: refused
		{"written", "kernel http://w:6180" + image + "\ninitrd ../ca\n", "", "http://w:6180/ca"},
		{"written with a folder", "kernel http://w/x" + image + "\ninitrd ../ca\n", "", "http://w/x/ca"},
		{"configured", "kernel http://w:6180" + image + "\ninitrd ../ca\n", "http://h", "http://h/ca"},
		{"written twice", "kernel http://w" + image + "\ninitrd http://w/" + nodeUUID + "/deploy_ramdisk\ninitrd ../ca\n", "", "http://w/ca"},
		{"two servers", "kernel http://w" + image + "\ninitrd http://v/" + nodeUUID + "/deploy_ramdisk\ninitrd ../ca\n", "", ""},
		{"not the node's", "kernel http://w/3ec5b6a0-0000-4c7e-9f59-0f4f1d2b7a11/deploy_kernel\ninitrd ../ca\n", "", ""},
		{"no image", "kernel http://w/" + nodeUUID + "/other\ninitrd ../ca\n", "", ""},
		{"nothing", "initrd ../ca\n", "", ""},
	} {
		d := newDisk(t)
		got, _, err := d.resolve(URLs{HTTP: c.url}, fileKey{bootiface.HTTPRoot, nodeUUID, "boot.ipxe"}, "#!ipxe\n"+c.content)
		if c.want == "" && err == nil || c.want != "" && (err != nil || !strings.Contains(got, "initrd "+c.want+"\n")) {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
	}
}

func TestGRUBNames(t *testing.T) {
	const web, agent = "(http,h:8080)", "(http,a:6389)/" + nodeUUID
	tftp := bootiface.TFTPRoot
	for _, c := range []struct {
		name, operand, want string // want empty: refused
		open                bool   // a variable follows
		root                bootiface.Root
		urls                *URLs
		image               Image
	}{
		{name: "below tftp_root", operand: "u/k", want: agent + "/tftp_root/u/k", image: Image{tftp, "u/k"}},
		{name: "with a slash", operand: "/u/k", want: agent + "/tftp_root/u/k", image: Image{tftp, "u/k"}},
		{name: "with the root's own folder", operand: "/srv/tftp/u/k", want: agent + "/tftp_root/u/k", image: Image{tftp, "u/k"}},
		{name: "into http_root", operand: "../http/u/k", want: web + "/u/k"},
		{name: "into http_root by a way around", operand: "x/../../http//u/./k", want: web + "/u/k"},
		{name: "with characters that GRUB does not encode", operand: "../http/a b%/ü?#", want: web + "/a%20b%25/%C3%BC%3F%23"},
		{name: "the same, from the agent", operand: "a b", want: agent + "/tftp_root/a%20b", image: Image{tftp, "a b"}},
		{name: "a file below http_root itself", root: bootiface.HTTPRoot, operand: "u/k", want: web + "/u/k"},
		{name: "likewise, as Ironic writes it today", root: bootiface.HTTPRoot, operand: "../http/u/k", want: web + "/u/k"},
		{name: "likewise, with a slash", root: bootiface.HTTPRoot, operand: "/u/k", want: web + "/u/k"},
		{name: "http_url with a folder", operand: "../http/u/k", urls: &URLs{HTTP: "http://h/x/", Files: "http://a:1"}, want: "(http,h)/x/u/k"},
		{name: "https", operand: "../http/u/k", urls: &URLs{HTTP: "https://h", Files: "http://a:1"}, want: "(http,a:1)/" + nodeUUID + "/http_root/u/k",
			image: Image{bootiface.HTTPRoot, "u/k"}},
		{name: "https and no agent", operand: "../http/u/k", urls: &URLs{HTTP: "https://h"}},
		{name: "no http_url and no agent", operand: "../http/u/k", urls: &URLs{}},
		{name: "no agent", operand: "u/k", urls: &URLs{HTTP: "http://h"}, want: "u/k"},
		{name: "IPv6", operand: "../http/u/k", urls: &URLs{HTTP: "http://[fd00::1]:80"}, want: "(http,[fd00::1]:80)/u/k"},
		{name: "a URL", operand: "http://x/k", want: "http://x/k"},
		{name: "Ironic's names for nothing", operand: "no_ramdisk", want: "no_ramdisk"},
		{name: "before a variable", operand: "../http/u/k-", open: true, want: web + "/u/k-"},
		{name: "before a variable, a folder", operand: "../http/", open: true, want: web + "/"},
		{name: "before a variable, below tftp_root", operand: "u/k-", open: true, want: "u/k-"},
		{name: "before a variable, outside", operand: "../../k-", open: true},
		{name: "outside", operand: "../../../etc/passwd"},
		{name: "beside the roots", operand: "../x"},
		{name: "a folder that begins as a root does", operand: "../http2/x"},
		{name: "no longer with the root's own folder", operand: "/srv/tftp/../x", want: agent + "/tftp_root/srv/x", image: Image{tftp, "srv/x"}},
		{name: "a root", operand: "../http"},
		{name: "the other root", operand: "."},
		{name: "a zero byte", operand: "a\x00b"},
		{name: "a line", operand: "a\nb"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := New(Options{HTTPRoot: "/srv/http", TFTPRoot: "/srv/tftp"}, URLs{HTTP: "http://h:8080", Files: "http://a:6389"})
			if err != nil {
				t.Fatal(err)
			}
			if c.urls != nil {
				d.SetURLs(*c.urls)
			}
			if c.root == "" {
				c.root = tftp
			}
			g := &grubNames{disk: d, urls: d.URLs(), uuid: nodeUUID, base: d.Path(c.root), fromTFTP: c.root == tftp}
			got, err := g.resolve(c.operand, !c.open)
			if got != c.want || (err == nil) != (c.want != "") {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
			var images []Image
			if c.image != (Image{}) {
				images = []Image{c.image}
			}
			if diff := cmp.Diff(images, g.images); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestLinkedRoots: Ironic's web server has what lies below a tftp_root that is
// a link into http_root.
func TestLinkedRoots(t *testing.T) {
	d := newDisk(t)
	if err := os.Remove(d.o.TFTPRoot); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(d.o.HTTPRoot, "tftp"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("http/tftp", d.o.TFTPRoot); err != nil {
		t.Fatal(err)
	}
	got, images, err := d.resolve(d.URLs(), fileKey{bootiface.TFTPRoot, nodeUUID, "grub.cfg"}, "linux u/k")
	if got != "linux (http,192.0.2.1:8080)/tftp/u/k" || images != nil || err != nil {
		t.Errorf("%q, %v, %v", got, images, err)
	}
}

// FuzzResolve: whatever Ironic's files hold, no name that comes out leads out of
// the roots, what needs nothing stays as it is, and nothing is resolved twice.
func FuzzResolve(f *testing.F) {
	for _, name := range []string{"ipxe.config", "pxe.config", "http.config"} {
		f.Add(golden(f, "29", name))
	}
	for _, script := range []string{"linux ../http/a\ninitrd b '../http/c d' newc:x:../e", "kernel ../k\ninitrd %2e%2e/x\nchain ../../y",
		"chainloader ../../x", "kernel a/../../../b ${c}/d", "linux \"../http/$a/../../x\"", "set b=../http\nlinux $b/../../x"} {
		f.Add(script)
	}
	const web, agent = "http://w:8080/top", "http://a:6389"
	d, err := New(Options{HTTPRoot: "/srv/http", TFTPRoot: "/srv/tftp"}, URLs{HTTP: web, Files: agent})
	if err != nil {
		f.Fatal(err)
	}
	// Operands that have a variable are Ironic's web server's to judge.
	given := map[string]*regexp.Regexp{
		"boot.ipxe": regexp.MustCompile(`http://(w:8080)([^\s$?#]*)(\$)?`),
		"grub.cfg":  regexp.MustCompile(`\(http,(w:8080|a:6389)\)([^\s"'$;&|<>{}]*)("?\$)?`),
	}
	f.Fuzz(func(t *testing.T, script string) {
		for _, key := range []fileKey{{bootiface.HTTPRoot, nodeUUID, "boot.ipxe"}, {bootiface.TFTPRoot, nodeUUID, "grub.cfg"}, {bootiface.HTTPRoot, nodeUUID, "grub.cfg"}} {
			if key.name == "boot.ipxe" {
				script = "#!ipxe\n" + script
			}
			if check(key.name, script) != nil || strings.Contains(script, "w:8080") || strings.Contains(script, "a:6389") {
				continue
			}
			got, images, err := d.resolve(d.URLs(), key, script)
			if err != nil {
				continue
			}
			for _, m := range given[key.name].FindAllStringSubmatch(got, -1) {
				name := decode(m[2])
				clean := path.Clean(name)
				top := "/top/"
				if m[1] == "a:6389" {
					top = "/" + nodeUUID + "/"
				}
				if m[3] == "" && clean+"/" != top && !strings.HasPrefix(clean, top) {
					t.Errorf("%q gives %q, which names %q", script, got, m[0])
				}
			}
			for _, i := range images {
				if i.Name != path.Clean(i.Name) || i.Name == "." || path.IsAbs(i.Name) || strings.HasPrefix(i.Name, "../") || i.Name == ".." || checkName(i.Name) != nil {
					t.Errorf("%q names %+v", script, i)
				}
			}
			again, _, err := d.resolve(d.URLs(), key, got)
			if again != got || err != nil {
				t.Errorf("%q becomes\n%q, and that\n%q, %v", script, got, again, err)
			}
			if len(images) == 0 && got != script && !strings.Contains(got, "w:8080") && !strings.Contains(got, "a:6389") {
				t.Errorf("no name was resolved, and %q became %q", script, got)
			}
		}
	})
}

// decode is what a server makes of a path, as far as it can.
func decode(p string) string {
	return escaped.ReplaceAllStringFunc(p, func(s string) string {
		var n byte
		for _, c := range []byte(strings.ToLower(s[1:])) {
			n = n<<4 | byte(strings.IndexByte("0123456789abcdef", c))
		}
		return string(rune(n))
	})
}

var escaped = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
