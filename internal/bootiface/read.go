package bootiface

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/usher-boot/usher"
)

// maxBootFile bounds what is read as a boot file.
const maxBootFile = 1 << 20

// Read returns a boot file of a node. ErrNotFound means that the disk was
// read and holds none; any other failure of the disk is not that.
func (d *Disk) Read(i Interface, uuid, file string) (string, error) {
	content, _, err := d.ReadWritten(i, uuid, file)
	return content, err
}

// ReadWritten is Read, and tells when the file was last written.
func (d *Disk) ReadWritten(i Interface, uuid, file string) (string, time.Time, error) {
	if len(i.files) == 0 {
		return "", time.Time{}, i.unsupported("boot files")
	}
	if err := checkUUID(uuid); err != nil {
		return "", time.Time{}, err
	}
	if !slices.Contains(i.files, file) {
		return "", time.Time{}, usher.Errorf(usher.ErrNotFound, "boot interface %q has no boot file %.64q", i.name, file)
	}
	name := uuid + "/" + configFile
	path := d.Path(i.root) + "/" + name
	key := fileKey{i.root, uuid}
	if content, written, ok := d.cache.lookup(key, path); ok {
		return content, written, nil
	}
	content, written, err := d.readAt(key, path)
	if err != nil {
		root, openErr := d.open(i.root)
		if openErr != nil { // a root that is missing is an outage, not "no file"
			return "", time.Time{}, openErr
		}
		defer root.Close()
		content, written, err = readInRoot(root, name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return "", time.Time{}, usher.Errorf(usher.ErrNotFound, "no boot file of node %s on this conductor", uuid)
	}
	if err != nil {
		return "", time.Time{}, fmt.Errorf("read boot file of node %s: %w", uuid, err)
	}
	return content, written, nil
}

// readAt reads a regular file in as few system calls as there can be: a
// storm's every first request comes here. Where a path is as we made it no
// element of it is a symbolic link, and the kernel's RESOLVE_NO_SYMLINKS
// refuses any that is, so nothing leads elsewhere. After any error os.Root must
// be asked: the file may be missing, the root reached through a link, the
// kernel old or a container's filter strict.
func (d *Disk) readAt(key fileKey, path string) (string, time.Time, error) {
	// Not to block on a pipe that somebody put there.
	fd, err := unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_NONBLOCK | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return "", time.Time{}, errNoFastRead
	}
	defer unix.Close(fd)
	var before, after unix.Stat_t
	if err := unix.Fstat(fd, &before); err != nil || before.Mode&unix.S_IFMT != unix.S_IFREG || before.Size >= maxBootFile {
		return "", time.Time{}, errNoFastRead
	}
	// One byte more than it has: a file that is being written shows.
	buffer := make([]byte, before.Size+1)
	n, err := unix.Read(fd, buffer)
	if err != nil || int64(n) != before.Size {
		return "", time.Time{}, errNoFastRead
	}
	// Its age after the reading: who writes meanwhile shows.
	if err := unix.Fstat(fd, &after); err != nil {
		return "", time.Time{}, errNoFastRead
	}
	content := string(buffer[:n])
	if identify(&before) == identify(&after) {
		d.cache.add(key, &after, content)
	}
	return content, time.Unix(after.Mtim.Unix()), nil
}

// errNoFastRead sends readBelow's caller to os.Root.
var errNoFastRead = errors.New("to be read through os.Root")

// readInRoot is readAt for every kernel and every kind of file.
func readInRoot(root *os.Root, name string) (string, time.Time, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", time.Time{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", time.Time{}, err
	}
	if !info.Mode().IsRegular() {
		return "", time.Time{}, fmt.Errorf("%s is not a regular file", name)
	}
	content, err := io.ReadAll(io.LimitReader(f, maxBootFile+1))
	if err == nil && len(content) > maxBootFile {
		return "", time.Time{}, fmt.Errorf("%s is larger than %d bytes", name, maxBootFile)
	}
	info, statErr := f.Stat()
	if err := errors.Join(err, statErr); err != nil {
		return "", time.Time{}, err
	}
	return string(content), info.ModTime(), nil
}
