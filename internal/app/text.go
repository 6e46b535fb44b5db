package app

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/usher-boot/usher/internal/dispatch"
)

// textHandler is slog.TextHandler with a short way for lines like those of
// boot requests, which are most of what a storm logs: plain words and times.
// What it writes is the same; all else goes the long way.
type textHandler struct {
	slog.Handler
	w io.Writer
}

func newTextHandler(w io.Writer, o *slog.HandlerOptions) slog.Handler {
	return textHandler{slog.NewTextHandler(w, o), w}
}

// textBuffers are *[]byte, for one line each.
var textBuffers = sync.Pool{New: func() any { return new(make([]byte, 0, 512)) }}

func (h textHandler) Handle(ctx context.Context, r slog.Record) error {
	buffer := textBuffers.Get().(*[]byte)
	defer textBuffers.Put(buffer)
	line, ok := appendRecord((*buffer)[:0], r)
	*buffer = line[:0]
	if !ok {
		return h.Handler.Handle(ctx, r)
	}
	_, err := h.w.Write(line)
	return err
}

func appendRecord(b []byte, r slog.Record) ([]byte, bool) {
	if r.Time.IsZero() {
		return b, false
	}
	b = append(b, "time="...)
	b = appendMillis(b, r.Time)
	b = append(b, " level="...)
	b = append(b, r.Level.String()...)
	b = append(b, " msg="...)
	b, ok := appendPlain(b, r.Message)
	r.Attrs(func(a slog.Attr) bool {
		if ok {
			b, ok = appendAttr(b, a)
		}
		return ok
	})
	return append(b, '\n'), ok
}

func appendAttr(b []byte, a slog.Attr) (_ []byte, ok bool) {
	if a.Value.Kind() == slog.KindLogValuer {
		d, decision := a.Value.LogValuer().(*dispatch.Decision)
		if !decision || a.Key != "" {
			return b, false
		}
		var room [dispatch.MostLogAttrs]slog.Attr // else garbage, the most of a request's
		for _, field := range d.AppendLogAttrs(room[:0]) {
			if b, ok = appendAttr(b, field); !ok {
				return b, false
			}
		}
		return b, true
	}
	b = append(b, ' ')
	if b, ok = appendPlain(b, a.Key); !ok {
		return b, false
	}
	b = append(b, '=')
	switch a.Value.Kind() {
	case slog.KindString:
		return appendPlain(b, a.Value.String())
	case slog.KindDuration:
		return append(b, a.Value.Duration().String()...), true
	default:
		return b, false
	}
}

// appendMillis is RFC 3339 to the millisecond, by way of the one layout that
// package time has a short way for: of its digits the fourth is made sure of,
// and left out.
func appendMillis(b []byte, t time.Time) []byte {
	whole := len(b) + len("2006-01-02T15:04:05.000")
	b = t.Truncate(time.Millisecond).Add(time.Millisecond/10).AppendFormat(b, time.RFC3339Nano)
	return append(b[:whole], b[whole+1:]...)
}

// appendPlain appends a value, quoted where it has a blank. It says false to
// anything that would have to be escaped, or of which it does not know.
func appendPlain(b []byte, s string) ([]byte, bool) {
	quote := s == ""
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.', c == ':', c == '/':
		case c == ' ':
			quote = true
		default:
			return b, false
		}
	}
	if !quote {
		return append(b, s...), true
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"'), true
}
