package management

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-boot/usher"
)

// pageArguments are the query arguments of every list.
var pageArguments = []string{"limit", "marker", "sort_key", "sort_dir"}

// page is what a client wants to see of a list, and the parameters with which
// the link to the next page repeats it.
type page struct {
	usher.Page
	next [][2]string
}

// page reads limit, marker, sort_key and sort_dir. unsortable are fields that
// no column can sort.
func (a *API) page(q arguments, sortable func(string) (column string, ok bool), unsortable ...string) (page, error) {
	p := page{Page: usher.Page{Limit: a.MaxLimit}}
	if q.has("limit") {
		text, ok := q["limit"].(string)
		limit, err := strconv.Atoi(strings.TrimSpace(text))
		if !ok || err != nil {
			return p, invalid("Expected an integer for limit: %s", text)
		}
		if limit <= 0 {
			return p, invalid("Limit must be positive")
		}
		p.Limit = min(limit, a.MaxLimit)
	}
	key, dir := "id", "asc"
	if q.has("sort_dir") {
		dir, _ = q["sort_dir"].(string)
		if dir != "asc" && dir != "desc" {
			return p, invalid("Invalid sort direction: %s. Acceptable values are 'asc' or 'desc'", dir)
		}
	}
	if q.has("sort_key") {
		key, _ = q["sort_key"].(string)
	}
	if slices.Contains(unsortable, key) {
		return p, invalid("The sort_key value %s is an invalid field for sorting", key)
	}
	column, ok := sortable(key)
	if !ok {
		return p, invalid("The sort_key value \"%s\" is an invalid field for sorting", key)
	}
	p.SortKey, p.Desc = column, dir == "desc"
	p.next = [][2]string{{"sort_key", key}, {"sort_dir", dir}}
	return p, nil
}

// keep makes the next link repeat arguments, in Ironic's spelling of values.
func (p *page) keep(q arguments, names ...string) {
	for _, name := range names {
		value, ok := q[name].(string)
		if !ok {
			continue
		}
		if slices.Contains([]string{"associated", "maintenance", "retired", "detail"}, name) {
			if b, err := parseBool(name, value); err == nil {
				value = pythonBool(b)
			}
		}
		p.next = append(p.next, [2]string{name, url.QueryEscape(value)})
	}
}

// collection is the answer of a list. Ironic gives a next link to every full
// page, even if nothing follows.
func (r *request) collection(name, path string, items []object, markers []string, p page, fields []string) object {
	answer := object{name: items}
	if len(items) > 0 && len(items) == p.Limit {
		var b strings.Builder
		for _, kv := range p.next {
			fmt.Fprintf(&b, "%s=%s&", kv[0], kv[1])
		}
		if fields != nil {
			fmt.Fprintf(&b, "fields=%s&", strings.Join(fields, ","))
		}
		answer["next"] = fmt.Sprintf("%s/v1/%s?%slimit=%d&marker=%s", r.base, path, b.String(), p.Limit,
			url.QueryEscape(markers[len(markers)-1]))
	}
	return answer
}

// returnFields decides what a list shows: the fields asked for, everything
// (nil), or the short form.
func (r *request) returnFields(q arguments, short []string) ([]string, error) {
	fields, err := q.list("fields")
	if err != nil {
		return nil, err
	}
	detail, err := q.boolean("detail")
	if err != nil {
		return nil, err
	}
	if detail != nil && r.minor < 43 {
		return nil, invalid("Invalid query parameter ?detail=%s received.", pythonBool(*detail))
	}
	if detail != nil && *detail {
		if fields != nil {
			return nil, invalid("Can not specify ?detail=True and fields in the same request.")
		}
		return nil, nil
	}
	if fields == nil {
		return short, nil
	}
	return fields, nil
}

func pythonBool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

// only keeps the named members of an object, and its links.
func only(o object, fields []string) object {
	if fields == nil {
		return o
	}
	out := object{}
	for _, f := range append([]string{"links"}, fields...) {
		if v, ok := o[f]; ok {
			out[f] = v
		}
	}
	return out
}

// known refuses fields that an object does not have.
func known(fields []string, o object) error {
	var unknown []string
	for _, f := range fields {
		if _, ok := o[f]; !ok {
			unknown = append(unknown, f)
		}
	}
	if len(unknown) > 0 {
		return invalid("Field(s) \"%s\" are not valid", strings.Join(unknown, ", "))
	}
	return nil
}

// nullable is null for an empty string.
func nullable(s string) any {
	if s == "" {
		return nil
	}
	return s
}
