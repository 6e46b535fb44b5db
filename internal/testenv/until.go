package testenv

import (
	"testing"
	"time"
)

// Until asks what has no way to tell us until it is so; after the limit the
// test fails.
func Until(tb testing.TB, limit time.Duration, what string, so func() bool) {
	tb.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(limit); !so(); <-tick.C {
		if time.Now().After(deadline) {
			tb.Fatalf("it is not so after %v that %s", limit, what)
		}
	}
}
