package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"
)

// load reads what the disk holds.
func (st *Store) load() error {
	folders, err := fs.ReadDir(st.root.FS(), folder)
	if err != nil {
		return err
	}
	for _, f := range folders {
		if !IsDigest(f.Name()) || !f.IsDir() {
			continue // not ours
		}
		used, err := f.Info()
		if err != nil {
			return err
		}
		info, err := st.root.Stat(path.Join(folder, f.Name(), contentFile))
		switch {
		case gone(err) || err == nil && !info.Mode().IsRegular():
			continue
		case err != nil:
			return err
		}
		// Until a note tells that this is all of it.
		st.contents[f.Name()] = &entry{size: info.Size(), used: used.ModTime(), missing: true}
	}
	files, err := fs.ReadDir(st.root.FS(), private)
	if err != nil {
		return err
	}
	for _, f := range files {
		if key, ok := strings.CutSuffix(f.Name(), noteSuffix); ok {
			st.loadNote(key)
		}
	}
	return nil
}

// loadNote reads a note; one that is of no use is as good as none.
func (st *Store) loadNote(key string) {
	text, err := st.root.ReadFile(path.Join(private, key+noteSuffix))
	var n note
	if err != nil || json.Unmarshal(text, &n) != nil {
		return
	}
	if n.SHA256 == "" {
		if info, err := st.root.Stat(path.Join(private, key)); err == nil && info.Size() == n.Size {
			st.older[key] = n
		}
		return
	}
	if c := st.contents[n.SHA256]; c != nil && c.size == n.Size {
		st.notes[key] = n
		c.missing = false
	}
}

// IsDigest says whether s is a SHA-256 in lower-case hex digits.
func IsDigest(s string) bool {
	if len(s) != 2*sha256.Size {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// adopt takes over an image that an older version of Usher has fetched, which
// named images by their sources: nothing is downloaded a second time.
func (st *Store) adopt(ctx context.Context, s source) error {
	st.mu.RLock()
	n, ok := st.older[s.key]
	st.mu.RUnlock()
	if !ok {
		return nil
	}
	name := path.Join(private, s.key)
	file, err := openRegular(st.root, name, n.Size)
	if err != nil {
		return fmt.Errorf("adopt image %s: %w", s.shown, err)
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, reader{ctx, file}); err != nil {
		return fmt.Errorf("adopt image %s: %w", s.shown, err)
	}
	n.SHA256 = hex.EncodeToString(hash.Sum(nil))
	if err := st.place(s, n, name); err != nil {
		return fmt.Errorf("adopt image %s: %w", s.shown, err)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	delete(st.older, s.key)
	return nil
}

// reader ends with its context.
type reader struct {
	ctx context.Context
	io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// touch writes down when a content was last in use, for the next start.
func (st *Store) touch(digest string, used time.Time) error {
	err := st.root.Chtimes(path.Join(folder, digest), time.Time{}, used)
	if gone(err) {
		return nil
	}
	return err
}
