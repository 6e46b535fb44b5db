package management

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-boot/usher"
)

// patchOp is one operation of a JSON patch. Ironic takes three of RFC 6902's
// six, and paths of plain words only (no ~0 escapes), applies them one by one
// so that a refusal names the operation, and takes the removal of a whole
// field for null. A general library does none of that, and works on bytes
// where the operations here meet values that are decoded already; hence this
// applier of a page rather than evanphx/json-patch.
type patchOp struct {
	op       string
	path     []string
	value    any
	hasValue bool
	text     string // as the client wrote it, for messages
}

var patchPath = regexp.MustCompile(`^(/[\pL\pN_-]+)+$`)

// readPatch reads and checks the form of a patch, and that it touches only
// the given fields.
func readPatch(r *request, writable []string) ([]patchOp, error) {
	body, err := readJSON(r)
	if err != nil {
		return nil, err
	}
	list, ok := body.([]any)
	if !ok {
		return nil, invalid("Schema error for patch: %s is not of type 'array'", brief(body))
	}
	ops := make([]patchOp, len(list))
	for i, item := range list {
		if ops[i], err = readOp(item); err != nil {
			return nil, err
		}
		if root := ops[i].path[0]; !slices.Contains(writable, root) {
			return nil, usher.Errorf(usher.ErrInvalid, "Cannot patch /%.255s. Only the following can be updated: %s",
				strings.Join(ops[i].path, "/"), strings.Join(writable, ", ")).WithClass("Invalid")
		}
	}
	return ops, nil
}

func readOp(item any) (patchOp, error) {
	var p patchOp
	o, ok := item.(object)
	if !ok {
		return p, invalid("Schema error for patch: %s is not of type 'object'", brief(item))
	}
	for name := range o {
		if name != "op" && name != "path" && name != "value" {
			return p, invalid("Schema error for patch: Additional properties are not allowed (%s was unexpected)", brief(name))
		}
	}
	for _, name := range []string{"op", "path"} {
		if _, ok := o[name]; !ok {
			return p, invalid("Schema error for patch: '%s' is a required property", name)
		}
		if !isString(o[name]) {
			return p, invalid("Schema error for patch: %s: %s is not of type 'string'", name, brief(o[name]))
		}
	}
	p.op = str(o["op"])
	if p.op != "add" && p.op != "replace" && p.op != "remove" {
		return p, invalid("Schema error for patch: %s is not one of ['add', 'replace', 'remove']", brief(p.op))
	}
	path := str(o["path"])
	if !patchPath.MatchString(path) {
		return p, invalid("Schema error for patch: %s does not match '^(/[\\\\w-]+)+$'", brief(path))
	}
	p.path = strings.Split(path[1:], "/")
	p.value, p.hasValue = o["value"]
	p.text = fmt.Sprintf("%s %s", p.op, brief(path))
	return p, nil
}

// touches says whether a patch gives a field, or something inside of it, a
// value or removes it.
func touches(ops []patchOp, field string) bool {
	return slices.ContainsFunc(ops, func(p patchOp) bool { return p.path[0] == field })
}

// given returns the values that a patch puts in place of a whole field.
func given(ops []patchOp, field string) []any {
	var values []any
	for _, p := range ops {
		if len(p.path) == 1 && p.path[0] == field && p.op != "remove" && p.hasValue {
			values = append(values, p.value)
		}
	}
	return values
}

// applyPatch changes doc, whose values may be shared with others: they are
// copied before a change.
func applyPatch(doc object, ops []patchOp) error {
	for _, p := range ops {
		if !p.hasValue && p.op != "remove" {
			return p.fail("The operation does not contain a 'value' member")
		}
		if len(p.path) == 1 && p.op == "remove" {
			doc[p.path[0]] = nil
			continue
		}
		if len(p.path) == 1 {
			doc[p.path[0]] = p.value
			continue
		}
		changed, err := p.applyIn(doc[p.path[0]], p.path[1:])
		if err != nil {
			return err
		}
		doc[p.path[0]] = changed
	}
	return nil
}

func (p patchOp) fail(format string, args ...any) error {
	return usher.Errorf(usher.ErrInvalid, "Couldn't apply patch '%s'. Reason: %s", p.text, fmt.Sprintf(format, args...)).
		WithClass("PatchError")
}

// applyIn returns a copy of container with the operation done at path.
func (p patchOp) applyIn(container any, path []string) (any, error) {
	key := path[0]
	switch c := container.(type) {
	case map[string]any:
		old, exists := c[key]
		c = maps.Clone(c)
		if c == nil {
			c = object{}
		}
		switch {
		case len(path) > 1 && !exists:
			return nil, p.fail("member '%s' not found in %s", key, brief(container))
		case len(path) > 1:
			changed, err := p.applyIn(old, path[1:])
			if err != nil {
				return nil, err
			}
			c[key] = changed
		case p.op == "add":
			c[key] = p.value
		case !exists:
			return nil, p.fail("can't %s a non-existent object '%s'", p.op, key)
		case p.op == "replace":
			c[key] = p.value
		default:
			delete(c, key)
		}
		return c, nil
	case []any:
		return p.applyInList(slices.Clone(c), path)
	}
	return nil, p.fail("'%s' is inside of %s, which is neither an object nor an array", key, brief(container))
}

func (p patchOp) applyInList(c []any, path []string) (any, error) {
	key := path[0]
	if key == "-" && p.op == "add" && len(path) == 1 {
		return append(c, p.value), nil
	}
	i, err := strconv.Atoi(key)
	if err != nil || key != strconv.Itoa(i) || i < 0 {
		return nil, p.fail("'%s' is not a valid sequence index", key)
	}
	switch {
	case len(path) == 1 && p.op == "add":
		if i > len(c) {
			return nil, p.fail("can't insert outside of list")
		}
		return slices.Insert(c, i, p.value), nil
	case i >= len(c):
		return nil, p.fail("index %d is outside of the list", i)
	case len(path) > 1:
		if c[i], err = p.applyIn(c[i], path[1:]); err != nil {
			return nil, err
		}
		return c, nil
	case p.op == "replace":
		c[i] = p.value
		return c, nil
	}
	return slices.Delete(c, i, i+1), nil
}

// checkSize guards the JSON columns: patch by patch a document can grow
// larger and deeper than any that a client could send at once.
func checkSize(doc object) error {
	if err := storable(doc, 0); err != nil {
		return err
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("encode patched document: %w", err)
	}
	if len(text) > 1<<20 {
		return invalid("The patched document is larger than this service takes.")
	}
	return nil
}
