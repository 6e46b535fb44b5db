package bootiface

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// linksFile lists, in a node's folder and one name a line below the root, the
// links that may point into it. It is written before the links are, so it may
// name too many and never too few. Without it, finding a node's links would
// mean reading those of all nodes.
const linksFile = ".links"

// listedLinks reads linksFile; a folder without one has no links of ours.
func listedLinks(root *os.Root, uuid string) ([]string, error) {
	text, _, err := readInRoot(root, uuid+"/"+linksFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' }), nil
}

// listLinks writes linksFile.
func (d *Disk) listLinks(root *os.Root, uuid string, names []string) error {
	s := staging{root: root}
	defer s.discard()
	if err := s.file(uuid+"/"+linksFile, []byte(strings.Join(names, "\n")+"\n"), d.options.FilePermission); err != nil {
		return err
	}
	return s.commit()
}

// removeLinks removes those of the named links that still point into the
// node's folder: a port may have moved to another node, and its link with it.
func removeLinks(root *os.Root, uuid string, names []string) error {
	for _, name := range names {
		target, err := root.Readlink(name)
		if err != nil || path.Join(path.Dir(name), target) != uuid+"/"+configFile {
			continue // gone, or not ours
		}
		if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// union is the names in either list, sorted.
func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}
