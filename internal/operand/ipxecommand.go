package operand

import (
	"fmt"
	"strings"
)

// ipxeCommand is a command of iPXE's that loads files.
type ipxeCommand struct {
	// options are those that it knows, each as its short form, a colon where a
	// value follows it, else a hyphen, and its long form.
	options string
	// first and most say which of the words after the options are files.
	first, most int
	// named says that a file may also be an image that was loaded before, by
	// its name.
	named bool
}

const (
	all          = 1 << 20
	imageOptions = "n:name t:timeout q-quiet a-autofree r-replace"
	sanOptions   = "d:drive n-no-describe k-keep f:filename e:extra l:label u:uuid"
)

// ipxeCommands follows src/hci/commands. It never changes.
var ipxeCommands = map[string]ipxeCommand{
	"imgfetch": {options: imageOptions, most: 1},
	"module":   {options: imageOptions, most: 1},
	"initrd":   {options: imageOptions, most: 1},

	"imgselect": {options: imageOptions, most: 1, named: true},
	"imgload":   {options: imageOptions, most: 1, named: true},
	"kernel":    {options: imageOptions, most: 1, named: true},
	"imgexec":   {options: imageOptions, most: 1, named: true},
	"chain":     {options: imageOptions, most: 1, named: true},
	"boot":      {options: imageOptions, most: 1, named: true},
	"imgargs":   {options: imageOptions, most: 1, named: true},

	"shim":       {options: "t:timeout q-quiet l-require-loader p-allow-pxe s-allow-sbat", most: 1, named: true},
	"fdt":        {options: "t:timeout q-quiet", most: 1, named: true},
	"imgextract": {options: "n:name k-keep t:timeout q-quiet", most: 1, named: true},
	"imgdecrypt": {options: "n:name k-keep t:timeout q-quiet", most: 2, named: true},
	"imgverify":  {options: "s:signer k-keep t:timeout q-quiet", most: 2, named: true},
	"imgset":     {options: "k-keep t:timeout q-quiet", first: 1, most: 1, named: true},
	"certstore":  {options: "s:subject k-keep", most: 1, named: true},

	"sanboot": {options: sanOptions, most: all},
	"sanhook": {options: sanOptions, most: all},

	"md5sum":    {options: "s:set", most: all, named: true},
	"sha1sum":   {options: "s:set", most: all, named: true},
	"sha224sum": {options: "s:set", most: all, named: true},
	"sha256sum": {options: "s:set", most: all, named: true},
	"sha384sum": {options: "s:set", most: all, named: true},
	"sha512sum": {options: "s:set", most: all, named: true},
}

// call is a loading command of a script.
type call struct {
	ipxeCommand
	line  *ipxeLine
	files []token
	name  string // of the image, by --name
}

// parse reads the words of a loading command, its own name first, as iPXE's
// getopt does.
func (c ipxeCommand) parse(line *ipxeLine, words []token) (*call, error) {
	parsed := &call{ipxeCommand: c, line: line}
	rest := words[1:]
	for len(rest) > 0 && rest[0].text[0] == '-' {
		word := rest[0].text
		if rest = rest[1:]; word == "--" {
			break
		}
		value, n, err := c.option(word, rest)
		if err != nil {
			if absoluteAmong(rest) {
				return nil, nil // the file has its server with it, wherever it stands
			}
			return nil, fmt.Errorf("%s: %w", words[0].text, err)
		}
		if value.isName {
			parsed.name = value.text
		}
		rest = rest[n:]
	}
	rest = rest[min(c.first, len(rest)):]
	parsed.files = rest[:min(c.most, len(rest))]
	return parsed, nil
}

type optionValue struct {
	text   string
	isName bool
}

// option reads one word of options and says how many of the words after it are
// values.
func (c ipxeCommand) option(word string, rest []token) (v optionValue, n int, err error) {
	if long, ok := strings.CutPrefix(word, "--"); ok {
		long, inline, has := strings.Cut(long, "=")
		takes, known := c.knows(func(short, name string) bool { return name == long })
		return value(word, long == "name", takes, known, has, inline, rest)
	}
	for i := 1; i < len(word); i++ {
		takes, known := c.knows(func(short, name string) bool { return short == word[i:i+1] })
		if takes || !known {
			isName, _ := c.knows(func(short, name string) bool { return short == word[i:i+1] && name == "name" })
			return value(word, isName, takes, known, i+1 < len(word), word[i+1:], rest)
		}
	}
	if word == "-" {
		return value(word, false, false, false, false, "", rest)
	}
	return optionValue{}, 0, nil
}

// value is the value of an option: in the same word, or the next one.
func value(option string, isName, takes, known, has bool, inline string, rest []token) (v optionValue, n int, err error) {
	switch {
	case !known:
		return v, 0, fmt.Errorf("the option %.64q is not known here, so which word is the file cannot be told", option)
	case !takes:
		return v, 0, nil
	case has:
		return optionValue{inline, isName}, 0, nil
	case len(rest) == 0 || rest[0].text[0] == '-':
		return v, 0, fmt.Errorf("the option %.64q has no value", option)
	}
	return optionValue{rest[0].text, isName}, 1, nil
}

// knows looks for an option and says whether it takes a value.
func (c ipxeCommand) knows(match func(short, name string) bool) (takes, known bool) {
	for option := range strings.FieldsSeq(c.options) {
		if match(option[:1], option[2:]) {
			return option[1] == ':', true
		}
	}
	return false, false
}

// absoluteAmong says that one of the words is a file that needs no resolving.
func absoluteAmong(words []token) bool {
	for _, w := range words {
		if IsAbsoluteURI(w.text) || strings.HasPrefix(w.text, "${") {
			return true
		}
	}
	return false
}
