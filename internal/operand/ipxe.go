package operand

import (
	"net/url"
	"path"
	"regexp"
	"strings"
)

// IPXE resolves the files that an iPXE script loads.
//
// It asks resolve for relative URIs only. An operand that begins with a setting
// is the setting's value; where the script sets it once and for all, to a
// relative URI, that is resolved too. A word that is the name of an image which
// the script has loaded is not a file.
func IPXE(script string, resolve Resolve) (string, error) {
	s := &ipxeScript{text: script, resolve: resolve}
	if err := ipxeLines(script, s.read); err != nil {
		return "", err
	}
	images := s.images()
	for _, c := range s.calls {
		for _, file := range c.files {
			if c.named && images.may(s.known(file.text)) {
				continue
			}
			if err := s.rewrite(c.line, file); err != nil {
				return "", failed(script, c.line.at(file.start), err)
			}
		}
	}
	return apply(script, s.edits), nil
}

type ipxeScript struct {
	text    string
	resolve Resolve
	calls   []*call
	edits   []edit
	sets    []assignment
	words   map[string]int // how often each word stands as an argument
}

// assignment is a "set" that is a line's only command.
type assignment struct{ name, value string }

// read takes up the commands of a line.
func (s *ipxeScript) read(line *ipxeLine) error {
	commands := line.commands()
	for _, words := range commands {
		for _, w := range words[1:] {
			if s.words == nil {
				s.words = map[string]int{}
			}
			name, _, _ := strings.Cut(w.text, ":")
			s.words[name]++
		}
		if words[0].text == "set" && len(words) == 3 && len(commands) == 1 {
			s.sets = append(s.sets, assignment{words[1].text, words[2].text})
		}
		command, ok := ipxeCommands[words[0].text]
		if !ok {
			continue
		}
		c, err := command.parse(line, words)
		if err != nil {
			return failed(s.text, line.at(words[0].start), err)
		}
		if c != nil {
			s.calls = append(s.calls, c)
		}
	}
	return nil
}

// rewrite resolves one operand.
func (s *ipxeScript) rewrite(line *ipxeLine, file token) error {
	literal, rest, more := cutSetting(s.known(file.text))
	if literal == "" || IsAbsoluteURI(literal) {
		return nil
	}
	resolved, err := s.resolve(literal, !more)
	if err != nil || resolved == literal {
		return err
	}
	s.edits = append(s.edits, edit{line.at(file.start), line.at(file.end-1) + 1, resolved + rest})
	return nil
}

// known puts its value in place of a setting that an operand begins with, where
// that is a constant.
func (s *ipxeScript) known(operand string) string {
	if rest, ok := strings.CutPrefix(operand, "${"); ok {
		name, after, _ := strings.Cut(rest, "}")
		if value, ok := s.constant(name); ok {
			return value + after
		}
	}
	return operand
}

// cutSetting splits an operand before its first setting.
func cutSetting(operand string) (literal, rest string, found bool) {
	at := strings.Index(operand, "${")
	if at < 0 || !strings.Contains(operand[at:], "}") {
		return operand, "", false
	}
	return operand[:at], operand[at:], true
}

// constant is the value of a setting that the script sets once, whatever
// happens, and that no other command could change.
func (s *ipxeScript) constant(name string) (string, bool) {
	if s.words[name] != 1 {
		return "", false
	}
	for _, set := range s.sets {
		if set.name == name && !strings.Contains(set.value, "${") {
			return set.value, true
		}
	}
	return "", false
}

// imageNames are the names of images that a script loads.
type imageNames struct {
	names   map[string]bool
	unknown bool // there are others
}

// may says that a word could be an image's name.
func (i imageNames) may(word string) bool {
	return i.names[word] || i.unknown && !strings.Contains(word, "/") && !IsAbsoluteURI(word)
}

// images collects the names that the script's commands give to images: by
// --name, else the last part of the URI. A command that takes names gives none
// to the bare word that it was called with.
func (s *ipxeScript) images() imageNames {
	found := imageNames{names: map[string]bool{}}
	for _, c := range s.calls {
		name := c.name
		if name == "" && len(c.files) > 0 {
			file := s.known(c.files[0].text)
			if name = imageName(file); c.named && name == file {
				continue
			}
		}
		if strings.Contains(name, "${") {
			found.unknown = true
		} else if name != "" {
			found.names[name] = true
		}
	}
	return found
}

// imageName is the name that iPXE gives to an image of a URI.
func imageName(uri string) string {
	if at := strings.IndexAny(uri, "?#"); at >= 0 {
		uri = uri[:at]
	}
	name := path.Base("/" + uri)
	if decoded, err := url.PathUnescape(name); err == nil {
		name = decoded
	}
	return strings.TrimPrefix(name, "/")
}

// IsAbsoluteURI says whether iPXE takes a URI for one that needs no base: one
// with a scheme. "//host/path" is only a path to it.
func IsAbsoluteURI(uri string) bool { return absoluteURI.MatchString(uri) }

var absoluteURI = regexp.MustCompile(`^[A-Za-z_-]*:`)
