package config

import (
	"fmt"
	"strings"

	"github.com/usher-boot/usher/internal/roff"
)

// preface begins docs/configuration.md and the manual page.
const preface = `<!-- Generated from the table in internal/config/options.go. Change that, then run: go generate ./internal/config -->

# Configuration

Usher reads the files of oslo.config, as Ironic has them, exactly as oslo.config reads them: ` + "`--config-file FILE`" + `
(repeatable, later ones win), then the ` + "`*.conf`" + ` files of each ` + "`--config-dir DIR`" + ` in order of their names.
An environment variable ` + "`OS_<GROUP>__<OPTION>`" + ` (capitals, two underscores) wins over all files.
` + "`usher config show`" + ` tells each value and where it comes from.

    [pxe]
    # A comment is a line that starts with # or ;
    tftp_server = $my_ip
    kernel_append_params = console=ttyS0
    [deploy]
    http_url = http://${my_ip}:8080

- ` + "`$name`" + ` and ` + "`${name}`" + ` are options of the same group, else of ` + "`[DEFAULT]`" + `; ` + "`${group.name}`" + ` is one of another group.
  A dollar sign is ` + "`$$`" + `.
- The last of several equal options counts, in one section or in several of the same name.
- An indented line continues the option before it.
- ` + "`[DEFAULT]`" + ` is in capitals. Sections and options that Usher does not have are ignored, in ` + "`[usher]`" + ` refused.
- Times are seconds. "Reload" marks what takes effect on SIGHUP; the rest needs a restart.
`

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

func (o *option) documentedDefault() string {
	switch {
	case o.compute != nil:
		return o.computed
	case o.def == "":
		return "unset"
	}
	return "`" + o.def + "`"
}
