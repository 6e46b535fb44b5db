// Package redact hides secrets in text that people read: log lines, the
// journal, `usher config show` and the REST API share this one rule.
//
// It hides the password of a URL, and the value of every key=value pair whose
// key sounds like a secret, as kernel parameters and the queries of signed URLs
// have them. It cannot know a secret under an innocent name.
package redact

import (
	"regexp"
	"strings"
)

// Mask stands for a secret.
const Mask = "***"

// secretPair is key=value or key: value, where the key contains a word for a
// secret. An sshkey is a public key. The value is quoted, or ends where a
// kernel command line or a query would end it.
var secretPair = regexp.MustCompile(`(?i)([\w.%-]*(?:password|passwd|passphrase|rootpw|root_pw|secret|token|sslkey|signature|` +
	`credential|api_?key|apikey|accesskey|private_?key|_sig|\bsig)[\w.%-]*\s*[=:]\s*)` +
	`("[^"]*"|'[^']*'|[^\s"'&,;]+)`)

// Text returns s with its secrets hidden by Mask.
func Text(s string) string { return With(s, Mask) }

// With is Text with another mask, of no special characters: Ironic's API has
// six stars.
func With(s, mask string) string {
	if !strings.ContainsAny(s, "=:") {
		return s
	}
	return secretPair.ReplaceAllString(passwords(s, mask), "${1}"+mask)
}

// passwords hides the passwords of URLs. The last @ before the path ends the
// credentials, since a password may hold one.
func passwords(s, mask string) string {
	if !strings.Contains(s, "://") {
		return s
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "://")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString("://")
		end := strings.IndexAny(rest, "/?# \t\n\"'`<>")
		if end < 0 {
			end = len(rest)
		}
		if at := strings.LastIndexByte(rest[:end], '@'); at >= 0 {
			if user, _, has := strings.Cut(rest[:at], ":"); has {
				b.WriteString(user + ":" + mask)
				rest = rest[at:]
			}
		}
		s = rest
	}
}
