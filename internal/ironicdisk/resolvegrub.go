package ironicdisk

import (
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"github.com/usher-boot/usher/internal/bootiface"
)

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
