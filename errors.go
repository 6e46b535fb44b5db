package usher

import (
	"errors"
	"fmt"
)

// The five kinds of failure. Every error that crosses a package boundary
// matches at most one of them with errors.Is; one that matches none is a bug
// or an outage of our own and is answered as "internal error".
var (
	// ErrNotFound: the thing asked for does not exist.
	ErrNotFound = errors.New("not found")
	// ErrInvalid: the request itself is wrong and will stay wrong.
	ErrInvalid = errors.New("invalid")
	// ErrConflict: the request clashes with what is there (a duplicate, a
	// node locked by another task) and may succeed later.
	ErrConflict = errors.New("conflict")
	// ErrUnsupported: the node's boot interface cannot do this, as Ironic's
	// UnsupportedDriverExtension.
	ErrUnsupported = errors.New("not supported")
	// ErrUnavailable: something of ours is down or stopping; ask again.
	ErrUnavailable = errors.New("temporarily unavailable")
)

// Error is a failure of one kind with a message fit for the person who asked.
type Error struct {
	Kind    error  // one of the five sentinels
	Message string // a whole sentence, with Ironic's words where it has some
	// Class is the class name of Ironic's exception for it, without its
	// module ("NodeLocked"). Empty means the usual one of the kind.
	Class string
}

func (e *Error) Error() string { return e.Message }

// Unwrap makes errors.Is(err, ErrNotFound) and the like work.
func (e *Error) Unwrap() error { return e.Kind }

// Errorf returns an *Error of the given kind with a formatted message.
func Errorf(kind error, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// WithClass names the Ironic exception class that e travels as, and returns e.
func (e *Error) WithClass(class string) *Error {
	e.Class = class
	return e
}
