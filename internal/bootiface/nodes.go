package bootiface

import (
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
