package inventory

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/usher-boot/usher"
)

// location is a connection URL in SQLAlchemy's form, taken apart. Its
// password must never reach a log line or an error.
type location struct {
	backend  string // "sqlite", "mysql", "postgresql"
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
// it names a Python driver and does not matter here.
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
	name, _, _ := strings.Cut(m[1], "+")
	backend, ok := backends[name]
	if !ok {
		return location{}, badURL("names the database %q; Usher speaks sqlite, mysql (or mariadb) and postgresql", name)
	}
	loc := location{backend: backend, host: m[4] + m[5], database: m[7]}
	var err error
	if loc.user, err = unquote(m[2]); err != nil {
		return location{}, badURL("has a user name with a bad %%-escape")
	}
	if loc.password, err = unquote(m[3]); err != nil {
		return location{}, badURL("has a password with a bad %%-escape (write a plain '%%' as %%25)")
	}
	if m[6] != "" {
		loc.port, err = strconv.Atoi(m[6])
		if err != nil || loc.port < 1 || loc.port > 65535 {
			return location{}, badURL("has a port that is not a number from 1 to 65535 (an '@', ':' or '/' in a password is written %%40, %%3A, %%2F)")
		}
	}
	if loc.query, err = url.ParseQuery(m[8]); err != nil {
		return location{}, badURL("has options after '?' that are not key=value pairs joined by '&'")
	}
	return loc, nil
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

// takeBool removes a yes/no option. unset is what its absence means.
func (l *location) takeBool(key string, unset bool) (bool, error) {
	switch value := strings.ToLower(l.take(key)); value {
	case "":
		return unset, nil
	case "1", "true", "yes", "on", "t", "y":
		return true, nil
	case "0", "false", "no", "off", "f", "n":
		return false, nil
	}
	return false, badURL("option %s must be true or false", key)
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

// rest complains about options that nobody took. A silently ignored one
// (a misspelt ssl_ca) would be a hole.
func (l *location) rest() error {
	for key := range l.query {
		return badURL("has the option %q, which Usher does not know for %s", key, l.backend)
	}
	return nil
}
