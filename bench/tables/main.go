// Command tables works on the results of bench/run.
//
//	tables show FILE.json            the tables
//	tables compare OLD.json NEW.json
//	tables into FILE.json DOC.md     puts the tables into a document
package main

import (
	"fmt"
	"os"

	"github.com/usher-boot/usher/bench"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "tables:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var command string
	if len(args) > 0 {
		command, args = args[0], args[1:]
	}
	arguments := map[string]int{"show": 1, "compare": 2, "into": 2}
	if n, known := arguments[command]; !known || len(args) != n {
		return fmt.Errorf("use: show FILE.json, compare OLD.json NEW.json, or into FILE.json DOC.md")
	}
	first, err := bench.Read(args[0])
	if err != nil {
		return err
	}
	switch command {
	case "show":
		fmt.Print(first.Markdown())
	case "compare":
		second, err := bench.Read(args[1])
		if err != nil {
			return err
		}
		fmt.Print(bench.Compare(first, second))
	case "into":
		return first.Into(args[1])
	}
	return nil
}
