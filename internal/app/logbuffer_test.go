package app

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// writes are the writes to a log.
type writes struct {
	mu  sync.Mutex
	all []string
}

func (w *writes) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, string(p))
	return len(p), nil
}

// take returns the writes since the last time.
func (w *writes) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.all
	w.all = nil
	return all
}

// TestLogBuffer: a line alone is written before Write returns, those that come
// close together are written together, soon, and all are when flush returns.
func TestLogBuffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got writes
		l := newLogBuffer(&got)
		next := func(want ...string) {
			t.Helper()
			if got := got.take(); !slices.Equal(got, want) {
				t.Errorf("written %q, want %q", got, want)
			}
		}
		for range 3 {
			time.Sleep(logPause)
			fmt.Fprintln(l, "alone")
			next("alone\n")
		}
		for i := range 3 {
			fmt.Fprintln(l, i)
		}
		next()
		time.Sleep(logPause)
		synctest.Wait()
		next("0\n1\n2\n")
		fmt.Fprintln(l, "last")
		l.flush()
		next("last\n")
		time.Sleep(2 * logPause)
		synctest.Wait()
		next()
	})
}

// TestLogBufferFull: as many lines as there may be arrive whole, in the order of
// each writer, and what waits is bounded.
func TestLogBufferFull(t *testing.T) {
	var got writes
	l := newLogBuffer(&got)
	const writers, each = 8, 4000
	var all sync.WaitGroup
	for writer := range writers {
		all.Go(func() {
			for i := range each {
				fmt.Fprintf(l, "%d %d%s\n", writer, i, strings.Repeat(" ", 40))
			}
		})
	}
	all.Wait()
	l.flush()
	next := [writers]int{}
	texts := got.take()
	for _, text := range texts {
		if len(text) > logMost {
			t.Errorf("%d bytes waited", len(text))
		}
	}
	for line := range strings.Lines(strings.Join(texts, "")) {
		var writer, i int
		if _, err := fmt.Sscanf(line, "%d %d\n", &writer, &i); err != nil || i != next[writer] {
			t.Fatalf("line %q: %v, want %d", line, err, next[writer])
		}
		next[writer]++
	}
	for writer, n := range next {
		if n != each {
			t.Errorf("writer %d: %d lines", writer, n)
		}
	}
	huge := bytes.Repeat([]byte("x"), 2*logMost)
	if n, err := l.Write(huge); n != len(huge) || err != nil {
		t.Errorf("a line longer than the buffer: %d, %v", n, err)
	}
	l.flush()
	if texts := got.take(); len(texts) != 1 || len(texts[0]) != len(huge) {
		t.Errorf("%d writes of a line longer than the buffer", len(texts))
	}
}
