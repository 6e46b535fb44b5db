package auth

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/testenv"
)

func line(t *testing.T, user, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return user + ":" + string(hash) + "\n"
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, content string) *Users {
	t.Helper()
	file := filepath.Join(t.TempDir(), "htpasswd")
	write(t, file, content)
	u, err := OpenHtpasswd(file)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// proves says whether a password is the user's.
func proves(t *testing.T, u *Users, user, password string) bool {
	t.Helper()
	ok, err := u.Check(t.Context(), netip.Addr{}, user, password)
	if err != nil {
		t.Error(err)
	}
	return ok
}

func TestCheck(t *testing.T) {
	t.Parallel()
	y := strings.Replace(line(t, "apache", "one"), "$2a$", "$2y$", 1)
	b := strings.Replace(line(t, "python", "two"), "$2a$", "$2b$", 1)
	u := open(t, "# a comment: not a user\n\nno colon\n"+y+"  "+b+line(t, "go", "three")+line(t, "go", "second")+line(t, "é", "pä:ss"))
	for _, tc := range []struct {
		user, password string
		want           bool
	}{
		{"apache", "one", true}, {"python", "two", true}, {"go", "three", true}, {"é", "pä:ss", true},
		{"go", "second", false}, // the first line of a user counts
		{"apache", "two", false}, {"apache", "", false}, {"", "", false}, {"nobody", "one", false},
		{"apacheo", "ne", false}, // no mixing of user and password in the memory of successes
		{"Apache", "one", false}, {"no colon", "", false},
	} {
		for range 2 { // the second from memory
			if got := proves(t, u, tc.user, tc.password); got != tc.want {
				t.Errorf("Check(%q, %q) = %t", tc.user, tc.password, got)
			}
		}
	}
}

// Hashes made by the bcrypt module that Ironic uses.
func TestPythonBcrypt(t *testing.T) {
	t.Parallel()
	python := testenv.NeedProgram(t, "/usr/bin/python3")[0]
	long := strings.Repeat("long", 18) // 72 bytes, all that bcrypt looks at
	out, err := exec.CommandContext(t.Context(), python, "-c", "import bcrypt, sys\n"+
		"for i, p in enumerate(sys.argv[1:]):\n"+
		"    print('u%d:%s' % (i, bcrypt.hashpw(p.encode(), bcrypt.gensalt(4)).decode()))",
		"plain", "pässwörd", long).Output()
	if err != nil {
		t.Fatal(err)
	}
	u := open(t, string(out))
	for i, password := range []string{"plain", "pässwörd", long} {
		if user := fmt.Sprint("u", i); !proves(t, u, user, password) || proves(t, u, user, "x"+password) {
			t.Errorf("%s with %q", user, password)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	good := strings.TrimSpace(line(t, "good", "x"))
	for content, want := range map[string]string{
		good + "\nsha:{SHA}abc":                ":2: user \"sha\": only bcrypt digested passwords are supported (htpasswd -B)",
		"md5:$apr1$x$y":                        ":1: user \"md5\": only bcrypt",
		"plain:password":                       ":1: user \"plain\": only bcrypt",
		"x:$2x$05$abc":                         ":1: user \"x\": only bcrypt",
		good[:40]:                              ":1: user \"good\": not a whole bcrypt hash",
		good[:len(good)-1] + "!":               ":1: user \"good\": not a whole bcrypt hash",
		strings.Replace(good, "04$", "xx$", 1): ":1: user \"good\": not a whole bcrypt hash",
	} {
		file := filepath.Join(t.TempDir(), "htpasswd")
		write(t, file, content)
		_, err := OpenHtpasswd(file)
		if !errors.Is(err, usher.ErrInvalid) || !strings.HasPrefix(err.Error(), file+want) {
			t.Errorf("%q: %v, want %s", content, err, file+want)
		}
		if err != nil && strings.Contains(err.Error(), "password ") && strings.Contains(content, "plain") {
			t.Errorf("%v tells the password", err)
		}
	}
	if _, err := OpenHtpasswd(filepath.Join(t.TempDir(), "none")); !errors.Is(err, usher.ErrInvalid) {
		t.Errorf("missing file: %v", err)
	}
}

// The file may be written in place, replaced, broken and removed; what was
// proved before does not outlive a change.
func TestFileChanges(t *testing.T) {
	t.Parallel()
	u := open(t, line(t, "a", "one"))
	var log bytes.Buffer
	u.Logger = slog.New(slog.NewTextHandler(&log, nil))
	expect := func(step string, passwords ...string) {
		t.Helper()
		for _, p := range []string{"one", "two", "three"} {
			want := len(passwords) > 0 && p == passwords[0]
			if got := proves(t, u, "a", p); got != want {
				t.Errorf("%s: Check(a, %s) = %t", step, p, got)
			}
		}
	}
	expect("at first", "one")
	write(t, u.file, line(t, "a", "two")) // of the same size, perhaps at the same tick
	expect("written in place", "two")

	next := u.file + ".new"
	write(t, next, line(t, "a", "three"))
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(next, old, old); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, u.file); err != nil {
		t.Fatal(err)
	}
	expect("replaced by an older file", "three")

	write(t, u.file, "a:plain\n")
	expect("broken", "three")
	if err := os.Chtimes(u.file, old, old); err != nil {
		t.Fatal(err)
	}
	expect("broken and settled", "three")
	log.Reset()
	expect("still broken", "three")
	if log.Len() > 0 {
		t.Errorf("a broken file is told of again: %s", &log)
	}
	if err := os.Remove(u.file); err != nil {
		t.Fatal(err)
	}
	expect("removed", "three")
	if got := strings.Count(log.String(), "no such file"); got != 1 {
		t.Errorf("a missing file was told of %d times: %s", got, &log)
	}
	write(t, u.file, line(t, "a", "one"))
	expect("back", "one")
	write(t, u.file, "")
	expect("empty")
}

// A success is not paid for twice, however many calls come at once, and a
// failure is not remembered.
func TestSuccessIsRemembered(t *testing.T) {
	t.Parallel()
	u := open(t, line(t, "a", "one"))
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if !proves(t, u, "a", "one") || proves(t, u, "a", "two") || proves(t, u, "b", "one") {
				t.Error("wrong answer")
			}
		})
	}
	wg.Wait()
	if n := len(u.table.proved); n != 1 {
		t.Errorf("%d successes remembered, want 1", n)
	}
	// With no turn to be had, only what is remembered is answered.
	for range u.queue.slots { // this source has proved a password, so it may have them all
		if _, err := u.queue.enter(t.Context(), netip.Addr{}); err != nil {
			t.Fatal(err)
		}
	}
	if !proves(t, u, "a", "one") {
		t.Error("a remembered success waited for its turn")
	}
	for i := range 3 * remembered {
		u.table.remember(u.table.key(fmt.Sprint(i), ""))
	}
	if n := len(u.table.proved); n > remembered {
		t.Errorf("%d successes remembered, want at most %d", n, remembered)
	}
}

// An unknown user must cost what a wrong password costs.
func TestDecoyCost(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]int{"": bcrypt.DefaultCost, line(t, "a", "one"): bcrypt.MinCost} {
		decoy := open(t, content).table.decoy
		if cost, err := bcrypt.Cost(decoy); cost != want || err != nil {
			t.Errorf("cost %d, %v, want %d", cost, err, want)
		}
		if err := bcrypt.CompareHashAndPassword(decoy, nil); !errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
			t.Errorf("decoy: %v", err)
		}
	}
}

func TestBasic(t *testing.T) {
	t.Parallel()
	users := open(t, line(t, "usher", "s3cret"))
	h := Basic(users, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("credentials passed on")
		}
		fmt.Fprint(w, "hello")
	}), func(w http.ResponseWriter, r *http.Request, message string) {
		w.WriteHeader(DeniedStatus(r))
		fmt.Fprint(w, message)
	})
	basic := func(user, password string) string {
		r := httptest.NewRequest("GET", "/", nil)
		r.SetBasicAuth(user, password)
		return r.Header.Get("Authorization")
	}
	const realm = `Basic realm="Baremetal API"`
	for _, tc := range []struct{ header, want string }{
		{basic("usher", "s3cret"), "200  hello"},
		{strings.Replace(basic("usher", "s3cret"), "Basic", "bAsIc", 1), "200  hello"},
		{basic("usher", "wrong"), "401 " + realm + " Incorrect username or password"},
		{basic("nobody", "s3cret"), "401 " + realm + " Incorrect username or password"},
		{"", "401 " + realm + " Authorization required"},
		{"Bearer abc", `400  Unsupported authorization type "Bearer"`},
		{"Basic", "400  Could not parse Authorization header"},
		{"Basic !", "400  Could not decode authorization token"},
		{"Basic YWJj", "400  Could not decode authorization token"}, // no colon
		{"Basic /zp4", "400  Could not decode authorization token"}, // a user that is not UTF-8
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		if tc.header != "" {
			r.Header.Set("Authorization", tc.header)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := fmt.Sprintf("%d %s %s", w.Code, w.Header().Get("WWW-Authenticate"), w.Body); got != tc.want {
			t.Errorf("%q: %s, want %s", tc.header, got, tc.want)
		}
	}
}
