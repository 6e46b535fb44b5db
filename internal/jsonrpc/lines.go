package jsonrpc

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Lines answer at one path the questions of clients that ask to speak Protocol
// there (Client.Ask), and leave all other paths to Next. It is an http.Handler.
type Lines struct {
	Path, Protocol string
	// Answer appends the answer to one question to room. It keeps neither; an
	// error ends the line.
	Answer func(ctx context.Context, question, room []byte) ([]byte, error)
	// Most bounds a question, in bytes.
	Most int64
	Next http.Handler

	mu      sync.Mutex
	stopped bool
	open    map[net.Conn]struct{}
	work    sync.WaitGroup
}

func (s *Lines) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != s.Path {
		s.Next.ServeHTTP(w, r)
		return
	}
	if r.Method != http.MethodGet || !strings.EqualFold(r.Header.Get("Upgrade"), s.Protocol) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", s.Protocol)
		WriteHTTPError(w, http.StatusUpgradeRequired, "Here is spoken "+s.Protocol)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		WriteHTTPError(w, http.StatusInternalServerError, "The connection cannot be upgraded")
		return
	}
	defer conn.Close()
	if !s.enter(conn) {
		return
	}
	defer s.leave(conn)
	_, err = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+s.Protocol+"\r\n\r\n")
	var question, answer []byte // both used again: a storm asks thousands of times a second
	for err == nil {
		if question, err = readMessage(buffered.Reader, question, s.Most); err != nil {
			return
		}
		if answer, err = s.Answer(r.Context(), question, append(answer[:0], make([]byte, frameHead)...)); err != nil {
			return
		}
		_, err = conn.Write(frame(answer))
		if cap(question)+cap(answer) > mostRoom {
			question, answer = nil, nil
		}
	}
}

// mostRoom bounds what a line keeps for its next question and answer.
const mostRoom = 64 << 10

func (s *Lines) enter(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Also for a client that is gone without a word.
	if s.stopped || conn.SetDeadline(time.Now().Add(lineLife+lineGrace)) != nil {
		return false
	}
	if s.open == nil {
		s.open = map[net.Conn]struct{}{}
	}
	s.open[conn] = struct{}{}
	s.work.Add(1)
	return true
}

func (s *Lines) leave(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, conn)
	s.work.Done()
}

// Stop ends all lines, each after the question that it is answering, and
// returns when they have ended or ctx has.
func (s *Lines) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.stopped = true
	for conn := range s.open {
		_ = conn.SetReadDeadline(time.Unix(1, 0)) // the past: no further question is read
	}
	s.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.work.Wait()
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
