package testenv

import (
	"fmt"
	"strings"
)

// Config is the text of a configuration file; options read "[group]name=value".
func Config(options ...string) string {
	var text strings.Builder
	for _, o := range options {
		group, option, _ := strings.Cut(strings.TrimPrefix(o, "["), "]")
		fmt.Fprintf(&text, "[%s]\n%s\n", group, option)
	}
	return text.String()
}
