package usher

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"regexp"
)

var requestIDPattern = regexp.MustCompile(`^req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// RequestID returns given where it is a request id as OpenStack's services
// pass on (req-<uuid>), and a new one otherwise.
func RequestID(given string) string {
	if given != "" && requestIDPattern.MatchString(given) {
		return given
	}
	var b [16]byte
	rand.Read(b[:]) // never fails: it ends the program instead
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	out := make([]byte, 0, 40)
	out = append(out, "req-"...)
	for i, part := range [][]byte{b[0:4], b[4:6], b[6:8], b[8:10], b[10:16]} {
		if i > 0 {
			out = append(out, '-')
		}
		out = hex.AppendEncode(out, part)
	}
	return string(out)
}

type requestIDKey struct{}

// WithRequestID returns a context that carries the id of the request it
// belongs to, through every call and to other processes.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestIDOf is the id given to WithRequestID, empty where there is none.
func RequestIDOf(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}
