package jsonrpc

import (
	"context"
	"errors"

	"github.com/usher-boot/usher"
)

// Kind is what kind of failure a call ended in. It is a closed set, fit for a
// metric's label.
type Kind string

// Kinds of failures.
const (
	KindUnreachable Kind = "unreachable" // no connection
	KindTimeout     Kind = "timeout"
	KindCredentials Kind = "credentials"
	KindBroken      Kind = "broken"  // the connection broke, or what came is no answer to this call
	KindRefused     Kind = "refused" // it answered that it cannot do it now
	KindError       Kind = "error"   // it answered with an error of its own
)

// unanswered is a CallError, or the error of a connection that was upgraded.
type unanswered interface {
	error
	Unreached() bool
}

// KindOf tells the kind of a failure. It is empty where nothing failed: an
// answer that says "no", a method that an older conductor does not know, and a
// call that its caller gave up.
func KindOf(err error) Kind {
	call, noAnswer := errors.AsType[unanswered](err)
	answer, remote := errors.AsType[*RemoteError](err)
	switch {
	case err == nil || errors.Is(err, context.Canceled), remote && answer.UnknownMethod():
		return ""
	case errors.Is(err, ErrCredentials):
		return KindCredentials
	case noAnswer && call.Unreached():
		return KindUnreachable
	case noAnswer && errors.Is(err, context.DeadlineExceeded):
		return KindTimeout
	case noAnswer:
		return KindBroken
	case remote:
		return KindError
	case errors.Is(err, usher.ErrUnavailable):
		return KindRefused
	}
	return ""
}
