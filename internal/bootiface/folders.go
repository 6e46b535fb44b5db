package bootiface

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
)

// oldLinks lists, in a node's folder and one name a line below the root, the
// links by MAC address that lead into it.
const oldLinks = ".links"

// RemoveNodeFolders removes the folders of nodes, and the links to them, that
// a version of Usher left that wrote boot files to the disk. Nothing reads
// them any more. It returns how many there were.
func (d *Disk) RemoveNodeFolders() (removed int, err error) {
	for _, r := range []Root{HTTPRoot, TFTPRoot} {
		if d.Path(r) == "" {
			continue
		}
		n, err := d.removeNodeFolders(r)
		removed += n
		if err != nil {
			return removed, fmt.Errorf("remove node folders of an older version: %w", err)
		}
	}
	return removed, nil
}

func (d *Disk) removeNodeFolders(r Root) (removed int, err error) {
	root, err := d.open(r)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		if !e.IsDir() || checkUUID(e.Name()) != nil {
			continue
		}
		if err := removeNodeFolder(root, e.Name()); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

// removeNodeFolder takes the boot file first: a link that is still there must
// lead to nothing.
func removeNodeFolder(root *os.Root, uuid string) error {
	links, err := root.ReadFile(uuid + "/" + oldLinks)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := root.Remove(uuid + "/" + configFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for name := range strings.SplitSeq(string(links), "\n") {
		target, err := root.Readlink(name)
		if err != nil || path.Join(path.Dir(name), target) != uuid+"/"+configFile {
			continue // gone, or of another node by now
		}
		if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return root.RemoveAll(uuid)
}
