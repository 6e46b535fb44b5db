package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Run prints a script made from the grammar itself. Bash's serves zsh too,
// through zsh's own bridge.
func (c *completionCmd) Run(s *session) error {
	words := map[string][]string{}
	collect(s.model.Node, "", nil, words)
	values := withValue(s.model.Node, map[string]bool{})
	switch c.Shell {
	case "fish":
		fishCompletion(s.Stdout, words, values)
	case "zsh":
		fmt.Fprintln(s.Stdout, "#compdef usher\nautoload -U +X bashcompinit && bashcompinit")
		bashCompletion(s.Stdout, words, values)
	default:
		bashCompletion(s.Stdout, words, values)
	}
	return nil
}

// collect lists what may follow each chain of commands ("node add").
func collect(n *kong.Node, path string, inherited []string, words map[string][]string) {
	flags := append([]string{}, inherited...)
	for _, f := range n.Flags {
		flags = append(flags, "--"+f.Name)
	}
	words[path] = append(words[path], flags...)
	for _, child := range n.Children {
		if child.Type != kong.CommandNode || child.Hidden {
			continue
		}
		words[path] = append(words[path], child.Name)
		collect(child, strings.TrimSpace(path+" "+child.Name), flags, words)
	}
}

// withValue are the flags after which something of the user's own comes, often a
// file: none of our words.
func withValue(n *kong.Node, flags map[string]bool) map[string]bool {
	for _, f := range n.Flags {
		if !f.IsBool() {
			flags["--"+f.Name] = true
		}
	}
	for _, child := range n.Children {
		withValue(child, flags)
	}
	return flags
}

func bashCompletion(w io.Writer, words map[string][]string, values map[string]bool) {
	fmt.Fprint(w, `_usher() {
  local cur path word words
  cur=${COMP_WORDS[COMP_CWORD]}
  path=""
  COMPREPLY=()
`)
	fmt.Fprintf(w, "  case ${COMP_WORDS[COMP_CWORD-1]} in %s) return ;; esac\n", strings.Join(slices.Sorted(maps.Keys(values)), "|"))
	fmt.Fprint(w, `  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in -*) ;; *) path="${path:+$path }$word" ;; esac
  done
  while :; do
    case $path in
`)
	for _, path := range sortedPaths(words) {
		fmt.Fprintf(w, "      %q) words=%q; break ;;\n", path, strings.Join(words[path], " "))
	}
	fmt.Fprint(w, `    esac
    case $path in *" "*) path=${path% *} ;; *) path="" ;; esac
  done
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _usher usher
`)
}

func fishCompletion(w io.Writer, words map[string][]string, values map[string]bool) {
	for _, path := range sortedPaths(words) {
		condition := "__fish_use_subcommand"
		if path != "" {
			condition = "__fish_seen_subcommand_from " + path[strings.LastIndexByte(path, ' ')+1:]
		}
		for _, word := range words[path] {
			if flag, ok := strings.CutPrefix(word, "--"); ok {
				value := ""
				if values[word] {
					value = " -r"
				}
				fmt.Fprintf(w, "complete -c usher -n %q -l %s%s\n", condition, flag, value)
			} else {
				fmt.Fprintf(w, "complete -c usher -f -n %q -a %s\n", condition, word)
			}
		}
	}
}

func sortedPaths(words map[string][]string) []string {
	return slices.Sorted(maps.Keys(words))
}
