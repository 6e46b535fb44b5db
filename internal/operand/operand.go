// Package operand finds the files that the loading commands of a boot script
// name, and writes other names in their place. All else of the script stays as
// it is, to the byte.
//
// It knows the two languages as the firmware reads them: iPXE's as
// src/image/script.c, src/core/exec.c and src/core/getopt.c have it, GRUB's as
// grub-core/script/yylex.l and parser.y. What a name means, and what is to be
// written for it, is the caller's: this package reads no disk and knows no
// server.
package operand

import (
	"fmt"
	"strings"
)

// Resolve tells what to write in place of an operand.
//
// name is the operand as the firmware reads it, without quotes, up to the first
// setting (iPXE) or variable (GRUB) in it. whole says that there is none, so
// that name is all of the operand; what follows name otherwise stays as it is
// written. A Resolve that returns name leaves the operand alone.
type Resolve func(name string, whole bool) (string, error)

// Error is an operand that cannot be resolved, or a script that cannot be read.
type Error struct {
	Line int // the first one is 1
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap gives the resolver's own error.
func (e *Error) Unwrap() error { return e.Err }

// failed is an Error about the place at offset.
func failed(script string, offset int, err error) error {
	return &Error{Line: 1 + strings.Count(script[:offset], "\n"), Err: err}
}

// edit replaces script[start:end] by text.
type edit struct {
	start, end int
	text       string
}

// apply makes the edits, which are in the order of the script.
func apply(script string, edits []edit) string {
	if len(edits) == 0 {
		return script
	}
	var b strings.Builder
	at := 0
	for _, e := range edits {
		b.WriteString(script[at:e.start])
		b.WriteString(e.text)
		at = e.end
	}
	b.WriteString(script[at:])
	return b.String()
}
