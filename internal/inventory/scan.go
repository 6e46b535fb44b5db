package inventory

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/usher-boot/usher"
)

// The types below receive a column of a row. Each takes null for the zero
// value, and what any of the three drivers delivers.

// text receives a string.
type text[T ~string] struct{ to *T }

func (t text[T]) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*t.to = ""
	case string:
		*t.to = T(v)
	case []byte:
		*t.to = T(v)
	default:
		return fmt.Errorf("%T where a text was expected", src)
	}
	return nil
}

// number receives an integer.
type number struct{ to *int64 }

func (n number) Scan(src any) (err error) {
	switch v := src.(type) {
	case nil:
		*n.to = 0
	case int64:
		*n.to = v
	case []byte: // MariaDB's text protocol
		*n.to, err = strconv.ParseInt(string(v), 10, 64)
	default:
		err = fmt.Errorf("%T where a number was expected", src)
	}
	return err
}

// flag receives a boolean, which MariaDB and SQLite keep as a number.
type flag struct{ to *bool }

func (f flag) Scan(src any) (err error) {
	switch v := src.(type) {
	case nil:
		*f.to = false
	case bool:
		*f.to = v
	case int64:
		*f.to = v != 0
	case []byte:
		*f.to, err = strconv.ParseBool(string(v))
	default:
		err = fmt.Errorf("%T where a boolean was expected", src)
	}
	return err
}

// enabled receives ports.pxe_enabled, in which null means true: Ironic's own
// upgrade of the rows that are older than the column has made it so.
type enabled struct{ to *bool }

func (e enabled) Scan(src any) error {
	if src == nil {
		*e.to = true
		return nil
	}
	return flag(e).Scan(src)
}

// disabled receives the opposite of the same column.
type disabled struct{ to *bool }

func (d disabled) Scan(src any) error {
	var on bool
	err := enabled{&on}.Scan(src)
	*d.to = !on
	return err
}

// stamp receives a time in UTC. SQLite keeps text, with a fraction or
// without, as SQLAlchemy or a person wrote it.
type stamp struct{ to *time.Time }

func (s stamp) Scan(src any) (err error) {
	switch v := src.(type) {
	case nil:
		*s.to = time.Time{}
	case time.Time:
		*s.to = v.UTC()
	case string:
		*s.to, err = parseStamp(v)
	case []byte:
		*s.to, err = parseStamp(string(v))
	default:
		err = fmt.Errorf("%T where a time was expected", src)
	}
	return err
}

// parseStamp reads "2026-11-22 16:29:57", with or without a fraction (which
// time.Parse takes after any seconds), with 'T' in the middle, with a zone.
func parseStamp(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07:00", time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%.40q is not a time", s)
}

// object receives a JSON object, never nil, so that who changes a row may set
// keys at once. Null, "" and "null" are the empty object, as Ironic reads them.
// An error does not show the text, which may hold secrets.
type object struct{ to *map[string]any }

func (o object) Scan(src any) error {
	var raw []byte
	switch v := src.(type) {
	case nil:
	case string:
		raw = []byte(v)
	case []byte:
		raw = v
	default:
		return fmt.Errorf("%T where JSON was expected", src)
	}
	*o.to = map[string]any{}
	if len(raw) == 0 {
		return nil
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		return fmt.Errorf("not a JSON object of %d bytes", len(raw))
	}
	if m != nil {
		*o.to = m
	}
	return nil
}

// hardware receives a MAC address.
type hardware struct{ to *usher.MAC }

func (h hardware) Scan(src any) error {
	var s string
	if err := (text[string]{&s}).Scan(src); err != nil {
		return err
	}
	m, err := usher.ParseMAC(s)
	if err != nil {
		return err
	}
	*h.to = m
	return nil
}

// What is bound: null for the zero value where the column allows it.

func orNull[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}

// encoded is the JSON text of an object; nil is "{}", as Ironic writes it.
type encoded map[string]any

func (e encoded) text() (string, error) {
	if e == nil {
		return "{}", nil
	}
	b, err := json.Marshal(map[string]any(e))
	if err != nil {
		return "", usher.Errorf(usher.ErrInvalid, "a JSON field cannot be stored: %v", err)
	}
	return string(b), nil
}
