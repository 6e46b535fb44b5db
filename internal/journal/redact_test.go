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
