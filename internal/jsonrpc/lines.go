package jsonrpc

import (
	"bufio"
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
	// Answer answers one question; an error ends the line.
	Answer func(ctx context.Context, question []byte) ([]byte, error)
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
	for err == nil {
		err = s.answer(r.Context(), conn, buffered.Reader)
	}
}

// answer answers one question.
func (s *Lines) answer(ctx context.Context, w io.Writer, r *bufio.Reader) error {
	question, err := readMessage(r, s.Most)
	if err != nil {
		return err
	}
	answer, err := s.Answer(ctx, question)
	if err != nil {
		return err
	}
	return writeMessage(w, answer)
}

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
