package bootiface

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/usher-boot/usher"
)

// InstallRoot writes a root script below a root, in one step, with the
// folders of its name ("boot.ipxe", "grub/grub.cfg"). Readers see the old
// script or the new one, whole.
func (d *Disk) InstallRoot(r Root, name string, content []byte) error {
	if !fs.ValidPath(name) || name == "." {
		return usher.Errorf(usher.ErrInvalid, "root script: %q must be a file below %s", name, r)
	}
	root, err := d.open(r)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := d.install(root, name, content); err != nil {
		return fmt.Errorf("install %s: %w", path.Join(root.Name(), name), err)
	}
	return nil
}

func (d *Disk) install(root *os.Root, name string, content []byte) error {
	if err := d.makeFolders(root, path.Dir(name)); err != nil {
		return err
	}
	temporary := path.Join(path.Dir(name), ".usher-"+rand.Text())
	err := d.write(root, temporary, content)
	if err == nil {
		err = root.Rename(temporary, name)
	}
	if err != nil {
		_ = root.Remove(temporary) // the error that led here is the one to report
		return err
	}
	return syncFolder(root, path.Dir(name))
}

func (d *Disk) write(root *os.Root, name string, content []byte) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, d.options.FilePermission)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(d.options.FilePermission) // whatever the umask, as Ironic
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncFolder(root *os.Root, name string) error {
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// makeFolders makes a folder and those above it. It leaves the permissions of
// one that is there already: an operator may have set them.
func (d *Disk) makeFolders(root *os.Root, name string) error {
	if name == "." {
		return nil
	}
	made := ""
	for element := range strings.SplitSeq(name, "/") {
		made = path.Join(made, element)
		err := root.Mkdir(made, 0o755)
		switch {
		case errors.Is(err, fs.ErrExist):
			if info, statErr := root.Stat(made); statErr == nil && !info.IsDir() {
				return err
			}
		case err != nil:
			return err
		case d.options.DirPermission != 0:
			if err := root.Chmod(made, d.options.DirPermission); err != nil {
				return err
			}
		}
	}
	return nil
}
