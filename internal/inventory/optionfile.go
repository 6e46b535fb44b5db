package inventory

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// optionFile is a my.cnf as PyMySQL reads it, by Python's configparser: the
// values of each section. It is no file of MySQL's own tools: !include is a key
// without a value, and what follows a value on its line is part of it.
type optionFile map[string]section

// section holds values by key; nil is a key without a value.
type section map[string]*string

// defaultSection is what configparser adds to each section.
const defaultSection = "DEFAULT"

// get is the value of a key, empty where there is none.
func (f optionFile) get(group, key string) string {
	values, ok := f[group]
	if !ok {
		return ""
	}
	value, ok := values[key]
	if !ok {
		value = f[defaultSection][key]
	}
	if value == nil {
		return ""
	}
	return withoutQuotes(*value)
}

func withoutQuotes(s string) string {
	for _, quote := range []byte{'\'', '"'} {
		if len(s) >= 2 && s[0] == quote && s[len(s)-1] == quote {
			return s[1 : len(s)-1]
		}
	}
	return s
}

// parseOptionFile follows configparser line by line, and refuses what it
// refuses. Its errors show no line, which may hold a password.
func parseOptionFile(data []byte) (optionFile, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("it is not UTF-8")
	}
	p := optionFileParser{file: optionFile{defaultSection: section{}}}
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data))
	for i, line := range strings.Split(text, "\n") {
		if reason := p.line(line); reason != "" {
			return nil, fmt.Errorf("line %d: %s", i+1, reason)
		}
	}
	p.flush()
	return p.file, nil
}

type optionFileParser struct {
	file   optionFile
	now    section  // nil before the first section
	key    string   // that may go on in the next line; empty: none
	value  []string // its lines; nil: it has no value
	indent int      // of the last line that began something
}

// line reads one line and returns what is wrong with it.
func (p *optionFileParser) line(line string) string {
	trimmed := strings.TrimFunc(line, isPythonSpace)
	switch {
	case strings.HasPrefix(trimmed, "#"), strings.HasPrefix(trimmed, ";"):
		return ""
	case trimmed == "":
		if p.value != nil {
			p.value = append(p.value, "")
		}
		return ""
	}
	indent := utf8.RuneCountInString(line[:strings.IndexFunc(line, func(r rune) bool { return !isPythonSpace(r) })])
	if p.key != "" && indent > p.indent {
		if p.value == nil {
			return "it is indented, and so goes on with a key that has no value"
		}
		p.value = append(p.value, trimmed)
		return ""
	}
	p.flush()
	p.indent = indent
	if end := strings.LastIndexByte(trimmed, ']'); trimmed[0] == '[' && end > 1 {
		return p.header(trimmed[1:end])
	}
	return p.option(trimmed)
}

func (p *optionFileParser) header(name string) string {
	values, seen := p.file[name]
	switch {
	case !seen:
		values = section{}
		p.file[name] = values
	case name != defaultSection:
		return "the section is there twice"
	}
	p.now = values
	return ""
}

func (p *optionFileParser) option(text string) string {
	if p.now == nil {
		return "there is no [section] before it"
	}
	key, value, hasValue := text, "", false
	if i := strings.IndexAny(text, "=:"); i >= 0 {
		key, value, hasValue = text[:i], text[i+1:], true
	}
	// The newer spelling: PyMySQL 1.0 still told ssl_ca from ssl-ca.
	key = strings.ReplaceAll(strings.ToLower(strings.TrimRightFunc(key, isPythonSpace)), "_", "-")
	if key == "" {
		return "there is no key"
	}
	if _, twice := p.now[key]; twice {
		return "the key is there twice"
	}
	p.key, p.now[key] = key, nil
	if hasValue {
		p.value = []string{strings.TrimFunc(value, isPythonSpace)}
	}
	return ""
}

// flush ends the key that was open.
func (p *optionFileParser) flush() {
	if p.value != nil {
		value := strings.TrimRightFunc(strings.Join(p.value, "\n"), isPythonSpace)
		p.now[p.key] = &value
	}
	p.key, p.value = "", nil
}

// isPythonSpace is str.isspace for one character.
func isPythonSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }
