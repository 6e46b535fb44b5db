package config

import (
	"fmt"
	"strings"
)

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

// Markdown renders docs/configuration.md.
func Markdown() string {
	var b strings.Builder
	b.WriteString(preface)
	group := ""
	for _, o := range options(new(Config)) {
		if o.group != group {
			group = o.group
			fmt.Fprintf(&b, "\n## [%s]\n\n| option | default | value | reload | meaning |\n| --- | --- | --- | --- | --- |\n", group)
		}
		meaning := o.help
		if len(o.old) > 0 {
			names := o.oldIDs()
			shown := make([]string, len(names))
			for i, n := range names {
				shown[i] = "`" + n.String() + "`"
			}
			meaning += " Deprecated: " + strings.Join(shown, ", ") + "."
		}
		if o.secret {
			meaning += " A secret: shown masked."
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", o.name, o.documentedDefault(), o.kind.name, yes(o.reload), meaning)
	}
	return b.String()
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

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}
