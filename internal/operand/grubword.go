package operand

import (
	"errors"
	"strings"
)

// grubWord is a word of a GRUB script.
type grubWord struct {
	start, end int // in the script
	parts      []grubPart
}

// grubPart is text, or a variable.
type grubPart struct {
	text     string // of a variable its name
	variable bool
	quoted   bool // the variable stands in double quotes
	start    int  // of a variable, in the script
}

// literal is the word's text, where it holds no variable.
func (w *grubWord) literal() (string, bool) {
	switch {
	case len(w.parts) == 0:
		return "", true
	case len(w.parts) == 1 && !w.parts[0].variable:
		return w.parts[0].text, true
	}
	return "", false
}

// is says that the word is text, and which.
func (w *grubWord) is(text string) bool {
	got, ok := w.literal()
	return ok && got == text
}

// split gives the text before the word's first variable from part number on,
// and the place of that variable in parts; len(parts) where there is none.
func (w *grubWord) split(number int) (literal string, variable int) {
	if number < len(w.parts) && !w.parts[number].variable {
		literal = w.parts[number].text
		number++
	}
	return literal, number
}

// rest is how the script writes the word from a part on.
func (w *grubWord) rest(script string, part int) string {
	if part >= len(w.parts) {
		return ""
	}
	text := script[w.parts[part].start:w.end]
	if w.parts[part].quoted {
		return `"` + text
	}
	return text
}

// errOpen is a quote that the script's end leaves open.
var errOpen = errors.New("a quote is opened and not closed before the end of the file")

// grubLexer reads words. What ends one is the caller's to look at.
type grubLexer struct {
	script string
	at     int
	word   *grubWord
	text   strings.Builder
}

// space skips what stands between words: blanks, joined lines and comments.
func (l *grubLexer) space() {
	for l.at < len(l.script) {
		switch c := l.script[l.at]; {
		case c == ' ' || c == '\t' || c == '\r':
			l.at++
		case c == '\\' && l.lineEnd(l.at+1) > 0:
			l.newline(l.at + l.lineEnd(l.at+1))
		case c == '#':
			end := strings.IndexByte(l.script[l.at:], '\n')
			if end < 0 {
				end = len(l.script) - l.at
			}
			l.at += end
		default:
			return
		}
	}
}

// lineEnd is the length of the line end at a place, after the byte before it;
// 0 where there is none. GRUB sees no carriage returns.
func (l *grubLexer) lineEnd(at int) int {
	end := at
	for end < len(l.script) && l.script[end] == '\r' {
		end++
	}
	if end < len(l.script) && l.script[end] == '\n' {
		return end - at + 1
	}
	return 0
}

// newline goes on at a place, which is behind the line end's first byte, and
// past lines that begin with a number sign: GRUB drops these before it looks at
// anything else, so also within quotes.
func (l *grubLexer) newline(at int) {
	l.at = at + 1
	for l.at < len(l.script) && l.script[l.at] == '#' {
		end := strings.IndexByte(l.script[l.at:], '\n')
		if end < 0 {
			l.at = len(l.script)
			return
		}
		l.at += end + 1
	}
}

const grubEnds = " \t\r\n;&|<>{}"

// next reads the word that begins here. There is none at the end of the script
// and before what ends a word.
func (l *grubLexer) next() (*grubWord, error) {
	l.word = &grubWord{start: l.at}
	l.text.Reset()
	for l.at < len(l.script) && strings.IndexByte(grubEnds, l.script[l.at]) < 0 {
		var err error
		switch c := l.script[l.at]; {
		case c == '\'':
			err = l.single()
		case c == '"':
			err = l.double()
		case strings.HasPrefix(l.script[l.at:], `$"`): // a text to be translated
			l.at++
			err = l.double()
		case c == '\\':
			l.escape()
		case c == '$':
			l.variable(false)
		default:
			l.take()
		}
		if err != nil {
			return nil, err
		}
	}
	l.flush()
	l.word.end = l.at
	return l.word, nil
}

// take adds the byte that stands here.
func (l *grubLexer) take() {
	l.text.WriteByte(l.script[l.at])
	l.at++
}

func (l *grubLexer) flush() {
	if l.text.Len() > 0 {
		l.word.parts = append(l.word.parts, grubPart{text: l.text.String()})
		l.text.Reset()
	}
}

// escape reads a backslash outside quotes and what it stands before.
func (l *grubLexer) escape() {
	if n := l.lineEnd(l.at + 1); n > 0 {
		l.newline(l.at + n)
		return
	}
	if l.at++; l.at < len(l.script) {
		l.take()
	}
}

// single reads a quoted text of no meaning.
func (l *grubLexer) single() error {
	for l.at++; l.at < len(l.script); {
		switch c := l.script[l.at]; {
		case c == '\'':
			l.at++
			return nil
		case c == '\r':
			l.at++
		case c == '\n':
			l.text.WriteByte(c)
			l.newline(l.at)
		default:
			l.take()
		}
	}
	return errOpen
}

// double reads a quoted text with variables.
func (l *grubLexer) double() error {
	for l.at++; l.at < len(l.script); {
		switch c := l.script[l.at]; {
		case c == '"':
			l.at++
			return nil
		case c == '\r':
			l.at++
		case c == '\n':
			l.text.WriteByte(c)
			l.newline(l.at)
		case c == '\\' && l.lineEnd(l.at+1) > 0:
			l.newline(l.at + l.lineEnd(l.at+1))
		case c == '\\' && l.at+1 < len(l.script) && strings.IndexByte(`$\"`, l.script[l.at+1]) >= 0:
			l.at++
			l.take()
		case c == '$':
			l.variable(true)
		default:
			l.take()
		}
	}
	return errOpen
}

// variable reads $name or ${name}; another dollar is only a dollar.
func (l *grubLexer) variable(quoted bool) {
	name, braces := l.script[l.at+1:], 0
	if strings.HasPrefix(name, "{") {
		name, braces = name[1:], 2
	}
	n := variableName(name)
	if n == 0 || braces > 0 && !strings.HasPrefix(name[n:], "}") {
		l.take()
		return
	}
	l.flush()
	l.word.parts = append(l.word.parts, grubPart{text: name[:n], variable: true, quoted: quoted, start: l.at})
	l.at += 1 + n + braces
}

// variableName is the length of the variable's name that s begins with.
func variableName(s string) int {
	if s == "" {
		return 0
	}
	if strings.IndexByte("?#*@", s[0]) >= 0 {
		return 1
	}
	digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
	if digits > 0 {
		return digits
	}
	n := 0
	for n < len(s) && (s[n] == '_' || s[n]|0x20 >= 'a' && s[n]|0x20 <= 'z' || n > 0 && s[n] >= '0' && s[n] <= '9') {
		n++
	}
	return n
}

// quoteGRUB writes a text as a part of a word.
func quoteGRUB(text string) string {
	if strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:,()@%+=~-") == "" {
		return text
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`).Replace(text) + `"`
}
