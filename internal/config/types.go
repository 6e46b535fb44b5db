package config

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// kind is a type of option, after oslo_config/types.py. A value is a string,
// bool, int, float64, []string or map[string]string; nil is Python's None,
// which empty text makes of a number.
type kind struct {
	name string // what is allowed, for people
	read func(text string) (any, error)
}

// maxSeconds is about what a time.Duration holds.
const maxSeconds = 9_000_000_000

func text() kind {
	return kind{"a string", func(s string) (any, error) { return s, nil }}
}

func choice(choices ...string) kind {
	return kind{"one of " + strings.Join(choices, ", "), func(s string) (any, error) {
		if !slices.Contains(choices, s) {
			return nil, errors.New("it is none of them")
		}
		return s, nil
	}}
}

func boolean() kind {
	return kind{"true, 1, on, yes or false, 0, off, no", func(s string) (any, error) {
		switch strings.ToLower(s) {
		case "true", "1", "on", "yes":
			return true, nil
		case "false", "0", "off", "no":
			return false, nil
		}
		return nil, errors.New("it is not a boolean")
	}}
}

func integer(low, high int) kind {
	return kind{"an integer" + bounds(low, high), func(s string) (any, error) {
		if strings.TrimFunc(s, isSpace) == "" {
			return nil, nil
		}
		n, err := pyInt(s)
		if err != nil {
			return nil, err
		}
		return n, within(float64(n), low, high)
	}}
}

func port() kind { return integer(0, 65535) }

// seconds are whole, as in all of Ironic's options.
func seconds(low, high int) kind {
	k := integer(low, min(high, maxSeconds))
	k.name = "whole seconds" + bounds(low, high)
	return k
}

// fraction is a number of seconds that need not be whole, above zero.
func fraction() kind {
	return kind{"seconds greater than 0, such as 3 or 0.5", func(s string) (any, error) {
		if strings.TrimFunc(s, isSpace) == "" {
			return nil, nil
		}
		f, err := pyFloat(s)
		if err == nil && !(f >= 1e-9 && f <= maxSeconds) {
			err = errors.New("it is out of range")
		}
		return f, err
	}}
}

// mode is a file mode. oslo.config reads an Integer here, so plain digits are
// decimal (420 is rw-r--r--); a leading 0 or 0o, which Ironic's help asks for
// and its reader refuses or misreads, makes them octal.
func mode() kind {
	return kind{"a file mode up to 0777 in octal with a leading 0 or 0o, or in decimal as Ironic reads it", func(s string) (any, error) {
		s = strings.TrimFunc(s, isSpace)
		if s == "" {
			return nil, nil
		}
		n, err := pyInt(s)
		if len(s) > 1 && s[0] == '0' {
			var octal uint64
			octal, err = strconv.ParseUint(strings.TrimPrefix(strings.ToLower(s[1:]), "o"), 8, 16)
			n = int(octal)
		}
		if err != nil {
			return nil, errors.New("it is not a file mode")
		}
		if n < 0 || n > 0o777 {
			return nil, fmt.Errorf("that is %#o", n)
		}
		return n, nil
	}}
}

// list is comma-separated. An item that its type refuses is tried again with
// the next one joined to it, as oslo.config does for items that hold commas.
func list(item kind) kind {
	return kind{"a list, separated by commas, each " + item.name, func(s string) (any, error) {
		items := []string{}
		s = strings.TrimRight(strings.TrimFunc(s, isSpace), ",")
		if s == "" {
			return items, nil
		}
		err := joining(strings.Split(s, ","), func(part string) error {
			value, err := item.read(strings.TrimFunc(part, isSpace))
			if err == nil {
				items = append(items, value.(string))
			}
			return err
		})
		return items, err
	}}
}

// dict is key:value pairs, separated by commas.
func dict(item kind) kind {
	return pairs("key:value pairs, separated by commas", item, func(part string) (key, text string, found bool) {
		return strings.Cut(part, ":")
	})
}

// pairs is a dict whose keys cut tells from its values.
func pairs(name string, item kind, cut func(part string) (key, text string, found bool)) kind {
	return kind{name, func(s string) (any, error) {
		pairs := map[string]string{}
		s = strings.TrimFunc(s, isSpace)
		if s == "" {
			return pairs, nil
		}
		var bad error // what joining further parts cannot mend
		err := joining(strings.Split(s, ","), func(part string) error {
			key, text, found := cut(part)
			if !found {
				return errors.New("a part of it has no colon")
			}
			value, err := item.read(strings.TrimFunc(text, isSpace))
			if err != nil {
				return err
			}
			key = strings.TrimFunc(key, isSpace)
			if _, twice := pairs[key]; twice {
				bad = cmp.Or(bad, fmt.Errorf("the key %q is there twice", key))
			}
			if key == "" {
				bad = cmp.Or(bad, errors.New("a key is empty"))
			}
			pairs[key] = value.(string)
			return nil
		})
		return pairs, cmp.Or(bad, err)
	}}
}

// joining gives take each part, joined with the next ones while it refuses.
func joining(parts []string, take func(string) error) error {
	for len(parts) > 0 {
		part := parts[0]
		parts = parts[1:]
		err := take(part)
		for first := err; err != nil; err = take(part) {
			if len(parts) == 0 {
				return first
			}
			part += "," + parts[0]
			parts = parts[1:]
		}
	}
	return nil
}

// quoted is a string that may stand in quotes, for items of a dict or list.
func quoted() kind {
	return kind{"a string, in quotes if it holds commas", func(s string) (any, error) {
		if s != "" && (s[0] == '"' || s[0] == '\'') {
			if len(s) == 1 || s[len(s)-1] != s[0] {
				return nil, errors.New("a quote is not closed")
			}
			s = s[1 : len(s)-1]
		}
		return s, nil
	}}
}

func bounds(low, high int) string {
	switch {
	case low == math.MinInt && high == math.MaxInt:
		return ""
	case low == math.MinInt:
		return fmt.Sprintf(" up to %d", high)
	case high == math.MaxInt:
		return fmt.Sprintf(", at least %d", low)
	}
	return fmt.Sprintf(" from %d to %d", low, high)
}

func within(f float64, low, high int) error {
	if low != math.MinInt && f < float64(low) || high != math.MaxInt && f > float64(high) {
		return errors.New("it is out of range")
	}
	return nil
}
