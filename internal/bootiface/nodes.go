package bootiface

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
)

// Answers says whether the interface answers a boot file name.
func (i Interface) Answers(file string) bool { return slices.Contains(i.files, file) }

// Nodes lists the UUIDs of the nodes that have a folder below any root.
func (d *Disk) Nodes() ([]string, error) {
	seen := map[string]bool{}
	for _, r := range []Root{HTTPRoot, TFTPRoot} {
		if d.Path(r) == "" {
			continue
		}
		root, err := d.open(r)
		if err != nil {
			return nil, err
		}
		entries, err := fs.ReadDir(root.FS(), ".")
		root.Close()
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.IsDir() && checkUUID(e.Name()) == nil {
				seen[e.Name()] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(seen)), nil
}

// KeepImages removes what a node's earlier boots left beside its boot file:
// all but the named images.
func (d *Disk) KeepImages(uuid string, names ...string) error {
	if err := checkUUID(uuid); err != nil {
		return err
	}
	root, err := d.openToWrite(HTTPRoot)
	if err != nil {
		return err
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), uuid)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	for _, e := range entries {
		name := e.Name()
		if name == configFile || name == linksFile || slices.Contains(names, name) {
			continue
		}
		if err := root.Remove(uuid + "/" + name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// RemoveNode takes away a node's files below every root, whichever boot
// interface they were for.
func (d *Disk) RemoveNode(uuid string) error {
	for _, i := range []Interface{ipxe(), pxe()} { // one for each root
		if d.Path(i.root) == "" {
			continue
		}
		if err := d.Remove(i, uuid); err != nil {
			return err
		}
	}
	return nil
}
