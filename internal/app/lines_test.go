package app

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// slowly is a log that takes its time.
type slowly struct {
	bytes.Buffer
	writes int
	pause  time.Duration
}

func (s *slowly) Write(p []byte) (int, error) {
	time.Sleep(s.pause)
	s.writes++
	return s.Buffer.Write(p)
}

// Lines arrive whole, all, in the order of each writer, in few writes, and
// before flush returns.
func TestLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &slowly{pause: time.Second}
		l := newLines(w)
		const writers, each = 8, 100
		var group sync.WaitGroup
		for writer := range writers {
			group.Go(func() {
				for i := range each {
					fmt.Fprintf(l, "%d %d\n", writer, i)
				}
			})
		}
		group.Wait()
		l.flush()
		next := [writers]int{}
		for line := range strings.Lines(w.String()) {
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
		if w.writes > writers {
			t.Errorf("%d writes", w.writes)
		}
		fmt.Fprintln(l, "last")
		l.flush()
		if !strings.HasSuffix(w.String(), "\nlast\n") {
			t.Error("the last line is missing")
		}
	})
}

// A log that does not keep up holds the writers, not ever more memory.
func TestLinesBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &slowly{pause: time.Second}
		l := newLines(w)
		line := []byte(strings.Repeat("x", mostBehind/4) + "\n")
		start := time.Now()
		for range 20 {
			if _, err := l.Write(line); err != nil {
				t.Fatal(err)
			}
			l.mu.Lock()
			waiting := len(l.buffer)
			l.mu.Unlock()
			if waiting > mostBehind+len(line) {
				t.Fatalf("%d bytes wait", waiting)
			}
		}
		if time.Since(start) == 0 {
			t.Error("nobody was held")
		}
		l.flush()
		if w.Len() != 20*len(line) {
			t.Errorf("%d bytes written", w.Len())
		}
	})
}
