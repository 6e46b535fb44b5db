package roff

import "testing"

func TestPage(t *testing.T) {
	p := New("usher-node", 1, `usher 1.0 "rc"`, "Usher")
	p.Name("usher-node", "nodes, as `usher node`")
	p.Text(".leading dot\n'quote, `code` and a\\b\n\nsecond paragraph")
	p.Item(Bold("--mac")+"="+Argument("MAC"), "an address: a,b")
	p.Code("a  b\n.c\n")
	const want = `.TH "USHER\-NODE" 1 "" "usher 1.0 \(dqrc\(dq" "Usher"
.ad l
.SH "NAME"
usher\-node \- nodes, as \fBusher node\fR
.PP
\&.leading dot
\(aqquote, \fBcode\fR and a\eb
.PP
second paragraph
.TP
\fB\-\-mac\fR=\fIMAC\fR
an address: a,\:b
.PP
.in +4n
.nf
a  b
\&.c
.fi
.in
`
	if got := p.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
