// Package roff writes manual pages in the macros of man(7), which man and
// mandoc both read. It knows pages, not commands: what a page says, its caller
// knows.
package roff

import (
	"fmt"
	"strings"
)

// Page is a manual page in the making. Text may hold `code`, which is shown
// bold.
type Page struct{ b strings.Builder }

// New begins a page: its title ("usher-serve"), its section (1), what the
// footer calls its source ("usher 1.0") and the manual it belongs to. It has no
// date, so that the same program always has the same pages.
func New(title string, section int, source, manual string) *Page {
	p := &Page{}
	// Left-aligned: long values of options leave lines that cannot be adjusted.
	fmt.Fprintf(&p.b, ".TH %s %d \"\" %s %s\n.ad l\n", quote(strings.ToUpper(title)), section, quote(source), quote(manual))
	return p
}

// Section begins a section. Its first paragraph needs no Text of its own.
func (p *Page) Section(name string) { fmt.Fprintf(&p.b, ".SH %s\n", quote(name)) }

// Text is a paragraph; each empty line in it begins another.
func (p *Page) Text(text string) {
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		p.b.WriteString(".PP\n")
		p.line(inline(paragraph))
	}
}

// Name is the NAME section, of which whatis(1) makes its list.
func (p *Page) Name(name, about string) {
	p.Section("NAME")
	p.line(Escape(name) + ` \- ` + inline(about))
}

// Item is a paragraph under a term; term is Bold and Argument.
func (p *Page) Item(term, text string) {
	p.b.WriteString(".TP\n")
	p.line(term)
	p.line(inline(text))
}

// Line is a line of roff as it is, made of Bold, Argument and Escape.
func (p *Page) Line(roff string) { p.line(roff) }

// Code is an example, shown as it is.
func (p *Page) Code(text string) {
	p.b.WriteString(".PP\n.in +4n\n.nf\n")
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		p.line(Escape(line))
	}
	p.b.WriteString(".fi\n.in\n")
}

// String is the page.
func (p *Page) String() string { return p.b.String() }

// line writes one line that is no request.
func (p *Page) line(s string) {
	for line := range strings.SplitSeq(s, "\n") {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			line = `\&` + line
		}
		p.b.WriteString(line + "\n")
	}
}

// Bold is what is typed as it is.
func Bold(s string) string { return `\fB` + Escape(s) + `\fR` }

// Argument is what stands for something else.
func Argument(s string) string { return `\fI` + Escape(s) + `\fR` }

// Escape makes roff show the text as it is. A list without spaces may be broken
// after each comma, since the longest fit in no line.
func Escape(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(s)
	return strings.ReplaceAll(strings.ReplaceAll(s, ",", `,\:`), `,\: `, ", ")
}

// quote is an argument of a macro.
func quote(s string) string { return `"` + strings.ReplaceAll(Escape(s), `"`, `\(dq`) + `"` }

// inline turns `code` bold.
func inline(text string) string {
	var b strings.Builder
	for i, part := range strings.Split(text, "`") {
		if i%2 == 1 {
			b.WriteString(Bold(part))
		} else {
			b.WriteString(Escape(part))
		}
	}
	return b.String()
}
