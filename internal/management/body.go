package management

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/usher-boot/usher"
)

// readJSON reads the body whatever its Content-Type says, as Ironic does.
// Numbers keep their digits. An absent body is nil.
func readJSON(r *request) (any, error) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("read body: %w", bodyError(err))
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, invalid("The request body is not JSON: %v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, invalid("The request body is not JSON: more follows after its end")
	}
	return v, storable(v, 0)
}

// maxDepth is how deep JSON may nest. What is deeper serves no client, and
// patch by patch it could grow until the database's copy cannot be read.
const maxDepth = 100

// storable refuses JSON that the inventory could write but not read again:
// too deep, or with numbers beyond a float's range.
func storable(v any, depth int) error {
	if depth > maxDepth {
		return invalid("The JSON nests deeper than %d levels.", maxDepth)
	}
	switch v := v.(type) {
	case json.Number:
		if _, err := v.Float64(); err != nil {
			return invalid("The number %.40s is out of range.", v)
		}
	case []any:
		for _, item := range v {
			if err := storable(item, depth+1); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, item := range v {
			if err := storable(item, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// bodyError tells a client that hung up or was too slow from one that sent
// too much; neither is our failure.
func bodyError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return invalid("The request body ended too early.")
	}
	return err
}

// arguments are the members of a body that Ironic reads as the arguments of
// a call, or the query of a request.
type arguments map[string]any

// readArguments reads a body that is an object with some of the given names.
func readArguments(r *request, names ...string) (arguments, error) {
	v, err := readJSON(r)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return arguments{}, nil
	}
	o, ok := v.(object)
	if !ok {
		return nil, invalid("The request body must be a JSON object, not %s", brief(v))
	}
	return arguments(o), arguments(o).allow(names...)
}

// query reads the query of a request, of which only the names may occur. A
// repeated one counts with its last value.
func (r *request) query(names ...string) (arguments, error) {
	q := arguments{}
	for name, values := range r.URL.Query() {
		q[name] = values[len(values)-1]
	}
	return q, q.allow(names...)
}

func (a arguments) allow(names ...string) error {
	var unknown []string
	for name := range a {
		if !slices.Contains(names, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return invalid("Unexpected arguments: %s", strings.Join(unknown, ", "))
	}
	return nil
}

// has says whether an argument was given and is not null.
func (a arguments) has(name string) bool { return a[name] != nil }

func (a arguments) string(name string) (string, error) {
	switch v := a[name].(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	default:
		return "", invalid("Expected string for %s: %s", name, brief(v))
	}
}

// required is a string that must be given.
func (a arguments) required(name string) (string, error) {
	if !a.has(name) {
		return "", invalid("Missing mandatory parameter: %s", name).WithClass("MissingParameterValue")
	}
	return a.string(name)
}

// boolean is nil when the argument is absent.
func (a arguments) boolean(name string) (*bool, error) {
	if !a.has(name) {
		return nil, nil
	}
	b, err := parseBool(name, a[name])
	return &b, err
}

func (a arguments) uuid(name string) (string, error) {
	s, err := a.string(name)
	if err != nil || !a.has(name) {
		return "", err
	}
	id, ok := canonicalUUID(s)
	if !ok {
		return "", invalid("Expected UUID for %s: %s", name, s)
	}
	return id, nil
}

// list reads words between commas; nil when the argument is absent.
func (a arguments) list(name string) ([]string, error) {
	s, err := a.string(name)
	if err != nil || !a.has(name) {
		return nil, err
	}
	words := []string{}
	for w := range strings.SplitSeq(s, ",") {
		if w = strings.ToLower(strings.TrimSpace(w)); w != "" && !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	return words, nil
}

// parseBool takes JSON booleans and oslo's words for them.
func parseBool(name string, v any) (bool, error) {
	if b, ok := v.(bool); ok {
		return b, nil
	}
	word := ""
	switch v := v.(type) {
	case string:
		word = strings.ToLower(strings.TrimSpace(v))
	case json.Number:
		word = v.String()
	}
	switch word {
	case "1", "t", "true", "on", "y", "yes":
		return true, nil
	case "0", "f", "false", "off", "n", "no":
		return false, nil
	}
	return false, invalid("Invalid %s: Unrecognized value '%s', acceptable values are: '0', '1', 'f', 'false', "+
		"'n', 'no', 'off', 'on', 't', 'true', 'y', 'yes'", name, strings.Trim(brief(v), `"'`))
}

// brief shows a value of a request in a message: Python's quotes for strings,
// since clients know Ironic's messages, and never more than a line of it.
func brief(v any) string {
	var text string
	switch v := v.(type) {
	case string:
		text = "'" + v + "'"
	default:
		b, err := json.Marshal(v)
		if err != nil {
			return "(a value that cannot be shown)"
		}
		text = string(b)
	}
	if runes := []rune(text); len(runes) > 80 {
		text = string(runes[:80]) + "..."
	}
	return text
}

// isLocked says that another task holds the node.
func isLocked(n *usher.Node) error {
	if n.Reservation == "" {
		return nil
	}
	return usher.Errorf(usher.ErrConflict, "Node %s is locked by host %s, please retry after the current operation "+
		"is completed.", n.UUID, n.Reservation).WithClass("NodeLocked")
}
