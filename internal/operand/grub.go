package operand

import (
	"errors"
	"regexp"
	"strings"
)

// GRUB resolves the files that a GRUB script loads.
//
// It asks resolve for names without a device only, and for none where the
// script has chosen the device itself, by setting "root". An operand that
// begins with a variable is the variable's value; where the script sets it once
// and for all, to a name without a device, that is resolved too.
func GRUB(script string, resolve Resolve) (string, error) {
	g := &grubScript{text: script}
	if err := g.parse(); err != nil {
		return "", err
	}
	var edits []edit
	for _, f := range g.files {
		if f.rootSet {
			continue
		}
		text, err := g.rewrite(f, resolve)
		if err != nil {
			return "", failed(script, f.word.start, err)
		}
		if text != "" {
			edits = append(edits, edit{f.word.start, f.word.end, text})
		}
	}
	return apply(script, edits), nil
}

// grubFile is an operand of a loading command.
type grubFile struct {
	word    *grubWord
	rootSet bool // by the script, before
	newc    bool // it may be newc:NAME:FILE
}

// grubLoads says which words after a loading command's options are files.
type grubLoads struct {
	options     bool // it may have some
	first, most int
	newc        bool
}

// grubCommands follows grub-core/loader and grub-core/commands. It never changes.
var grubCommands = map[string]grubLoads{
	"linux": {most: 1}, "linux16": {most: 1}, "linuxefi": {most: 1},
	"initrd": {most: all, newc: true}, "initrd16": {most: all, newc: true}, "initrdefi": {most: all, newc: true},
	"multiboot": {options: true, most: 1}, "multiboot2": {options: true, most: 1},
	"module": {options: true, most: 1}, "module2": {options: true, most: 1},
	"xen_hypervisor": {options: true, most: 1}, "xen_module": {options: true, most: 1},
	"chainloader": {options: true, most: 1}, "devicetree": {most: 1},
	"loopback":   {options: true, first: 1, most: 1},
	"configfile": {most: 1}, "source": {most: 1}, ".": {most: 1}, "normal": {most: 1},
	"extract_entries_source": {most: 1}, "extract_entries_configfile": {most: 1}, "legacy_configfile": {most: 1},
}

// rewrite gives what to write for an operand, or nothing.
func (g *grubScript) rewrite(f grubFile, resolve Resolve) (string, error) {
	literal, next := f.word.split(0)
	prefix := ""
	if f.newc && strings.HasPrefix(literal, "newc:") {
		name := strings.IndexByte(literal[len("newc:"):], ':')
		if name < 0 {
			return "", nil
		}
		file := len("newc:") + name + 1
		prefix, literal = literal[:file], literal[file:]
	}
	if literal == "" && next < len(f.word.parts) {
		value, ok := g.constant(f.word.parts[next].text)
		if !ok {
			return "", nil
		}
		literal, next = f.word.split(next + 1)
		literal = value + literal
	}
	whole := next == len(f.word.parts)
	if literal == "" || literal[0] == '(' || blockList.MatchString(literal) {
		return "", nil
	}
	resolved, err := resolve(literal, whole)
	if err != nil || resolved == literal {
		return "", err
	}
	return quoteGRUB(prefix+resolved) + f.word.rest(g.text, next), nil
}

// blockList is a part of a disk, which is not a file.
var blockList = regexp.MustCompile(`^[0-9]*\+[0-9]+(,|$)`)

// grubScript is a script and what it does.
type grubScript struct {
	text    string
	words   []*grubWord // of the command that is being read
	blocks  []grubBlock
	rootSet bool
	files   []grubFile
	nested  int // in how many of if, for, while and until
	values  map[string][]grubValue
	named   map[string]int // how often a name that is no assignment stands somewhere
}

type grubBlock struct {
	start   int
	rootSet bool // before it
	keeps   bool // what it sets stays set
}

// grubValue is a value that a variable is given.
type grubValue struct {
	text  string
	known bool // the text is all of it, and it is set whatever happens
}

var errBlock = errors.New("a block is opened and not closed before the end of the file")

// parse reads the script.
func (g *grubScript) parse() error {
	g.values, g.named = map[string][]grubValue{}, map[string]int{}
	l := &grubLexer{script: g.text}
	l.newline(-1)
	for {
		l.space()
		if l.at == len(g.text) {
			g.command()
			break
		}
		switch c := g.text[l.at]; c {
		case '\n':
			g.command()
			l.newline(l.at)
		case '{':
			g.open(l.at)
			l.at++
		case '}':
			g.command()
			g.close()
			l.at++
		case ';', '&', '|', '<', '>':
			g.command()
			l.at++
		default:
			start := l.at
			word, err := l.next()
			if err != nil {
				return failed(g.text, start, err)
			}
			g.add(word)
		}
	}
	if len(g.blocks) > 0 {
		return failed(g.text, g.blocks[len(g.blocks)-1].start, errBlock)
	}
	return nil
}

// add adds a word to the command, or begins a new one where the word is one of
// the language's own before a command.
func (g *grubScript) add(word *grubWord) {
	if len(g.words) > 0 {
		g.words = append(g.words, word)
		return
	}
	switch text, _ := word.literal(); text {
	case "if", "while", "until":
		g.nested++
	case "for":
		g.nested++
		g.words = append(g.words, word)
	case "fi", "done":
		g.nested--
	case "then", "else", "elif", "do", "!", "time":
	default:
		g.words = append(g.words, word)
	}
}

// open begins a block.
func (g *grubScript) open(at int) {
	b := grubBlock{start: at, rootSet: g.rootSet, keeps: true}
	if len(g.words) > 0 && (g.words[0].is("menuentry") || g.words[0].is("submenu")) {
		b.keeps = false // it runs on its own, later
	}
	g.command()
	g.blocks = append(g.blocks, b)
}

func (g *grubScript) close() {
	if len(g.blocks) == 0 {
		return // GRUB says so, and goes on
	}
	b := g.blocks[len(g.blocks)-1]
	g.blocks = g.blocks[:len(g.blocks)-1]
	if !b.keeps {
		g.rootSet = b.rootSet
	}
}

// command takes up a whole command.
func (g *grubScript) command() {
	words := g.words
	g.words = nil
	if len(words) == 0 {
		return
	}
	name, ok := words[0].literal()
	if !ok && len(words) > 1 {
		return // it is called something that only GRUB knows
	}
	if len(words) == 1 {
		g.assign(words[0])
		return
	}
	if name == "set" && len(words) == 2 {
		g.assign(words[1])
		return
	}
	g.mention(name, words[1:])
	loads, ok := grubCommands[name]
	if !ok {
		return
	}
	rest := words[1:]
	for loads.options && len(rest) > 0 && len(rest[0].parts) > 0 && strings.HasPrefix(rest[0].parts[0].text, "-") && !rest[0].parts[0].variable {
		rest = rest[1:]
	}
	rest = rest[min(loads.first, len(rest)):]
	for _, w := range rest[:min(loads.most, len(rest))] {
		g.files = append(g.files, grubFile{w, g.rootSet, loads.newc})
	}
}

// assign takes up NAME=VALUE.
func (g *grubScript) assign(word *grubWord) {
	text, _ := word.split(0)
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		return
	}
	_, whole := word.literal()
	g.values[name] = append(g.values[name], grubValue{value, whole && g.nested == 0 && len(g.blocks) == 0})
	if name == "root" {
		g.rootSet = true
	}
}

// mention notes what variables a command that is no assignment may set.
func (g *grubScript) mention(name string, words []*grubWord) {
	for _, w := range words {
		text, _ := w.split(0)
		g.named[text[strings.LastIndexAny(text, "=:")+1:]]++
	}
	if setsRoot(name, words) {
		g.rootSet = true
	}
}

// setsRoot says that a command may set the variable root: "search --set",
// "search.file NAME", "regexp --set 1:root", "read root".
func setsRoot(name string, words []*grubWord) bool {
	search := name == "search" || strings.HasPrefix(name, "search.") || strings.HasPrefix(name, "search_fs_")
	switch {
	case search, name == "probe", name == "regexp", name == "smbios", name == "read", name == "for", name == "unset":
	default:
		return false
	}
	if search && name != "search" && len(words) == 1 {
		return true
	}
	for _, w := range words {
		text, _ := w.split(0)
		if text[strings.LastIndexAny(text, "=:")+1:] == "root" || search && (text == "--set" || text == "-s") {
			return true
		}
	}
	return false
}

// constant is the value of a variable that the script sets once, whatever
// happens, and that no other command could change.
func (g *grubScript) constant(name string) (string, bool) {
	if v := g.values[name]; len(v) == 1 && v[0].known && g.named[name] == 0 {
		return v[0].text, true
	}
	return "", false
}
