package ironicdisk

import (
	"cmp"
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/operand"
)

// Image is a file below a root that a boot file loads from the agent's own
// listener, since Ironic's web server does not have it, or not for GRUB.
type Image struct {
	Root bootiface.Root
	Name string // below it, clean
}

// resolve makes a boot file independent of the server that it came from: the
// names in it that are relative to Ironic's own server become absolute. A file
// without such names stays as it is, to the byte.
func (d *Disk) resolve(u URLs, key fileKey, content string) (string, []Image, error) {
	if key.name == "grub.cfg" {
		g := &grubNames{disk: d, urls: u, uuid: key.uuid, base: d.Path(key.root), fromTFTP: key.root == bootiface.TFTPRoot}
		resolved, err := operand.GRUB(content, g.resolve)
		return resolved, g.images, err
	}
	names := ipxeNames{cmp.Or(u.HTTP, writtenURL(content, key.uuid)), d.o.ConfigSubdir}
	resolved, err := operand.IPXE(content, names.resolve)
	return resolved, nil, err
}

// writtenURL is the [deploy]http_url that Ironic had when it wrote an iPXE
// script: it stands before each image of the node. Usher's own configuration may
// not say it, as in a pod where only Ironic knows its address. It is empty
// where the script names no such image, or several servers.
func writtenURL(content, uuid string) string {
	found := ""
	for word := range strings.FieldsSeq(content) {
		server, image, ok := strings.Cut(word, "/"+uuid+"/")
		if !ok || !ironicImage.MatchString(image) || !scheme.MatchString(server) {
			continue
		}
		if found != "" && found != server {
			return ""
		}
		found = server
	}
	return found
}

// ironicImage are Ironic's names for a node's images.
var ironicImage = regexp.MustCompile(`^((deploy|rescue)_)?(kernel|ramdisk)$`)

// noImage says that Ironic wrote a name for an image that the node does not
// have, in a part of its template that is not run then: see
// build_instance_pxe_options in ironic/common/pxe_utils.py. "chain.c32" is a
// program of PXELINUX, which Ironic's template for GRUB names all the same.
//
// Where there is no deploy kernel, the iPXE template has nothing in its place,
// and "selinux=0", the first parameter, is where iPXE looks for a name.
func noImage(name string) bool {
	switch name {
	case "no_kernel", "no_ramdisk", "chain.c32", "selinux=0":
		return true
	}
	return false
}

// checkName refuses what no file name and no URL should hold.
func checkName(name string) error {
	if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Errorf("%.200q holds a control character", name)
	}
	return nil
}

// ipxeNames resolves what an iPXE script loads. Ironic's boot.ipxe chains
// <pxe_config_subdir>/<MAC> relative to itself, so that is where the script
// came from: names are relative to that folder of the web server.
type ipxeNames struct{ httpURL, subdir string }

func (n ipxeNames) resolve(name string, whole bool) (string, error) {
	if whole && noImage(name) {
		return name, nil
	}
	relative, rest := name, ""
	if at := strings.IndexAny(name, "?#"); at >= 0 {
		relative, rest = name[:at], name[at:]
	}
	if relative == "" { // only a query: the script itself, wherever it came from
		return name, nil
	}
	if n.httpURL == "" {
		return "", fmt.Errorf("%.200q is relative to Ironic's web server: set [deploy]http_url as in Ironic's configuration", name)
	}
	base, err := url.Parse(strings.TrimRight(n.httpURL, "/"))
	if err != nil || base.Host == "" {
		return "", fmt.Errorf("[deploy]http_url %q is not a URL", n.httpURL)
	}
	top := base.EscapedPath()
	// A name that a setting follows is not the end of a path: ".." is then no
	// folder, and a letter shows it.
	open := ""
	if !whole && rest == "" {
		open = "x"
	}
	target, ok := ipxePath(top, n.subdir, relative+open)
	target = strings.TrimSuffix(target, open)
	decoded, err := url.PathUnescape(target)
	if err != nil {
		decoded = target // iPXE takes a stray per cent sign as it is
	}
	if err := checkName(decoded); err != nil {
		return "", err
	}
	if !ok || !within(base.Path, decoded) {
		return "", fmt.Errorf("%.200q leads out of [deploy]http_url, which is %s", name, base.Redacted())
	}
	base.Path, base.RawPath = "", ""
	return base.String() + target + rest, nil
}

// within says that a URL's path stays below a folder on the way, too: a server
// may take more dots than there are folders for none, or for an attack.
func within(folder, urlPath string) bool {
	below, ok := strings.CutPrefix(urlPath, folder+"/")
	depth := 0
	for part := range strings.SplitSeq(below, "/") {
		switch part {
		case "", ".":
		case "..":
			depth--
		default:
			depth++
		}
		if depth < 0 {
			return false
		}
	}
	return ok
}

// ipxePath resolves a path as iPXE does: of dots only those at the beginning
// count. It is false for one with more of them than there are folders below top.
func ipxePath(top, subdir, relative string) (string, bool) {
	if relative[0] == '/' {
		return relative, true
	}
	folders := strings.Split(subdir, "/")
	for {
		switch {
		case relative == "." || strings.HasPrefix(relative, "./"):
			relative = strings.TrimPrefix(relative[1:], "/")
		case relative == ".." || strings.HasPrefix(relative, "../"):
			if len(folders) == 0 {
				return "", false
			}
			folders = folders[:len(folders)-1]
			relative = strings.TrimPrefix(relative[2:], "/")
		default:
			return strings.Join(slices.Concat([]string{top}, folders, []string{relative}), "/"), true
		}
	}
}

// grubNames resolves what a GRUB configuration loads. Ironic writes paths that
// are relative to tftp_root, also where they lead out of it, to http_root: see
// build_deploy_pxe_options in ironic/common/pxe_utils.py.
type grubNames struct {
	disk     *Disk
	urls     URLs
	uuid     string
	base     string // the folder that names are relative to
	fromTFTP bool
	images   []Image
	seen     map[Image]bool

	realHTTP, realTFTP string // the roots, of which one may be a link into the other
}

// scheme is the beginning of a URL, which GRUB does not know: not ours to mend.
var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)

func (g *grubNames) resolve(name string, whole bool) (string, error) {
	if whole && noImage(name) || scheme.MatchString(name) {
		return name, nil
	}
	if err := checkName(name); err != nil {
		return "", err
	}
	fixed, variable := name, "" // what stands right before a variable is a part of a name
	if !whole {
		fixed = name[:strings.LastIndexByte(name, '/')+1]
		variable = name[len(fixed):]
	}
	file := g.file(fixed)
	root, below, ok := g.find(file)
	if !ok || whole && below == "." {
		return "", fmt.Errorf("%.200q is no file below [deploy]http_root (%s) or [pxe]tftp_root (%s)", name, g.disk.o.HTTPRoot, g.disk.o.TFTPRoot)
	}
	if root == bootiface.HTTPRoot {
		if device, ok := grubDevice(g.urls.HTTP); ok {
			return device + grubEscape(join(below, variable, whole)), nil
		}
	}
	if g.urls.Files == "" && root == bootiface.TFTPRoot || !whole {
		// A TFTP server that all conductors share, or a name that only the
		// machine can tell.
		return name, nil
	}
	device, ok := grubDevice(g.urls.Files)
	if !ok {
		return "", fmt.Errorf("GRUB cannot load %.200q: it lies below [deploy]http_root, and [deploy]http_url (%s) is no http URL; "+
			"set [usher]files_listen", name, g.urls.HTTP)
	}
	if image := (Image{root, below}); !g.seen[image] {
		g.images = append(g.images, image)
		if g.seen == nil {
			g.seen = map[Image]bool{}
		}
		g.seen[image] = true
	}
	return device + "/" + g.uuid + "/" + string(root) + grubEscape("/"+below), nil
}

// join puts a name together that begins a longer one unless it is whole.
func join(below, variable string, whole bool) string {
	if whole {
		return "/" + below
	}
	return strings.TrimSuffix("/"+below, "/.") + "/" + variable
}

// file is the path on this host of a name. TFTP servers take names that begin
// with their own folder, too, and Ironic's initial_grub_template has some.
func (g *grubNames) file(name string) string {
	if g.fromTFTP {
		if _, ok := below(g.base, path.Clean(name)); ok && path.IsAbs(name) {
			return path.Clean(name)
		}
	}
	return path.Join(g.base, name)
}

// find says below which root a path lies.
func (g *grubNames) find(file string) (root bootiface.Root, name string, ok bool) {
	o := g.disk.o
	if name, ok := below(o.HTTPRoot, file); ok {
		return bootiface.HTTPRoot, name, true
	}
	name, ok = below(o.TFTPRoot, file)
	if !ok {
		return "", "", false
	}
	if g.realTFTP == "" {
		g.realHTTP, g.realTFTP = followed(o.HTTPRoot), followed(o.TFTPRoot)
	}
	if name, ok := below(g.realHTTP, path.Join(g.realTFTP, name)); ok {
		return bootiface.HTTPRoot, name, true
	}
	return bootiface.TFTPRoot, name, true
}

// followed is a folder without the links that lead to it; itself where it is not
// there.
func followed(folder string) string {
	if f, err := filepath.EvalSymlinks(folder); err == nil {
		return f
	}
	return folder
}

// below gives the name of a clean path below a folder.
func below(folder, file string) (string, bool) {
	folder = path.Clean(folder)
	if file == folder {
		return ".", true
	}
	name, ok := strings.CutPrefix(file, strings.TrimSuffix(folder, "/")+"/")
	return name, ok && path.IsAbs(folder)
}

// grubDevice writes a web server and the folder below it as GRUB does.
func grubDevice(raw string) (string, bool) {
	u, err := url.Parse(strings.TrimRight(raw, "/"))
	if err != nil || u.Scheme != "http" || u.Host == "" {
		return "", false
	}
	return "(http," + u.Host + ")" + u.EscapedPath(), true
}

// grubEscape writes a path as it goes over the wire: GRUB encodes nothing.
func grubEscape(p string) string {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/:@+,="
	var b strings.Builder
	for i := range len(p) {
		if strings.IndexByte(plain, p[i]) >= 0 {
			b.WriteByte(p[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", p[i])
		}
	}
	return b.String()
}
