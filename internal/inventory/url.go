package inventory

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/usher-boot/usher"
)

// location is a connection URL in SQLAlchemy's form, taken apart. Its
// password must never reach a log line or an error.
type location struct {
	backend  string // "sqlite", "mysql", "postgresql"
	driver   string // Python's, such as "pymysql"; empty: SQLAlchemy's choice
	user     string
	password string
	host     string // without the brackets of an IPv6 address
	port     int    // 0 when absent
	database string // as it stands in the URL: SQLAlchemy does not unquote it
	query    url.Values
}

// urlPattern is the grammar of SQLAlchemy's make_url: a user ends at the
// first ':' or '/', a password at the first '@' after it.
var urlPattern = regexp.MustCompile(`^([\w+]+)://` +
	`(?:([^:/]*)(?::([^@]*))?@)?` +
	`(?:(?:\[([^/?]+)\]|([^/:?]+))?(?::([^/?]*))?)?` +
	`(?:/([^?]*))?(?:\?(.*))?$`)

// backends maps the part before '+' to the engine it means. The part after
// it names a Python driver.
var backends = map[string]string{
	"sqlite":     "sqlite",
	"mysql":      "mysql",
	"mariadb":    "mysql",
	"postgresql": "postgresql",
	"postgres":   "postgresql", // SQLAlchemy dropped this spelling; people still write it
}

// parseURL reads "mysql+pymysql://user:pw@host:3306/ironic?charset=utf8" and
// its kin. No error of it shows any part of the URL but the scheme, since a
// mistyped URL may hold the password anywhere.
func parseURL(raw string) (location, error) {
	raw = strings.TrimSpace(raw)
	if raw == "" {
		return location{}, badURL("is empty")
	}
	m := urlPattern.FindStringSubmatch(raw)
	if m == nil {
		return location{}, badURL("is not of the form dialect://user:password@host:port/database?option=value")
	}
	name, driver, _ := strings.Cut(m[1], "+")
	backend, ok := backends[name]
	if !ok {
		return location{}, badURL("names the database %q; Usher speaks sqlite, mysql (or mariadb) and postgresql", name)
	}
	loc := location{backend: backend, driver: driver, host: m[4] + m[5], database: m[7]}
	var err error
	if loc.user, err = unquote(m[2]); err != nil {
		return location{}, badURL("has a user name with a bad %%-escape")
	}
	if loc.password, err = unquote(m[3]); err != nil {
		return location{}, badURL("has a password with a bad %%-escape (write a plain '%%' as %%25)")
	}
	if m[6] != "" {
		loc.port, err = strconv.Atoi(m[6])
		if err != nil || loc.port < 0 || loc.port > 65535 { // 0 is none, as for PyMySQL
			return location{}, badURL("has a port that is not a number from 1 to 65535 (an '@', ':' or '/' in a password is written %%40, %%3A, %%2F)")
		}
	}
	if loc.query, err = url.ParseQuery(m[8]); err != nil {
		return location{}, badURL("has options after '?' that are not key=value pairs joined by '&'")
	}
	return loc, nil
}

// Note is something that a person should know of a connection URL.
type Note struct {
	Text    string
	Warning bool // it is probably not meant
}

// Notes say what a connection URL does not say itself: what an option file
// gave, and which options have no effect. Nothing is connected.
func Notes(rawURL string) ([]Note, error) {
	d, err := newDialect(rawURL)
	if err != nil {
		return nil, err
	}
	return d.notes, nil
}

// SQLiteFile is the file that a connection URL names, empty where a server
// holds the database.
func SQLiteFile(rawURL string) string {
	loc, err := parseURL(rawURL)
	if err != nil || loc.backend != "sqlite" {
		return ""
	}
	return loc.database
}

// unquote undoes percent-encoding; '+' stays itself, as in SQLAlchemy.
func unquote(s string) (string, error) { return url.PathUnescape(s) }

func badURL(format string, args ...any) error {
	return usher.Errorf(usher.ErrInvalid, "[database]connection "+format, args...)
}

// take removes an option and returns its last value; the last one wins, as
// with a repeated command line option.
func (l *location) take(key string) string {
	values := l.query[key]
	delete(l.query, key)
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}

// takeBool removes a yes/no option; nil is its absence.
func (l *location) takeBool(key string) (*bool, error) {
	var on bool
	switch value := strings.ToLower(l.take(key)); value {
	case "":
		return nil, nil
	case "1", "true", "yes", "on", "t", "y":
		on = true
	case "0", "false", "no", "off", "f", "n":
	default:
		return nil, badURL("option %s must be true or false", key)
	}
	return &on, nil
}

// takeIdle removes options without effect here, and returns those that were
// there.
func (l *location) takeIdle(known []string) (idle []string) {
	for _, key := range known {
		if _, there := l.query[key]; there {
			delete(l.query, key)
			idle = append(idle, key)
		}
	}
	return idle
}

// idleNotes say to a person which options have no effect here.
func idleNotes(idle []string) []Note {
	switch len(idle) {
	case 0:
		return nil
	case 1:
		return []Note{{Text: "the option " + idle[0] + " has no effect in Usher"}}
	}
	return []Note{{Text: "the options " + strings.Join(idle, ", ") + " have no effect in Usher"}}
}

// takeSeconds removes an option that counts whole seconds.
func (l *location) takeSeconds(key string, unset int) (int, error) {
	value := l.take(key)
	if value == "" {
		return unset, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 {
		return 0, badURL("option %s must be a number of seconds", key)
	}
	return n, nil
}

// takeFraction removes an option that counts seconds and parts of seconds.
func (l *location) takeFraction(key string, unset time.Duration) (time.Duration, error) {
	value := l.take(key)
	if value == "" {
		return unset, nil
	}
	seconds, err := strconv.ParseFloat(value, 64)
	if err != nil || !(seconds > 0 && seconds < 1e6) {
		return 0, badURL("option %s must be a number of seconds", key)
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// rest complains about options that nobody took. A silently ignored one
// (a misspelt ssl_ca) would be a hole.
func (l *location) rest() error {
	for key := range l.query {
		return badURL("has the option %q, which Usher does not know for %s", key, l.backend)
	}
	return nil
}
