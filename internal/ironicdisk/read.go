package ironicdisk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
)

// maxBootFile bounds what is read as a boot file.
const maxBootFile = 1 << 20

// File is a boot file as it lies on the disk now.
type File struct {
	Root    bootiface.Root // below which it lies
	Path    string
	Written time.Time
	Content string  // what a machine is to get
	Images  []Image // what the agent itself must serve for it
	// Problem says why Content cannot be given to a machine, and is then empty.
	Problem error
	// Changing says that the file was written to while it was read.
	Changing bool

	raw string // as Ironic wrote it; empty where it is known from before
}

// Same says that two readings found the same.
func (f *File) Same(g *File) bool { return f.raw != "" && f.raw == g.raw && !f.Changing && !g.Changing }

// Read reads a node's boot file. ErrNotFound means that the roots were read and
// hold none; any other failure of the disk is not that. A file that is there
// and of no use is no error: see File.Problem.
func (d *Disk) Read(i bootiface.Interface, uuid, name string) (File, error) {
	if !i.Answers(name) {
		return File{}, usher.Errorf(usher.ErrUnsupported, "boot interface %q has no boot file %.64q", i.Name(), name)
	}
	if !IsUUID(uuid) {
		return File{}, usher.Errorf(usher.ErrInvalid, "%.64q is not a node UUID", uuid)
	}
	root, err := d.locate(i, uuid)
	if err != nil {
		return File{}, err
	}
	s := d.state.Load()
	key := fileKey{root, uuid, name}
	path := d.pathOf(root, uuid)
	if f, ok := s.cache.lookup(key, path); ok {
		return f, nil
	}
	r, err := readAt(path)
	if err != nil {
		in, openErr := d.open(root)
		if openErr != nil { // a root that is missing is an outage, not "no file"
			return File{}, openErr
		}
		defer in.Close()
		r, err = readInRoot(in, uuid+"/"+configFile)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return File{}, noFile(uuid)
	}
	if err != nil {
		return File{}, fmt.Errorf("read boot file of node %s: %w", uuid, err)
	}
	f := File{Root: root, Path: path, Written: r.after.written(), raw: r.content}
	d.finish(&f, s, key, r)
	return f, nil
}

// finish makes of a file what a machine is to get.
func (d *Disk) finish(f *File, s *state, key fileKey, r reading) {
	if f.Problem = check(key.name, r.content); f.Problem == nil {
		f.Content, f.Images, f.Problem = d.resolve(s.urls, key, r.content)
	}
	f.Changing = r.before != r.after
	if f.Problem == nil && f.Content != r.content { // it took a while
		f.Changing = f.Changing || identityAt(f.Path) != r.after
	}
	if f.Problem == nil && !f.Changing {
		s.cache.add(key, r.after, f)
	}
}

func (d *Disk) pathOf(r bootiface.Root, uuid string) string {
	return d.Path(r) + "/" + uuid + "/" + configFile
}

func noFile(uuid string) error {
	return usher.Errorf(usher.ErrNotFound, "no boot file of node %s on this conductor", uuid)
}

// reading is what was read of a file, and what it was before and after.
type reading struct {
	content       string
	before, after identity
}

// readAt reads a regular file in as few system calls as there can be: a
// storm's every first request comes here. Where a path is as Ironic makes it no
// element of it is a symbolic link, and the kernel's RESOLVE_NO_SYMLINKS
// refuses any that is, so nothing leads elsewhere. After any error os.Root must
// be asked: the file may be missing, the root reached through a link, the
// kernel old or a container's filter strict.
func readAt(path string) (reading, error) {
	// Not to block on a pipe that somebody put there.
	fd, err := unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_NONBLOCK | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return reading{}, errNoFastRead
	}
	defer unix.Close(fd)
	var before, after unix.Stat_t
	if err := unix.Fstat(fd, &before); err != nil || before.Mode&unix.S_IFMT != unix.S_IFREG || before.Size >= maxBootFile {
		return reading{}, errNoFastRead
	}
	// One byte more than it has: a file that is being written shows.
	buffer := make([]byte, before.Size+1)
	n, err := unix.Read(fd, buffer)
	if err != nil || int64(n) != before.Size {
		return reading{}, errNoFastRead
	}
	if err := unix.Fstat(fd, &after); err != nil {
		return reading{}, errNoFastRead
	}
	return reading{string(buffer[:n]), identify(&before), identify(&after)}, nil
}

// errNoFastRead sends readAt's caller to os.Root.
var errNoFastRead = errors.New("to be read through os.Root")

// readInRoot is readAt for every kernel and every kind of file.
func readInRoot(root *os.Root, name string) (reading, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return reading{}, err
	}
	defer f.Close()
	var before, after unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &before); err != nil {
		return reading{}, err
	}
	if before.Mode&unix.S_IFMT != unix.S_IFREG {
		return reading{}, fmt.Errorf("%s is not a regular file", name)
	}
	content, err := io.ReadAll(io.LimitReader(f, maxBootFile+1))
	if err == nil && len(content) > maxBootFile {
		return reading{}, fmt.Errorf("%s is larger than %d bytes", name, maxBootFile)
	}
	if err := errors.Join(err, unix.Fstat(int(f.Fd()), &after)); err != nil {
		return reading{}, err
	}
	return reading{string(content), identify(&before), identify(&after)}, nil
}
