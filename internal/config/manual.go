package config

import (
	"fmt"
	"strings"

	"github.com/usher-boot/usher/internal/roff"
)

// Manual renders usher.conf(5) for a version of the program.
func Manual(version string) string {
	p := roff.New("usher.conf", 5, "usher "+version, "Usher")
	p.Name("usher.conf", "configuration of usher")
	p.Section("SYNOPSIS")
	p.Line(roff.Argument("/etc/usher/usher.conf"))
	p.Section("DESCRIPTION")
	_, text, _ := strings.Cut(preface, "# Configuration\n\n") // the same words as in docs/configuration.md
	for block := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		switch {
		case strings.HasPrefix(block, "    "):
			p.Code(strings.ReplaceAll(block[4:], "\n    ", "\n"))
		case strings.HasPrefix(block, "- "):
			for item := range strings.SplitSeq(block[2:], "\n- ") {
				p.Item(`\(bu`, strings.ReplaceAll(item, "\n  ", "\n"))
			}
		default:
			p.Text(block)
		}
	}
	group := ""
	for _, o := range options(new(Config)) {
		if o.group != group {
			group = o.group
			p.Section("[" + group + "]")
		}
		meaning := fmt.Sprintf("%s\nValue: %s. Default: %s.", o.help, o.kind.name, o.documentedDefault())
		if o.reload {
			meaning += " Reload: yes."
		}
		p.Item(roff.Bold(o.name), meaning)
	}
	p.Section("SEE ALSO")
	p.Line(roff.Bold("usher") + "(1), " + roff.Bold("usher-config-show") + "(1)")
	return p.String()
}
