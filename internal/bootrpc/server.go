package bootrpc

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/usher-boot/usher"
)

// Ready is a conductor that can say at once whether it has a boot file.
type Ready interface {
	// ReadyBootConfig returns the boot file where get_boot_config would return
	// it without waiting for anything; ok is false in any other case.
	ReadyBootConfig(ctx context.Context, node usher.BootNode, file string) (config string, ok bool)
}

// Server answers the Clients of other processes at Path, on lines, and leaves
// all other paths to Next. It is an http.Handler.
type Server struct {
	Conductor Ready
	Next      http.Handler

	mu      sync.Mutex
	stopped bool
	open    map[net.Conn]struct{}
	work    sync.WaitGroup
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != Path {
		s.Next.ServeHTTP(w, r)
		return
	}
	if r.Method != http.MethodGet || !strings.EqualFold(r.Header.Get("Upgrade"), Protocol) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", Protocol)
		http.Error(w, "upgrade to "+Protocol+" required", http.StatusUpgradeRequired)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "this connection cannot be upgraded", http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	if !s.enter(conn) {
		return
	}
	defer s.leave(conn)
	if _, err := io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+Protocol+"\r\n\r\n"); err != nil {
		return
	}
	s.serve(r.Context(), conn, buffered.Reader)
}

// serve answers one question after another, until there is none or one is in
// another form.
func (s *Server) serve(ctx context.Context, w io.Writer, r *bufio.Reader) {
	var question, answer []byte // both used again: a storm asks thousands of times a second
	for {
		var err error
		if question, err = readMessage(r, question, mostQuestion); err != nil {
			return
		}
		if answer, err = s.answer(ctx, question, append(answer[:0], make([]byte, frameHead)...)); err != nil {
			return
		}
		if _, err = w.Write(frame(answer)); err != nil {
			return
		}
		if cap(question)+cap(answer) > mostRoom {
			question, answer = nil, nil
		}
	}
}

// mostRoom bounds what a line keeps for its next question and answer.
const mostRoom = 64 << 10

// answer appends the answer to a question to room.
func (s *Server) answer(ctx context.Context, rest, room []byte) ([]byte, error) {
	for n := 0; len(rest) > 0; n++ {
		q, after, err := readQuestion(rest)
		if err != nil || n == mostFiles {
			return nil, errWire
		}
		rest = after
		config, ok := s.Conductor.ReadyBootConfig(ctx, q.node, q.name)
		room = appendAnswer(room, config, ok && len(room)+len(config) <= mostBytes)
	}
	return room, nil
}

func (s *Server) enter(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	// The deadline is also for a client that is gone without a word.
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

func (s *Server) leave(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, conn)
	s.work.Done()
}

// Stop ends all lines, each after the question that it is answering, and
// returns when they have ended or ctx has.
func (s *Server) Stop(ctx context.Context) error {
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
