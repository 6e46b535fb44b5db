package operand

import (
	"bytes"
	"sort"
	"strings"
)

// ipxeLine is a line of an iPXE script as iPXE puts it together: backslashes at
// the ends of lines join them, and a carriage return before the end is dropped.
type ipxeLine struct {
	text   string
	pieces []piece
}

// piece says where in the script a part of a line's text stands.
type piece struct{ text, script int }

// at is the place in the script of the line's byte i.
func (l *ipxeLine) at(i int) int {
	after := sort.Search(len(l.pieces), func(n int) bool { return l.pieces[n].text > i })
	p := l.pieces[after-1]
	return p.script + i - p.text
}

// ipxeLines yields the lines that iPXE executes. One that ends the script in a
// backslash is not executed.
func ipxeLines(script string, yield func(*ipxeLine) error) error {
	var pieces []piece
	var text []byte
	for at := 0; at < len(script); {
		fragment := script[at:]
		if end := strings.IndexByte(fragment, '\n'); end >= 0 {
			fragment = fragment[:end]
		}
		pieces = append(pieces, piece{len(text), at})
		text = bytes.TrimSuffix(append(text, fragment...), []byte("\r"))
		at += len(fragment) + 1
		if rest, more := bytes.CutSuffix(text, []byte(`\`)); more {
			text = rest
			continue
		}
		if err := yield(&ipxeLine{string(text), pieces}); err != nil {
			return err
		}
		pieces, text = nil, text[:0]
	}
	return nil
}

// token is a word of a line.
type token struct {
	text       string
	start, end int // in the line's text
}

const ipxeSpace = " \t\n\v\f\r"

// commands splits a line into its commands and their words. iPXE knows no
// quotes. alone says that the line is one command only.
func (l *ipxeLine) commands() (commands [][]token) {
	words := l.words()
	if len(words) == 0 {
		return nil
	}
	if label := words[0]; label.text[0] == ':' {
		// iPXE takes ":label command" for a label, and then the command.
		words = words[1:]
	}
	for begin := 0; ; {
		end := begin
		for end < len(words) && !endsCommand(words[end].text) {
			end++
		}
		if end > begin {
			commands = append(commands, words[begin:end])
		}
		if end == len(words) || words[end].text[0] == '#' {
			return commands
		}
		begin = end + 1
	}
}

// endsCommand says that a word ends its command: the rest is another one, or a
// comment.
func endsCommand(word string) bool {
	return word == "||" || word == "&&" || word == ";" || word[0] == '#'
}

func (l *ipxeLine) words() (words []token) {
	for i := 0; i < len(l.text); {
		if strings.IndexByte(ipxeSpace, l.text[i]) >= 0 {
			i++
			continue
		}
		end := i + 1
		for end < len(l.text) && strings.IndexByte(ipxeSpace, l.text[end]) < 0 {
			end++
		}
		words = append(words, token{l.text[i:end], i, end})
		i = end
	}
	return words
}
