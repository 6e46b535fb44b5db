package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/usher-boot/usher"
)

type file struct {
	name    string
	entries []entry
}

// id is a group and an option.
type id struct{ group, name string }

func (i id) String() string { return "[" + i.group + "]" + i.name }

// result is an option's value once it is known. Without err, value holds it.
type result struct {
	value  any
	origin string
	tender bool // secret, or made from a secret by reference
	err    error
}

// loader finds each option's text, its references and its value.
type loader struct {
	table    []option
	byID     map[id]*option
	foreign  map[id]*option // options of others, as far as references ask for them
	files    []file
	env      map[string]string
	done     map[*option]*result // nil while an option is being worked out
	warnings []string
}

func newLoader(table []option, environ []string) *loader {
	l := &loader{
		table: table, byID: map[id]*option{}, foreign: map[id]*option{},
		env: map[string]string{}, done: map[*option]*result{},
	}
	for i := range table {
		l.byID[table[i].id] = &table[i]
	}
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		if _, twice := l.env[name]; !twice { // the first counts, in Python as in Go
			l.env[name] = value
		}
	}
	return l
}

func (l *loader) add(name string, data []byte) []error {
	entries, bad := parse(data)
	l.files = append(l.files, file{name, entries})
	errs := make([]error, len(bad))
	for i, b := range bad {
		errs[i] = usher.Errorf(usher.ErrInvalid, "%s:%d: %s", name, b.line, b.reason)
	}
	return errs
}

// all works out every option of the table and stores it where the table says.
func (l *loader) all() ([]setting, []error) {
	settings := make([]setting, 0, len(l.table))
	var errs []error
	for i := range l.table {
		o := &l.table[i]
		r := l.resolve(o)
		if r.err == nil && r.value == nil && o.needed() {
			r.err = badValue(o, "", "", r, errEmpty)
		}
		if r.err != nil {
			if !errors.Is(r.err, errElsewhere) {
				errs = append(errs, r.err)
			}
			continue
		}
		store(o.into, r.value)
		settings = append(settings, newSetting(o, r))
	}
	return settings, errs
}

var (
	errEmpty = errors.New("it is empty")
	// errElsewhere: an option refers to one that is wrong and reports itself.
	errElsewhere = errors.New("an option that it refers to is wrong")
)

func (l *loader) resolve(o *option) *result {
	if r, known := l.done[o]; known {
		return r
	}
	l.done[o] = nil
	text, origin := l.find(o)
	r := &result{origin: origin, tender: o.secret}
	expanded, err := interpolate(text, func(name string) (string, error) {
		ref, err := l.refer(o, name)
		if err != nil {
			return "", err
		}
		r.tender = r.tender || ref.tender
		return pyStr(ref.value), nil
	})
	if err == nil && !(o.none && origin == "default") {
		r.value, err = o.kind.read(expanded)
	}
	if err != nil {
		r.err = err
		if !errors.Is(err, errElsewhere) {
			r.err = badValue(o, text, expanded, r, err)
		}
	}
	l.done[o] = r
	return r
}

func badValue(o *option, text, expanded string, r *result, err error) error {
	shown := fmt.Sprintf("%.200q", text)
	if expanded != text && expanded != "" {
		shown += fmt.Sprintf(" (%.200q)", expanded)
	}
	reason := err.Error()
	if r.tender {
		shown = masked
		if _, ok := errors.AsType[*referenceError](err); ok {
			// Its name may be a piece of a password with a dollar sign in it.
			reason = "it refers to an option that there is not; write $$ for a dollar sign"
		}
	}
	return usher.Errorf(usher.ErrInvalid, "%s: %s = %s: %s; want %s", r.origin, o.id, shown, reason, o.kind.name)
}

// find returns the text of o and where it stands: the environment, the last
// file that has o under any of its names, or the default.
func (l *loader) find(o *option) (text, origin string) {
	variable := envName(o.id)
	if value, ok := l.env[variable]; ok {
		return value, "environment " + variable
	}
	for _, f := range slices.Backward(l.files) {
		for i, name := range append([]id{o.id}, o.oldIDs()...) {
			if e, ok := f.last(name); ok {
				origin = fmt.Sprintf("%s:%d", f.name, e.line)
				if i > 0 {
					l.warn("%s: %s is deprecated, use %s", origin, name, o.id)
				}
				return e.value, origin
			}
		}
	}
	if o.compute != nil {
		return o.compute(l), "default"
	}
	return o.def, "default"
}

func (f file) last(name id) (entry, bool) {
	for _, e := range slices.Backward(f.entries) {
		if e.group == name.group && e.name == name.name {
			return e, true
		}
	}
	return entry{}, false
}

// referenceError: a reference names no option, or one that refers back.
type referenceError struct{ reason string }

func (e *referenceError) Error() string { return e.reason }

// refer works out what name means to from: an option of its own group, else
// of [DEFAULT], or with a dot group.option, as oslo.config's StrSubWrapper.
func (l *loader) refer(from *option, name string) (*result, error) {
	group, plain, dotted := strings.Cut(name, ".")
	candidates := []id{{group, plain}}
	if !dotted {
		candidates = []id{{from.group, name}, {"DEFAULT", name}}
	} else if group == "DEFAULT" {
		// For oslo.config [DEFAULT] is not a group.
		return nil, &referenceError{fmt.Sprintf("${%s} is no reference, write ${%s}", name, plain)}
	}
	for _, lookup := range []func(id) *option{l.ours, l.theirs} {
		for _, candidate := range candidates {
			o := lookup(candidate)
			if o == nil {
				continue
			}
			if r, known := l.done[o]; known && r == nil {
				return nil, &referenceError{fmt.Sprintf("it refers back to itself through $%s", name)}
			}
			r := l.resolve(o)
			switch {
			case r.err == nil:
				return r, nil
			case l.foreign[o.id] == o: // nobody else reports it
				return nil, &referenceError{fmt.Sprintf("$%s is wrong (%v)", name, r.err)}
			}
			return nil, errElsewhere
		}
	}
	return nil, &referenceError{fmt.Sprintf("it refers to $%s, which there is not; write $$ for a dollar sign", name)}
}

// ours finds an option of the table.
func (l *loader) ours(name id) *option { return l.byID[name] }

// theirs finds an option that the table does not have, such as Ironic's
// pybasedir, provided that a file or the environment sets it.
func (l *loader) theirs(name id) *option {
	if o := l.foreign[name]; o != nil {
		return o
	}
	_, set := l.env[envName(name)]
	for _, f := range l.files {
		_, ok := f.last(name)
		set = set || ok
	}
	if !set {
		return nil
	}
	o := &option{id: name, kind: text()}
	l.foreign[name] = o
	return o
}

// expandHome is os.path.expanduser for one's own home.
func (l *loader) expandHome(path string) string {
	if rest, ok := strings.CutPrefix(path, "~"); ok && l.env["HOME"] != "" && (rest == "" || rest[0] == '/') {
		return l.env["HOME"] + rest
	}
	return path
}

func (l *loader) warn(format string, args ...any) {
	l.warnings = append(l.warnings, fmt.Sprintf(format, args...))
}

func envName(name id) string {
	return "OS_" + strings.ToUpper(name.group) + "__" + strings.ToUpper(name.name)
}
