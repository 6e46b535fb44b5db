package inventory

import (
	"database/sql"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3/database"
)

// dialect is everything in which the three engines differ, in one place. The
// statements themselves are written once, with '?' for a parameter.
type dialect struct {
	name       string // "sqlite", "mysql", "postgres": also its folder below migrations
	migrations database.Dialect
	embedded   bool          // runs in this process
	numbered   bool          // $1 instead of ?
	quoteMark  string        // around a column name that is a reserved word
	forUpdate  string        // locks the rows of a SELECT inside a transaction
	returning  bool          // INSERT ... RETURNING id; else LastInsertId
	precision  time.Duration // of a stored time
	stamps     bool          // times are bound as text, since the engine has no type for them
	heartbeats bool          // updated_at of conductors decides who is active
	hasTable   string        // query: is there a table of this name? one row if so

	open func(readOnly bool) (*sql.DB, error)
	own  func(Options) (io.Closer, *rowKeeper, error) // where it is embedded: makes the file this Store's alone

	database string            // its name, or the file
	notes    []Note            // what a person should know of the URL
	fault    func(error) fault // what a driver's error code means
}

// newDialect chooses by URL.
func newDialect(raw string) (*dialect, error) {
	loc, err := parseURL(raw)
	if err != nil {
		return nil, err
	}
	switch loc.backend {
	case "sqlite":
		return newSQLite(loc)
	case "mysql":
		return newMySQL(loc)
	default:
		return newPostgres(loc)
	}
}

// bind rewrites '?' to the engine's form of a parameter. No statement of this
// package holds a '?' for anything else.
func (d *dialect) bind(query string) string {
	if !d.numbered {
		return query
	}
	var b strings.Builder
	b.Grow(len(query) + 16)
	n := 0
	for _, c := range []byte(query) {
		if c != '?' {
			b.WriteByte(c)
			continue
		}
		n++
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}

// quote is for "default" of conductor_hardware_interfaces.
func (d *dialect) quote(column string) string {
	return d.quoteMark + column + d.quoteMark
}

// stampLayout is how SQLAlchemy writes a time into SQLite.
const stampLayout = "2006-01-02 15:04:05.000000"

// args turns values into what the driver binds: times in UTC in the engine's
// precision, null where zero.
func (d *dialect) args(values []any) []any {
	for i, v := range values {
		t, ok := v.(time.Time)
		switch {
		case !ok:
		case t.IsZero():
			values[i] = nil
		case d.stamps:
			values[i] = d.round(t).Format(stampLayout)
		default:
			values[i] = d.round(t)
		}
	}
	return values
}

// round cuts a time to what a column keeps, so that what a caller holds after
// a write equals what the next one reads.
func (d *dialect) round(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(d.precision)
}

// now is the client's clock in UTC, as Ironic writes it, never the server's.
func (d *dialect) now() time.Time { return d.round(time.Now()) }
