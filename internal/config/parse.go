package config

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// entry is one assignment of a file: its section with oslo.config's
// normalization (lower case, except DEFAULT), its key as written.
type entry struct {
	group, name string
	value       string // continuation lines joined with \n
	line        int
}

// lineError says what is wrong with a line. It never quotes the line, which
// may hold a password.
type lineError struct {
	line   int
	reason string
}

// parser follows oslo_config/iniparser.py line by line. Where oslo.config
// stops at the first bad line, it goes on, so that one run tells all.
type parser struct {
	section string
	lost    bool // the last section header was bad: its assignments are not news
	open    bool // entry collects continuation lines
	entry   entry
	entries []entry
	errs    []lineError
}

func parse(data []byte) ([]entry, []lineError) {
	var p parser
	for i, line := range splitLines(data) {
		if !utf8.ValidString(line) {
			p.fail(i+1, "the text is not UTF-8")
			continue
		}
		p.line(i+1, line)
	}
	p.flush()
	return p.entries, p.errs
}

// splitLines ends lines where Python's text files do: \n, \r\n or \r.
func splitLines(data []byte) []string {
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
	return strings.Split(string(data), "\n")
}

func (p *parser) line(n int, line string) {
	line = strings.TrimRightFunc(line, isSpace)
	switch {
	case line == "":
		p.flush()
		return
	case line[0] == ' ' || line[0] == '\t':
		if !p.open {
			p.fail(n, "the line is indented, but there is no option for it to continue "+
				"(an empty line or a comment ends an option)")
			return
		}
		p.entry.value += "\n" + strings.TrimLeftFunc(line, isSpace)
		return
	}
	p.flush()
	switch line[0] {
	case '[':
		p.header(n, line)
	case '#', ';':
	default:
		p.assignment(n, line)
	}
}

func (p *parser) header(n int, line string) {
	p.lost = true
	switch {
	case line[len(line)-1] != ']':
		p.fail(n, "a section must end with ]")
	case len(line) <= 2:
		p.fail(n, "the section has no name")
	default:
		p.lost = false
		p.section = normalizeGroup(line[1 : len(line)-1])
	}
}

func (p *parser) assignment(n int, line string) {
	i := strings.IndexAny(line, ":=")
	if i < 0 {
		p.fail(n, "there is no = or : between option and value")
		return
	}
	name := strings.TrimFunc(line[:i], isSpace)
	if name == "" {
		p.fail(n, "there is no option before the "+line[i:i+1])
		return
	}
	p.open = true
	p.entry = entry{p.section, name, unquote(strings.TrimFunc(line[i+1:], isSpace)), n}
}

// unquote strips one pair of equal quotes, or a lone quote, as oslo.config
// does. It knows no escapes.
func unquote(s string) string {
	if s == "" || s[0] != '"' && s[0] != '\'' || s[len(s)-1] != s[0] {
		return s
	}
	return s[1:max(len(s)-1, 1)]
}

// flush ends the assignment that was open.
func (p *parser) flush() {
	if !p.open {
		return
	}
	p.open = false
	if p.lost {
		return
	}
	if p.section == "" {
		p.fail(p.entry.line, fmt.Sprintf("option %q comes before any [section]", p.entry.name))
		return
	}
	p.entries = append(p.entries, p.entry)
}

func (p *parser) fail(n int, reason string) {
	p.errs = append(p.errs, lineError{n, reason})
}

func normalizeGroup(name string) string {
	if name == "DEFAULT" {
		return name
	}
	return strings.ToLower(name)
}
