package netboot

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// keptLogs names the environment variable with the folder in which the logs
// of failed tests stay. They are written there as they grow, so that even a
// test run that is killed leaves them, and removed when the test passes.
const keptLogs = "USHER_TEST_LOGS"

// tailLines is how much of a log an error or a failed test shows.
const tailLines = 40

// Log is what a program or a machine's serial line said so far. Readers wait
// for a text to appear in it.
type Log struct {
	mu      sync.Mutex
	text    []byte        // without escape sequences and carriage returns
	partial []byte        // an escape sequence that has not ended yet
	grown   chan struct{} // closed and replaced when text grows or ends
	ended   bool
	kept    io.Writer
}

// escapes are the terminal's control sequences, with which firmware places
// and colours its text, and carriage returns.
var escapes = regexp.MustCompile(`\x1b\[[0-9;?=]*[A-Za-z]|\x1b[()#%][0-9A-Za-z]|\x1b[=>78cDEHM]|\r`)

// newLog makes a log that is shown, and kept, if the test fails.
func newLog(tb testing.TB, name string) *Log {
	tb.Helper()
	l := &Log{grown: make(chan struct{}), kept: io.Discard}
	path := ""
	if folder := os.Getenv(keptLogs); folder != "" {
		test := strings.Map(func(r rune) rune {
			if strings.ContainsRune(`/\: `, r) {
				return '_'
			}
			return r
		}, tb.Name())
		path = filepath.Join(folder, fmt.Sprintf("%s-%d", test, os.Getpid()), name+".log")
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			tb.Fatal(err)
		}
		file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
		if err != nil {
			tb.Fatal(err)
		}
		l.kept = file
		tb.Cleanup(func() {
			_ = file.Close()
			if !tb.Failed() {
				_ = os.Remove(path)
				_ = os.Remove(filepath.Dir(path)) // goes with the last log
			}
		})
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("%s, last lines (all of it: %s):\n%s", name, cmp.Or(path, "set "+keptLogs+" to a folder"), l.Tail())
		}
	})
	return l
}

// Write appends to the log.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.kept.Write(p); err != nil {
		return 0, err
	}
	text := append(l.partial, p...)
	text = escapes.ReplaceAll(text, nil)
	// A sequence may be cut in two by the pipe.
	l.partial = nil
	if i := bytes.LastIndexByte(text, 0x1b); i >= 0 && len(text)-i < 16 {
		l.partial = bytes.Clone(text[i:])
		text = text[:i]
	}
	l.text = append(l.text, text...)
	l.wake()
	return len(p), nil
}

// end says that nothing more will come.
func (l *Log) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	l.wake()
}

func (l *Log) wake() {
	close(l.grown)
	l.grown = make(chan struct{})
}

// Wait returns when text has appeared anywhere in the log. It fails, showing
// the log's last lines, when ctx ends or the log does.
func (l *Log) Wait(ctx context.Context, text string) error {
	_, err := l.find(ctx, text, func([]byte) int { return 0 })
	return err
}

// WaitLine is Wait that waits for the end of the line too, and returns what
// follows text on it.
func (l *Log) WaitLine(ctx context.Context, text string) (rest string, err error) {
	return l.find(ctx, text, func(after []byte) int { return bytes.IndexByte(after, '\n') })
}

// find waits for text and for length, which is given what follows text, to
// say how much of that to return; below 0 means not yet.
func (l *Log) find(ctx context.Context, text string, length func(after []byte) int) (string, error) {
	from := 0
	for {
		l.mu.Lock()
		seen, ended, grown := l.text, l.ended, l.grown
		l.mu.Unlock()
		if i := bytes.Index(seen[from:], []byte(text)); i >= 0 {
			from += i
			after := seen[from+len(text):]
			if n := length(after); n >= 0 {
				return string(after[:n]), nil
			}
		} else {
			from = max(from, len(seen)-len(text)+1)
		}
		if ended {
			return "", fmt.Errorf("%q did not appear before the end; last lines:\n%s", text, l.Tail())
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return "", fmt.Errorf("%q did not appear: %w; last lines:\n%s", text, context.Cause(ctx), l.Tail())
		}
	}
}

// String is the whole log so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}

// Tail is the log's last lines.
func (l *Log) Tail() string {
	lines := strings.Split(strings.TrimSpace(l.String()), "\n")
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}
