package inventory

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// mysqlOptions are what a URL says of a connection, and the option file that
// the URL may name, put together as PyMySQL does it: what the URL has counts.
type mysqlOptions struct {
	host, user, password, database string

	port        int
	socket      string // counts more than host and port
	bindAddress string // to connect from
	ssl         mysqlSSL
	initCommand string // runs on each new connection

	connectTimeout, readTimeout, writeTimeout time.Duration

	file   string   // read_default_file; empty: none
	group  string   // of the file
	absent bool     // there is no such file
	taken  []string // the file's keys that counted
	idle   []string // options of PyMySQL's that have no effect here
}

// idleMySQL are options of PyMySQL's that change nothing of what Usher reads
// or writes: it uses utf8mb4, transactions and statements of its own.
func idleMySQL() []string {
	return []string{"autocommit", "binary_prefix", "charset", "client_flag", "collation", "compress", "defer_connect",
		"local_infile", "max_allowed_packet", "named_pipe", "program_name", "sql_mode", "ssl_key_password", "use_unicode"}
}

// readMySQL reads the options of a URL, and its option file as it is now.
func readMySQL(loc location) (o mysqlOptions, err error) {
	loc.query = maps.Clone(loc.query)
	o.host = cmp.Or(loc.take("host"), loc.host)
	o.user = cmp.Or(loc.take("user"), loc.user)
	o.password = cmp.Or(loc.take("password"), loc.password)
	o.password = cmp.Or(o.password, loc.take("passwd"))
	o.database = cmp.Or(loc.take("database"), loc.database)
	o.database = cmp.Or(o.database, loc.take("db"))
	o.socket, o.bindAddress = loc.take("unix_socket"), loc.take("bind_address")
	o.initCommand = loc.take("init_command")
	if o.port, err = portOf(loc.take("port"), badURL("option port must be a number from 1 to 65535")); err != nil {
		return o, err
	}
	o.port = cmp.Or(o.port, loc.port)
	if o.ssl, err = takeSSL(&loc); err != nil {
		return o, err
	}
	if err := o.takeTimeouts(&loc); err != nil {
		return o, err
	}
	o.idle = loc.takeIdle(idleMySQL())
	o.file, o.group = loc.take("read_default_file"), loc.take("read_default_group")
	if err := loc.rest(); err != nil {
		return o, err
	}
	if err := o.readFile(); err != nil {
		return o, err
	}
	if o.user == "" {
		o.user = loginName()
	}
	o.host, o.port = cmp.Or(o.host, "localhost"), cmp.Or(o.port, 3306)
	return o, nil
}

func (o *mysqlOptions) takeTimeouts(loc *location) error {
	for _, t := range []struct {
		key   string
		unset int
		to    *time.Duration
	}{{"connect_timeout", 5, &o.connectTimeout}, {"read_timeout", 30, &o.readTimeout}, {"write_timeout", 30, &o.writeTimeout}} {
		seconds, err := loc.takeSeconds(t.key, t.unset)
		if err != nil {
			return err
		}
		*t.to = time.Duration(seconds) * time.Second
	}
	return nil
}

// readFile fills in what the URL left open. A file that does not exist is none,
// as for PyMySQL. One that this account may not read is an error, although
// PyMySQL takes it for none, too: whoever wrote it meant it to be read, and
// without it a connection may go without TLS.
func (o *mysqlOptions) readFile() error {
	switch {
	case o.file == "" && o.group == "":
		return nil
	case o.file == "":
		o.file = "/etc/my.cnf"
	}
	o.group = cmp.Or(o.group, "client")
	o.file = expandHome(o.file)
	data, err := os.ReadFile(o.file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		o.absent = true
		return nil
	case err != nil:
		return badURL("names a read_default_file that cannot be read: %v", err)
	}
	file, err := parseOptionFile(data)
	if err != nil {
		return badURL("names the read_default_file %s, which is none for PyMySQL either: %v", o.file, err)
	}
	for _, option := range []struct {
		key string
		to  *string
	}{
		{"user", &o.user}, {"password", &o.password}, {"host", &o.host}, {"database", &o.database}, {"socket", &o.socket},
		{"bind-address", &o.bindAddress}, {"ssl-ca", &o.ssl.ca}, {"ssl-capath", &o.ssl.capath}, {"ssl-cert", &o.ssl.cert},
		{"ssl-key", &o.ssl.key}, {"ssl-cipher", &o.ssl.cipher},
	} {
		if value := file.get(o.group, option.key); value != "" && *option.to == "" {
			*option.to = value
			o.taken = append(o.taken, option.key)
		}
	}
	if o.port != 0 {
		return nil
	}
	text := file.get(o.group, "port")
	if text != "" {
		o.taken = append(o.taken, "port")
	}
	o.port, err = portOf(text, badURL("names the read_default_file %s, whose port must be a number from 1 to 65535", o.file))
	return err
}

// notes are what a person should know of it.
func (o mysqlOptions) notes() []Note {
	var notes []Note
	from := o.file + " [" + o.group + "]"
	switch {
	case o.absent:
		notes = append(notes, Note{"there is no file " + o.file + ", which the URL names as read_default_file", true})
	case o.file != "" && len(o.taken) == 0:
		notes = append(notes, Note{Text: from + " gives nothing that the URL does not have"})
	case o.file != "":
		notes = append(notes, Note{Text: from + " gives " + strings.Join(o.taken, ", ")})
	}
	return append(notes, idleNotes(o.idle)...)
}

// portOf reads a port; no text is none.
func portOf(text string, wrong error) (int, error) {
	if text == "" {
		return 0, nil
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 1 || port > 65535 {
		return 0, wrong
	}
	return port, nil
}

// expandHome is os.path.expanduser for one's own home.
func expandHome(path string) string {
	home, err := os.UserHomeDir()
	if rest, ok := strings.CutPrefix(path, "~"); ok && err == nil && (rest == "" || rest[0] == '/') {
		return filepath.Join(home, rest)
	}
	return path
}

// loginName is getpass.getuser, PyMySQL's user where nobody names one.
func loginName() string {
	for _, variable := range []string{"LOGNAME", "USER", "LNAME", "USERNAME"} {
		if name := os.Getenv(variable); name != "" {
			return name
		}
	}
	if me, err := user.Current(); err == nil {
		return me.Username
	}
	return ""
}
