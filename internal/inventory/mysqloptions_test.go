package inventory

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/testenv"
)

// pymysqlCase is a URL and an option file, with what PyMySQL made of them.
type pymysqlCase struct {
	Name, URL string
	File      *string // nil: there is none
	Want      struct {
		Error                                               string
		Host, User, Password, Database, Socket, BindAddress string
		Port                                                int
		TLS                                                 map[string]any
	}
}

// UnmarshalJSON reads bind_address, which Go's rules do not match.
func (c *pymysqlCase) UnmarshalJSON(data []byte) error {
	type plain pymysqlCase
	return json.Unmarshal(bytes.ReplaceAll(data, []byte(`"bind_address"`), []byte(`"BindAddress"`)), (*plain)(c))
}

// newer are cases that Usher reads in another way than Debian's PyMySQL 1.0:
// as PyMySQL does since 1.1, apart from the last one.
var newer = map[string]string{
	"keys with underscores":         "ssl_ca is ssl-ca",
	"keys twice, spelt in two ways": "ssl_ca is ssl-ca, so that it is there twice",
	"a password beyond Latin-1":     "PyMySQL cannot send it; we send UTF-8",
}

// TestAsPyMySQLReads compares with what PyMySQL itself puts together.
func TestAsPyMySQLReads(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("LOGNAME", "whoami")
	raw, err := os.ReadFile("testdata/pymysql/goldens.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []pymysqlCase
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		folder := t.TempDir()
		if c.Name == "at home" {
			folder = home
		}
		if c.File != nil {
			if err := os.WriteFile(filepath.Join(folder, "my.cnf"), []byte(*c.File), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		loc, err := parseURL(strings.ReplaceAll(c.URL, "{dir}", folder))
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		o, err := readMySQL(loc)
		if _, differs := newer[c.Name]; differs {
			continue // TestNewerPyMySQL
		}
		if (err != nil) != (c.Want.Error != "") {
			t.Errorf("%s: %v, but PyMySQL's: %q\n%s", c.Name, err, c.Want.Error, value(c.File))
			continue
		}
		if err != nil {
			if !errors.Is(err, usher.ErrInvalid) {
				t.Errorf("%s: %v is not ErrInvalid", c.Name, err)
			}
			continue
		}
		got := c.Want
		got.Host, got.User, got.Password, got.Database, got.Socket, got.BindAddress, got.Port =
			o.host, o.user, o.password, o.database, o.socket, o.bindAddress, o.port
		got.TLS = nil
		for key, v := range map[string]string{"ca": o.ssl.ca, "capath": o.ssl.capath, "cert": o.ssl.cert, "key": o.ssl.key, "cipher": o.ssl.cipher} {
			if v != "" {
				put(&got.TLS, key, v)
			}
		}
		if v, there := c.Want.TLS["check_hostname"]; there && v == o.ssl.name {
			put(&got.TLS, "check_hostname", v)
		}
		if diff := cmp.Diff(c.Want, got); diff != "" {
			t.Errorf("%s (-PyMySQL +Usher):\n%s%s\n%s", c.Name, diff, c.URL, value(c.File))
		}
	}
}

func put(m *map[string]any, key string, v any) {
	if *m == nil {
		*m = map[string]any{}
	}
	(*m)[key] = v
}

func value(s *string) string {
	if s == nil {
		return "no file"
	}
	return *s
}

// TestPyMySQLGoldensAreCurrent makes the goldens again.
func TestPyMySQLGoldensAreCurrent(t *testing.T) {
	testenv.NeedProgram(t, "python3")
	// Another python3 may come first in PATH; Debian's has PyMySQL.
	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", "testdata/pymysql/make.py")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	got, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v; python3-pymysql and python3-sqlalchemy are needed:\n%s", err, stderr.Bytes())
	}
	want, err := os.ReadFile("testdata/pymysql/goldens.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("goldens.json is not what PyMySQL says now (-committed +PyMySQL):\n%s", diff)
	}
}

// optionFileURL is a URL that names a new option file.
func optionFileURL(t *testing.T, url, content string) (fullURL, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "my.cnf")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return url + "?read_default_file=" + file, file
}

// TestNewerPyMySQL: since 1.1 "_" in a key of the file is "-", as for MySQL.
func TestNewerPyMySQL(t *testing.T) {
	read := func(content string) (mysqlOptions, error) {
		url, _ := optionFileURL(t, "mysql+pymysql://h/d", content)
		loc, err := parseURL(url)
		if err != nil {
			t.Fatal(err)
		}
		return readMySQL(loc)
	}
	if o, err := read("[client]\nssl_ca=/ca\nbind_address=192.0.2.1\n"); err != nil || o.ssl.ca != "/ca" || o.bindAddress != "192.0.2.1" {
		t.Errorf("%+v, %v", o, err)
	}
	if _, err := read("[client]\nssl_ca=/ca\nssl-ca=/cb\n"); err == nil {
		t.Error("a key that is there in two spellings")
	}
	if o, err := read("[client]\npassword=€\n"); err != nil || o.password != "€" {
		t.Errorf("%+v, %v", o, err)
	}
}

// TestBadOptionFiles wants the file, the line and no line's text in an error.
func TestBadOptionFiles(t *testing.T) {
	for content, want := range map[string]string{
		"password=hunter2\n":                         "line 1: there is no [section] before it",
		"[client]\npassword=x\npassword=hunter2\n":   "line 3: the key is there twice",
		"[client]\n=hunter2\n":                       "line 2: there is no key",
		"[client]\na=b\n[client]\n":                  "line 3: the section is there twice",
		"[client]\npassword\n  hunter2\n":            "line 3: it is indented",
		"[client]\npassword=hunter2\nport=99999\n":   "whose port must be a number",
		"[client]\npassword=hunter2\nuser=\xff\xfe":  "not UTF-8",
		"[client]\npassword=hunter2\nssl-ca=/none\n": "option ssl_ca",
	} {
		url, file := optionFileURL(t, "mysql+pymysql://u@h/d", content)
		_, err := newDialect(url)
		if !errors.Is(err, usher.ErrInvalid) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v, want %q", content, err, want)
		}
		if err != nil && want != "option ssl_ca" && !strings.Contains(err.Error(), file) {
			t.Errorf("%q: %v does not name the file", content, err)
		}
	}
	folder := t.TempDir()
	if _, err := newDialect("mysql://u@h/d?read_default_file=" + folder); !errors.Is(err, usher.ErrInvalid) || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("a folder: %v", err)
	}
}

// TestNotes: what a file gave and what has no effect is told, and no secret is.
func TestNotes(t *testing.T) {
	url, file := optionFileURL(t, "mysql+pymysql://u@h/d", "[client]\nhost=other\npassword=hunter2\nsocket=/s\n")
	for _, c := range []struct {
		url  string
		want []Note
	}{
		{"mysql+pymysql://u:p@h/d", nil},
		{url + "&charset=latin1&binary_prefix=true", []Note{{Text: file + " [client] gives password, socket"},
			{Text: "the options binary_prefix, charset have no effect in Usher"}}},
		{url + "&read_default_group=tripleo", []Note{{Text: file + " [tripleo] gives nothing that the URL does not have"}}},
		{"mysql+pymysql://u:p@h/d?read_default_file=/none/my.cnf", []Note{{"there is no file /none/my.cnf, which the URL names as read_default_file", true}}},
		{"sqlite:////x?check_same_thread=false", []Note{{Text: "the option check_same_thread has no effect in Usher"}}},
		{"postgresql+psycopg2://u:p@h/d?keepalives=1&client_encoding=utf8&sslmode=require",
			[]Note{{Text: "the options client_encoding, keepalives have no effect in Usher"}}},
	} {
		got, err := Notes(c.url)
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got)\n%s", c.url, err, diff)
		}
	}
}

// TestOptionFileOnMariaDB connects by what an option file says, and follows it
// when it changes.
func TestOptionFileOnMariaDB(t *testing.T) {
	s := testenv.SharedMariaDB(t)
	name := s.Database(t)
	store := openStore(t, s.URL(name))
	createPort(t, store, createNode(t, store, "n"), "52:54:00:12:34:56")
	s.Admin(t, name, "CREATE OR REPLACE USER tripleo@127.0.0.1 IDENTIFIED BY 'one'", "GRANT SELECT ON "+name+".* TO tripleo@127.0.0.1")
	content := "[tripleo]\nhost = 127.0.0.1\nport = " + s.Port + "\nuser = tripleo\npassword = 'one'\ndatabase = " + name +
		"\nbind-address = 127.0.0.1\n"
	url, file := optionFileURL(t, "mysql+pymysql://", content)
	url += "&read_default_group=tripleo&init_command=SET+SESSION+wait_timeout=7"
	r, err := OpenReader(t.Context(), Options{URL: url, MaxOpen: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var timeout int
	var user string
	if err := r.db.QueryRowContext(t.Context(), "SELECT @@SESSION.wait_timeout, CURRENT_USER()").Scan(&timeout, &user); err != nil ||
		timeout != 7 || user != "tripleo@127.0.0.1" {
		t.Errorf("%v, wait_timeout %d, user %s", err, timeout, user)
	}
	if _, err := r.BootNodeByMAC(t.Context(), parseMAC(t, "52:54:00:12:34:56")); err != nil {
		t.Error(err)
	}

	// The password changes on the server and in the file: new connections know it.
	s.Admin(t, name, "ALTER USER tripleo@127.0.0.1 IDENTIFIED BY 'two'")
	if err := os.WriteFile(file, []byte(strings.Replace(content, "'one'", "'two'", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	dropIdle(r.db)
	if err := r.Ping(t.Context()); err != nil {
		t.Errorf("with a new password: %v", err)
	}

	socketURL, _ := optionFileURL(t, "mysql+pymysql://"+testenv.Account+"@db.invalid/"+name,
		"[client]\nsocket="+filepath.Join(s.Dir, "socket")+"\npassword=\""+testenv.Password+"\"\n")
	bySocket, err := OpenReader(t.Context(), Options{URL: socketURL})
	if err != nil {
		t.Fatalf("by the file's socket: %v", err)
	}
	defer bySocket.Close()
	if statements, err := Grants(url, "x", "%"); err != nil || !strings.Contains(statements[1], name) {
		t.Errorf("Grants: %v, %v", statements, err)
	}
}

// FuzzOptionFile wants no panic, and each value from the text.
func FuzzOptionFile(f *testing.F) {
	f.Add("[client]\nuser=a\n  b\n\n[x\n", "user")
	f.Add("[DEFAULT]\r\nhost : \"a\"\r\n[client]\npassword\n", "host")
	f.Add("[[]]]\n = = \n\x1c[client]", "")
	f.Fuzz(func(t *testing.T, text, key string) {
		file, err := parseOptionFile([]byte(text))
		if err != nil {
			return
		}
		for group := range file {
			for line := range strings.SplitSeq(file.get(group, key), "\n") {
				if !strings.Contains(text, line) {
					t.Errorf("%q is not in %q", line, text)
				}
			}
		}
	})
}
