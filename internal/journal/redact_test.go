package journal

import (
	"strings"
	"testing"

	"github.com/usher-boot/usher/internal/dispatch"
)

// TestRedactBeforeCut: a text that is cut within a URL shows nothing of its
// password either.
func TestRedactBeforeCut(t *testing.T) {
	var r record
	r.set(1, &dispatch.Decision{}, strings.Repeat("x", maxError-len("mysql://u:pass"))+"mysql://u:password@db")
	if got := r.entry().Error; strings.Contains(got, "pass") || len(got) != maxError {
		t.Errorf("%d bytes, ending in %s", len(got), got[len(got)-20:])
	}
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"refused":                        "refused",
		`Get "http://images/k": refused`: `Get "http://images/k": refused`,
		`Get "http://me:pa%20ss@images:80/k?a=b@c": refused`:       `Get "http://***@images:80/k?a=b@c": refused`,
		"mysql+pymysql://u:p@ss@db and postgresql://x@y/z at a@b.": "mysql+pymysql://***@db and postgresql://***@y/z at a@b.",
		"://": "://",
	} {
		if got := redact(in); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}
