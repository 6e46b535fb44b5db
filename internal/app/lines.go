package app

import (
	"io"
	"runtime"
	"sync"
)

// lines writes log lines from a goroutine of its own: alone at once, and in a
// storm many by one system call. A machine's answer does not wait for the
// log, unless the log is far behind.
type lines struct {
	w io.Writer

	mu      sync.Mutex
	written *sync.Cond // broadcast when what was buffered has been written
	buffer  []byte
	spare   []byte // the other buffer
	busy    bool   // a goroutine is writing
}

// mostBehind bounds the lines that wait to be written, in bytes.
const mostBehind = 1 << 20

func newLines(w io.Writer) *lines {
	l := &lines{w: w}
	l.written = sync.NewCond(&l.mu)
	return l
}

// Write takes one line. It never fails: nobody could be told.
func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.buffer) > mostBehind {
		l.written.Wait()
	}
	l.buffer = append(l.buffer, line...)
	if !l.busy {
		l.busy = true
		go l.write()
	}
	return len(line), nil
}

// write writes until there is nothing left.
func (l *lines) write() {
	runtime.Gosched() // who is about to log does so first
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.buffer) > 0 {
		out := l.buffer
		l.buffer = l.spare[:0]
		l.mu.Unlock()
		_, _ = l.w.Write(out)
		l.mu.Lock()
		l.spare = out[:0]
		l.written.Broadcast()
	}
	l.busy = false
	l.written.Broadcast()
}

// flush waits until all lines are written.
func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.busy {
		l.written.Wait()
	}
}
