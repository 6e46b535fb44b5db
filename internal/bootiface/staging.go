package bootiface

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path"
	"strings"
)

// staging puts several files and links in place at once, as far as a file
// system can: all are written under temporary names beside their own, where
// most things that can fail do fail, and only then renamed.
type staging struct {
	root    *os.Root
	pending []pendingFile
}

type pendingFile struct{ temporary, name string }

func (s *staging) temporary(name string) string {
	t := path.Join(path.Dir(name), ".usher-"+rand.Text())
	s.pending = append(s.pending, pendingFile{t, name})
	return t
}

func (s *staging) file(name string, content []byte, permission fs.FileMode) error {
	f, err := s.root.OpenFile(s.temporary(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, permission)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(permission) // whatever the umask, as Ironic
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (s *staging) link(target, name string) error {
	return s.root.Symlink(target, s.temporary(name))
}

// commit renames everything and makes the renames last. A link whose place
// is taken by a folder fails; what was renamed before it stays, whole.
func (s *staging) commit() error {
	folders := map[string]bool{}
	for len(s.pending) > 0 {
		p := s.pending[0]
		if err := s.root.Rename(p.temporary, p.name); err != nil {
			return err
		}
		folders[path.Dir(p.name)] = true
		s.pending = s.pending[1:]
	}
	for folder := range folders {
		if err := syncFolder(s.root, folder); err != nil {
			return err
		}
	}
	return nil
}

// discard takes away what was not put in place. The error that led here is
// the one to report, so its own are not.
func (s *staging) discard() {
	for _, p := range s.pending {
		_ = s.root.Remove(p.temporary)
	}
}

func syncFolder(root *os.Root, name string) error {
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// parents yields a, a/b, a/b/c for the folder a/b/c, and nothing for ".".
func parents(folder string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if folder == "." {
			return
		}
		for i := range len(folder) {
			if folder[i] == '/' && !yield(folder[:i]) {
				return
			}
		}
		yield(strings.TrimSuffix(folder, "/"))
	}
}
