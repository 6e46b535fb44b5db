package netboot

import (
	"context"
	"strings"
	"testing"
)

func TestLog(t *testing.T) {
	l := newLog(t, "serial")
	for _, part := range []string{"\x1b[2J\x1b[0;3", "6mUSHER-\x1b", "[0mBOO", "TED one two\r\n", "last"} {
		if _, err := l.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	rest, err := l.WaitLine(t.Context(), "USHER-BOOTED ")
	if err != nil || rest != "one two" {
		t.Errorf("WaitLine = %q, %v; want the rest of the line without control sequences", rest, err)
	}
	if err := l.Wait(t.Context(), "last"); err != nil {
		t.Errorf("Wait for text without an end of line: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.WaitLine(ended, "last"); err == nil || !strings.Contains(err.Error(), "one two\nlast") {
		t.Errorf("WaitLine with no end of line = %v; want an error that shows the log's last lines", err)
	}
}

// TestLogWaits: a reader is woken by what comes later, even in pieces, and by
// the end.
func TestLogWaits(t *testing.T) {
	l := newLog(t, "serial")
	waited := make(chan error)
	for _, text := range []string{"marker", "never"} {
		go func() { waited <- l.Wait(t.Context(), text) }()
	}
	for _, part := range []string{"noise mar", "ker"} {
		if _, err := l.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-waited; err != nil {
		t.Errorf("Wait for what came in two pieces: %v", err)
	}
	l.end()
	if err := <-waited; err == nil {
		t.Error("Wait for what never came should fail when the log ends")
	}
}
