package config

import (
	"errors"
	"strings"
)

// maxValue bounds what references can make of a value, since each may double it.
const maxValue = 1 << 20

var errTooLong = errors.New("its references make the value longer than 1 MiB")

// interpolate replaces $name, ${name} and the dotted forms as oslo.config's
// Template does: $$ and \$ are one dollar sign, names are as long as letters,
// digits, underscores and dots go on, and a $ before anything else stays.
func interpolate(text string, lookup func(name string) (string, error)) (string, error) {
	text = strings.ReplaceAll(text, `\$`, `$$`)
	if !strings.Contains(text, "$") {
		return text, nil
	}
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, "$")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		name, rest := reference(after)
		switch {
		case name != "":
			value, err := lookup(name)
			if err != nil {
				return "", err
			}
			if out.Len()+len(value) > maxValue {
				return "", errTooLong
			}
			out.WriteString(value)
		default:
			out.WriteByte('$')
			rest = strings.TrimPrefix(after, "$")
		}
		text = rest
	}
}

// reference splits the name that starts s, in braces or bare, from what
// follows it. The name is empty if none starts here.
func reference(s string) (name, rest string) {
	if braced, ok := strings.CutPrefix(s, "{"); ok {
		n := nameLen(braced)
		if n > 0 && strings.HasPrefix(braced[n:], "}") {
			return braced[:n], braced[n+1:]
		}
		return "", s
	}
	n := nameLen(s)
	return s[:n], s[n:]
}

// nameLen is how much of the start of s matches [_a-z][._a-z0-9]* in any case.
// Python's pattern also folds four letters beyond ASCII, which no name has.
func nameLen(s string) int {
	for i := range len(s) {
		c := s[i] | 0x20
		letter := s[i] == '_' || c >= 'a' && c <= 'z'
		if !letter && (i == 0 || s[i] != '.' && (s[i] < '0' || s[i] > '9')) {
			return i
		}
	}
	return len(s)
}
