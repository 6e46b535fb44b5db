package ironicdisk

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

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
