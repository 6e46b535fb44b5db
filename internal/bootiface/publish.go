package bootiface

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/usher-boot/usher"
)

// NodeFolder opens the folder of a node's boot file, making it where it is
// missing. The caller closes it.
func (d *Disk) NodeFolder(i Interface, uuid string) (*os.Root, error) {
	if i.root == "" {
		return nil, i.unsupported("boot files")
	}
	return d.folder(i.root, uuid)
}

// ImageFolder is NodeFolder for the node's kernels and ramdisks. Every boot
// interface's are below http_root: machines fetch them over HTTP, from
// whichever conductor the boot file names.
func (d *Disk) ImageFolder(uuid string) (*os.Root, error) { return d.folder(HTTPRoot, uuid) }

func (d *Disk) folder(r Root, uuid string) (*os.Root, error) {
	if err := checkUUID(uuid); err != nil {
		return nil, err
	}
	root, err := d.openToWrite(r)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if err := d.makeFolder(root, uuid); err != nil {
		return nil, fmt.Errorf("make folder of node %s: %w", uuid, err)
	}
	return root.OpenRoot(uuid)
}

// makeFolder leaves the permissions of a folder that is there already: an
// operator may have set them.
func (d *Disk) makeFolder(root *os.Root, name string) error {
	err := root.Mkdir(name, 0o755)
	if errors.Is(err, fs.ErrExist) {
		if info, statErr := root.Stat(name); statErr == nil && !info.IsDir() {
			return err
		}
		return nil
	}
	if err == nil && d.options.DirPermission != 0 {
		err = root.Chmod(name, d.options.DirPermission)
	}
	return err
}

// Publish writes a node's boot file and the links of its ports, and removes
// links of ports that it no longer has. Readers see the old file or the new
// one. Everything is written under other names before anything is put in
// place, so a full or unwritable disk leaves the previous files as they were.
func (d *Disk) Publish(i Interface, uuid string, config []byte, macs []usher.MAC) error {
	folder, err := d.NodeFolder(i, uuid)
	if err != nil {
		return err
	}
	defer folder.Close()
	root, err := d.openToWrite(i.root)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := d.publish(root, i, uuid, config, macs); err != nil {
		return fmt.Errorf("publish boot file of node %s: %w", uuid, err)
	}
	return nil
}

func (d *Disk) publish(root *os.Root, i Interface, uuid string, config []byte, macs []usher.MAC) error {
	for folder := range parents(d.options.ConfigSubdir) {
		if err := d.makeFolder(root, folder); err != nil {
			return err
		}
	}
	var links []string
	for _, mac := range macs {
		links = append(links, d.linkNames(i, mac)...)
	}
	listed, err := listedLinks(root, uuid)
	if err != nil {
		return err
	}
	all := union(listed, links)
	if len(all) > len(listed) {
		if err := d.listLinks(root, uuid, all); err != nil {
			return err
		}
	}

	s := staging{root: root}
	defer s.discard()
	if err := s.file(uuid+"/"+configFile, config, d.options.FilePermission); err != nil {
		return err
	}
	for _, name := range links {
		target := strings.Repeat("../", strings.Count(name, "/")) + uuid + "/" + configFile
		if err := s.link(target, name); err != nil {
			return err
		}
	}
	if err := s.commit(); err != nil {
		return err
	}
	stale := slices.DeleteFunc(all, func(name string) bool { return slices.Contains(links, name) })
	if len(stale) == 0 {
		return nil
	}
	if err := removeLinks(root, uuid, stale); err != nil {
		return err
	}
	return d.listLinks(root, uuid, links)
}

// linkNames lists the links of a port, below the root. Ironic makes GRUB's
// for iPXE nodes too.
func (d *Disk) linkNames(i Interface, mac usher.MAC) []string {
	var names []string
	for _, name := range i.links(mac) {
		names = append(names, path.Join(d.options.ConfigSubdir, name))
	}
	return append(names, "grub.cfg-01-"+mac.Hyphenated(), mac.String()+".conf")
}

// Remove takes away all of a node's files, and every link to them, whatever
// ports the node has by now. The boot file goes first. Nothing there is fine.
func (d *Disk) Remove(i Interface, uuid string) error {
	if i.root == "" {
		return nil // it can have none
	}
	if err := checkUUID(uuid); err != nil {
		return err
	}
	root, err := d.openToWrite(i.root)
	if err != nil {
		return err
	}
	defer root.Close()
	links, err := listedLinks(root, uuid)
	if err == nil {
		err = root.Remove(uuid + "/" + configFile)
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = removeLinks(root, uuid, links)
	}
	if err == nil {
		err = root.RemoveAll(uuid)
	}
	if err != nil {
		return fmt.Errorf("remove boot files of node %s: %w", uuid, err)
	}
	return nil
}

// InstallRoot writes a root script below a root, in one step, with the
// folders of its name ("boot.ipxe", "grub/grub.cfg").
func (d *Disk) InstallRoot(r Root, name string, content []byte) error {
	if !fs.ValidPath(name) || name == "." {
		return usher.Errorf(usher.ErrInvalid, "root script: %q must be a file below %s", name, r)
	}
	root, err := d.openToWrite(r)
	if err != nil {
		return err
	}
	defer root.Close()
	s := staging{root: root}
	defer s.discard()
	for folder := range parents(path.Dir(name)) {
		if err := d.makeFolder(root, folder); err != nil {
			return fmt.Errorf("install %s: %w", path.Join(root.Name(), name), err)
		}
	}
	err = s.file(name, content, d.options.FilePermission)
	if err == nil {
		err = s.commit()
	}
	if err != nil {
		return fmt.Errorf("install %s: %w", path.Join(root.Name(), name), err)
	}
	return nil
}
