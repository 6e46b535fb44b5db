package app

import (
	"io"
	"sync"
	"time"
)

// logBuffer writes the log lines of a storm many by one system call, which
// would otherwise be a tenth of what an answer costs. A line that comes alone
// is written at once; in a storm, a crash loses those of the last logPause.
type logBuffer struct {
	w io.Writer

	mu      sync.Mutex
	waiting []byte
	written time.Time   // when the last write began
	timer   *time.Timer // running while anything waits
}

const (
	// logPause is the least time between two writes.
	logPause = time.Millisecond
	// logMost is how many bytes wait at most.
	logMost = 64 << 10
)

func newLogBuffer(w io.Writer) *logBuffer {
	l := &logBuffer{w: w, waiting: make([]byte, 0, logMost)}
	l.timer = time.AfterFunc(logPause, l.flush)
	return l
}

// Write takes one line. It never fails: nobody could be told.
func (l *logBuffer) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting)+len(line) > logMost {
		l.write()
	}
	first := len(l.waiting) == 0
	l.waiting = append(l.waiting, line...)
	if !first {
		return len(line), nil // the timer is running
	}
	if pause := logPause - time.Since(l.written); pause > 0 {
		l.timer.Reset(pause)
	} else {
		l.write()
	}
	return len(line), nil
}

// flush writes what waits.
func (l *logBuffer) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.write()
}

// write is flush; the caller holds mu.
func (l *logBuffer) write() {
	if len(l.waiting) == 0 {
		return
	}
	l.written = time.Now()
	_, _ = l.w.Write(l.waiting)
	l.waiting = l.waiting[:0]
}
