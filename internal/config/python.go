package config

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// What Python says where oslo.config leaves it to Python: white space, the
// numbers that int() and float() read, and the text that str() gives a value
// which another option refers to.

// isSpace is str.isspace for one character.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f
}

var (
	pyIntPattern   = regexp.MustCompile(`^[+-]?[0-9]+(_[0-9]+)*$`)
	pyFloatPattern = regexp.MustCompile(`^[+-]?(?:` +
		`(?:[0-9]+(?:_[0-9]+)*\.?(?:[0-9]+(?:_[0-9]+)*)?|\.[0-9]+(?:_[0-9]+)*)(?:[eE][+-]?[0-9]+(?:_[0-9]+)*)?` +
		`|(?i:inf|infinity|nan))$`)
)

// pyInt is int(s), within 64 bits and in ASCII digits.
func pyInt(s string) (int, error) {
	s = strings.TrimFunc(s, unicode.IsSpace) // int() and float() keep the four separators
	if !pyIntPattern.MatchString(s) {
		return 0, errors.New("it is not an integer")
	}
	n, err := strconv.Atoi(strings.ReplaceAll(s, "_", ""))
	if err != nil {
		return 0, errors.New("it is beyond 64 bits")
	}
	return n, nil
}

// pyFloat is float(s), in ASCII digits.
func pyFloat(s string) (float64, error) {
	s = strings.TrimFunc(s, unicode.IsSpace)
	if !pyFloatPattern.MatchString(s) {
		return 0, errors.New("it is not a number")
	}
	// Only a range error is left to occur, and there ±Inf is Python's answer.
	f, _ := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	return f, nil
}

// pyStr is what oslo.config puts in the place of a reference to v. Python
// keeps a dict in the order of its text; here its keys are sorted.
func pyStr(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		if v {
			return "True"
		}
		return "False"
	case int:
		return strconv.Itoa(v)
	case float64:
		return pyFloatStr(v)
	case []string:
		items := make([]string, len(v))
		for i, s := range v {
			items[i] = pyRepr(s)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case map[string]string:
		items := make([]string, 0, len(v))
		for key, value := range v {
			items = append(items, pyRepr(key)+": "+pyRepr(value))
		}
		slices.Sort(items)
		return "{" + strings.Join(items, ", ") + "}"
	}
	return "" // None
}

func pyFloatStr(f float64) string {
	switch abs := math.Abs(f); {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 0):
		return strings.TrimPrefix(strings.ToLower(strconv.FormatFloat(f, 'f', -1, 64)), "+")
	case f != 0 && (abs < 1e-4 || abs >= 1e16):
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// pyRepr is repr(s) of a string.
func pyRepr(s string) string {
	quote := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	var b strings.Builder
	b.WriteRune(quote)
	for _, r := range s {
		switch {
		case r == quote || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == ' ' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r <= 0xff:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteRune(quote)
	return b.String()
}
