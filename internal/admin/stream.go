package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/usher-boot/usher"
)

// stream is an answer that does not end by itself.
type stream struct {
	ctx     context.Context // ends with the reader, or when the door stops
	cancel  context.CancelFunc
	control *http.ResponseController
	free    func()
	broken  bool
}

// stream takes one of the places for readers that stay. The server's time
// limits are for answers that end: here each sending has its own.
func (d *Door) stream(w http.ResponseWriter, r *http.Request, kind string) (*stream, bool) {
	if r.Method == http.MethodHead {
		w.Header().Set("Content-Type", kind)
		return nil, false // answered: there is no body to wait for
	}
	select {
	case d.streams <- struct{}{}:
	default:
		w.Header().Set("Retry-After", "5")
		fail(w, http.StatusServiceUnavailable,
			usher.Errorf(usher.ErrUnavailable, "%d readers follow already, which is all there may be", maxStreams))
		return nil, false
	}
	w.Header().Set("Content-Type", kind)
	ctx, cancel := context.WithCancel(r.Context())
	s := &stream{ctx: ctx, cancel: cancel, control: http.NewResponseController(w), free: func() { <-d.streams }}
	// Servers without deadlines, as in tests, have none to lift.
	_ = s.control.SetReadDeadline(time.Time{})
	go func() {
		select {
		case <-d.stopped:
			cancel()
		case <-ctx.Done():
		}
	}()
	return s, true
}

// send writes something; once that failed nothing more is sent.
func (s *stream) send(write func() error) {
	if s.broken {
		return
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(sendTimeout))
	s.broken = write() != nil
}

// flush sends what was written, and says whether the reader is still there.
func (s *stream) flush() bool {
	s.send(s.control.Flush)
	return !s.broken && s.ctx.Err() == nil
}

func (s *stream) close() {
	s.cancel()
	s.free()
}
