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
	switch c.Shell {
	case "fish":
		fishCompletion(s.Stdout, words)
	case "zsh":
		fmt.Fprintln(s.Stdout, "#compdef usher\nautoload -U +X bashcompinit && bashcompinit")
		bashCompletion(s.Stdout, words)
	default:
		bashCompletion(s.Stdout, words)
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

func bashCompletion(w io.Writer, words map[string][]string) {
	fmt.Fprint(w, `_usher() {
  local cur path word words
  cur=${COMP_WORDS[COMP_CWORD]}
  path=""
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
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

func fishCompletion(w io.Writer, words map[string][]string) {
	for _, path := range sortedPaths(words) {
		condition := "__fish_use_subcommand"
		if path != "" {
			condition = "__fish_seen_subcommand_from " + path[strings.LastIndexByte(path, ' ')+1:]
		}
		for _, word := range words[path] {
			if flag, ok := strings.CutPrefix(word, "--"); ok {
				fmt.Fprintf(w, "complete -c usher -n %q -l %s\n", condition, flag)
			} else {
				fmt.Fprintf(w, "complete -c usher -f -n %q -a %s\n", condition, word)
			}
		}
	}
}

func sortedPaths(words map[string][]string) []string {
	return slices.Sorted(maps.Keys(words))
}
