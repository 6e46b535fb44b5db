// Package auth is HTTP Basic authentication against an htpasswd file, for the
// management API and for RPC. It follows ironic_lib/auth_basic.py: bcrypt
// only, the same statuses and messages. There is no Keystone here.
package auth

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/sync/singleflight"

	"github.com/usher-boot/usher"
)

// Users are the users of one htpasswd file. The file is read again when it
// changes; while it is missing or wrong, the users of before remain.
type Users struct {
	// Logger, where set before first use, hears of changes of the file.
	Logger *slog.Logger

	file  string
	queue *queue

	mu      sync.Mutex
	table   *table
	info    fs.FileInfo // of the file that was last looked at; nil when missing
	settled bool        // info cannot belong to two contents
}

// OpenHtpasswd reads an htpasswd file. A line is user:hash; empty lines, lines
// without a colon and comments are passed over.
func OpenHtpasswd(file string) (*Users, error) {
	u := &Users{file: file, queue: newQueue(runtime.GOMAXPROCS(0)), Logger: slog.New(slog.DiscardHandler)}
	if err := u.load(); err != nil {
		return nil, err
	}
	return u, nil
}

// Check says whether the user exists and has this password. It waits for the
// source's turn only as long as ctx lives. An error says that the password was
// not looked at. Those who send the same from one source at the same time share
// one proof.
func (u *Users) Check(ctx context.Context, source netip.Addr, user, password string) (bool, error) {
	t := u.current()
	key := t.key(user, password)
	if t.known(key) {
		return true, nil
	}
	proof := t.proofs.DoChan(source.String()+string(key[:]), func() (any, error) {
		// The others wait even where the first one hangs up.
		return u.prove(context.WithoutCancel(ctx), t, key, source, user, password)
	})
	select {
	case r := <-proof:
		ok, _ := r.Val.(bool)
		return ok, r.Err
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// prove compares a password with its hash, once it is the source's turn.
func (u *Users) prove(ctx context.Context, t *table, key proofKey, source netip.Addr, user, password string) (ok bool, err error) {
	leave, err := u.queue.enter(ctx, source)
	if err != nil {
		return false, err
	}
	defer func() { leave(ok) }()
	if t.known(key) { // meanwhile another source has proved it
		return true, nil
	}
	hash, exists := t.hashes[user]
	if !exists {
		hash = t.decoy // as slow as a wrong password
	}
	if ok = bcrypt.CompareHashAndPassword(hash, []byte(password)) == nil && exists; ok {
		t.remember(key)
	}
	return ok, nil
}

// current returns the users of the file as it is now, where that is usable.
func (u *Users) current() *table {
	u.mu.Lock()
	defer u.mu.Unlock()
	info, err := os.Stat(u.file)
	if err == nil && u.settled && u.info != nil && os.SameFile(info, u.info) &&
		info.Size() == u.info.Size() && info.ModTime().Equal(u.info.ModTime()) {
		return u.table
	}
	if err != nil && u.info == nil {
		return u.table // still missing, which has been said
	}
	before := u.table
	if err := u.load(); err != nil {
		u.Logger.Error("htpasswd file cannot be used, the users of before remain", "file", u.file, "error", err)
	} else if before != u.table {
		u.Logger.Info("htpasswd file read again", "file", u.file, "users", len(u.table.hashes))
	}
	return u.table
}

// granularity is more than the steps in which file systems keep time: a file
// changed later than this before it was read may change again unnoticed.
const granularity = 50 * time.Millisecond

// load reads the file and replaces the table if the content is another one.
func (u *Users) load() error {
	now := time.Now()
	info, err := os.Stat(u.file)
	if err != nil {
		u.info, u.settled = nil, false
		return usher.Errorf(usher.ErrInvalid, "htpasswd file: %v", err)
	}
	u.info, u.settled = info, now.Sub(info.ModTime()) > granularity
	content, err := os.ReadFile(u.file)
	if err != nil {
		return usher.Errorf(usher.ErrInvalid, "htpasswd file: %v", err)
	}
	if u.table != nil && bytes.Equal(content, u.table.content) {
		return nil
	}
	t, err := parse(u.file, content)
	if err != nil {
		return err
	}
	u.table = t
	return nil
}

// remembered bounds the successes that a table keeps.
const remembered = 1024

// table is one content of the file. Successes are kept with it, and so are
// gone with it.
type table struct {
	content []byte
	hashes  map[string][]byte
	decoy   []byte
	secret  [32]byte // makes keys worthless elsewhere

	proofs singleflight.Group

	mu     sync.RWMutex
	proved map[proofKey]struct{}
}

// proofKey stands for a user and a password.
type proofKey [sha256.Size]byte

func parse(file string, content []byte) (*table, error) {
	t := &table{content: content, hashes: map[string][]byte{}, proved: map[proofKey]struct{}{}}
	rand.Read(t.secret[:]) // never fails: it ends the program instead
	highest := 0
	lines := bufio.NewScanner(bytes.NewReader(content))
	for n := 1; lines.Scan(); n++ {
		entry := strings.TrimSpace(lines.Text())
		user, hash, ok := strings.Cut(entry, ":")
		if !ok || strings.HasPrefix(entry, "#") {
			continue
		}
		cost, err := costOf(hash)
		if err != nil {
			return nil, usher.Errorf(usher.ErrInvalid, "%s:%d: user %.64q: %v", file, n, user, err)
		}
		if _, again := t.hashes[user]; !again { // the first counts, as in Ironic
			t.hashes[user] = []byte(hash)
			highest = max(highest, cost)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, usher.Errorf(usher.ErrInvalid, "%s: %v", file, err)
	}
	if highest == 0 {
		highest = bcrypt.DefaultCost
	}
	// A hash that no password is known for: a salt and a digest of zeros.
	t.decoy = fmt.Appendf(nil, "$2a$%02d$%s", highest, strings.Repeat(".", 53))
	return t, nil
}

// costOf checks that hash is a bcrypt hash of the kinds that Ironic takes.
func costOf(hash string) (int, error) {
	switch {
	case strings.HasPrefix(hash, "$2y$"), strings.HasPrefix(hash, "$2a$"), strings.HasPrefix(hash, "$2b$"):
	default:
		return 0, errors.New("only bcrypt digested passwords are supported (htpasswd -B)")
	}
	const alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	cost, err := bcrypt.Cost([]byte(hash))
	if err != nil || len(hash) != 60 || strings.Trim(hash[7:], alphabet) != "" {
		return 0, errors.New("not a whole bcrypt hash")
	}
	return cost, nil
}

// key stands for a user and password in the memory of successes. It is keyed,
// so that looking it up tells nothing by its duration.
func (t *table) key(user, password string) (key proofKey) {
	h := hmac.New(sha256.New, t.secret[:])
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(user)))
	h.Write(n[:])
	h.Write([]byte(user))
	h.Write([]byte(password))
	h.Sum(key[:0])
	return key
}

func (t *table) known(key proofKey) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	_, ok := t.proved[key]
	return ok
}

func (t *table) remember(key proofKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.proved) >= remembered {
		clear(t.proved)
	}
	t.proved[key] = struct{}{}
}
