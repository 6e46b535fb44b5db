package config

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/configuration.md")

func TestMarkdown(t *testing.T) {
	const path = "../../docs/configuration.md"
	if *update {
		if err := os.WriteFile(path, []byte(markdown()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(markdown(), string(got)); diff != "" {
		t.Errorf("docs/configuration.md is old, run go generate ./internal/config (-table +file):\n%s", diff)
	}
}

// markdown renders docs/configuration.md.
func markdown() string {
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

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}
