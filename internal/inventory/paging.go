package inventory

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-boot/usher"
)

// conditions gathers what WHERE demands, all of it, and the values for it.
type conditions struct {
	terms []string
	args  []any
}

func (c *conditions) add(term string, args ...any) {
	c.terms = append(c.terms, term)
	c.args = append(c.args, args...)
}

// equal narrows by a text that is given.
func (c *conditions) equal(column, value string) {
	if value != "" {
		c.add(column+" = ?", value)
	}
}

// set narrows by whether a column has a value at all.
func (c *conditions) set(column string, want *bool) {
	switch {
	case want == nil:
	case *want:
		c.add(column + " IS NOT NULL")
	default:
		c.add(column + " IS NULL")
	}
}

// in narrows to any of some texts.
func in[T ~string](c *conditions, column string, values []T) {
	if len(values) > 0 {
		c.add(column+" IN ("+marks(len(values))+")", anys(values)...)
	}
}

func anys[T ~string](values []T) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// page completes a query: rows of one page, in an order that is total (ties
// are broken by id) and the same on every engine (null sorts before
// everything). The row of the marker is joined in as m, so that a page is one
// query; a marker that does not exist gives no rows.
func (c *conditions) page(query, table, alias string, p usher.Page, keys []string) (string, error) {
	key := orDefault(p.SortKey, "id")
	if !slices.Contains(keys, key) {
		return "", usher.Errorf(usher.ErrInvalid, "The sort_key value %q is an invalid field for sorting", key).
			WithClass("InvalidParameterValue")
	}
	beyond, direction := ">", ""
	if p.Desc {
		beyond, direction = "<", " DESC"
	}
	own, mark := alias+"."+key, "m."+key
	if p.Marker != "" {
		query += " JOIN " + table + " m ON m.uuid = ?"
		c.args = slices.Insert(c.args, 0, any(p.Marker))
		c.add(after(alias, own, mark, beyond, key == "id"))
	}
	if len(c.terms) > 0 {
		query += " WHERE " + strings.Join(c.terms, " AND ")
	}
	query += " ORDER BY "
	if key != "id" {
		query += "CASE WHEN " + own + " IS NULL THEN 0 ELSE 1 END" + direction + ", " + own + direction + ", "
	}
	query += alias + ".id" + direction
	if p.Limit > 0 {
		query += " LIMIT " + strconv.Itoa(p.Limit)
	}
	return query, nil
}

// after says that a row comes after the marker's.
func after(alias, own, mark, beyond string, byID bool) string {
	ids := alias + ".id " + beyond + " m.id"
	if byID {
		return ids
	}
	// One of the two is null, and null comes first.
	nulls := own + " IS NOT NULL AND " + mark + " IS NULL"
	if beyond == "<" {
		nulls = own + " IS NULL AND " + mark + " IS NOT NULL"
	}
	return "(" + own + " " + beyond + " " + mark +
		" OR (" + nulls + ")" +
		" OR ((" + own + " = " + mark + " OR (" + own + " IS NULL AND " + mark + " IS NULL)) AND " + ids + "))"
}

// list runs a query of a page.
func list[T any](ctx context.Context, s *Store, op, query string, args []any, dest func(*T) []any) ([]*T, error) {
	var found []*T
	err := s.read(ctx, op, func(ctx context.Context) error {
		found = nil
		return rows(ctx, s.db, s.d.bind(query), args, func(scan func(...any) error) error {
			row := new(T)
			found = append(found, row)
			return scan(dest(row)...)
		})
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}
