package jsonrpc

import (
	"errors"
	"fmt"

	"github.com/usher-boot/usher"
)

// ErrCredentials is in the chain of a CallError where the conductor did not
// accept our user name and password, or wants some.
var ErrCredentials = errors.New("credentials refused")

// CallError says that a conductor gave no answer that could be understood. It
// is usher.ErrUnavailable, and the cause is in its chain: syscall.ECONNREFUSED,
// context.DeadlineExceeded, a *tls.CertificateVerificationError, ...
type CallError struct {
	Host   string // as asked for
	Method string
	// Reached says that the request may have got to the conductor, which then
	// may have acted on it. When false it certainly has not.
	Reached bool
	Err     error
}

func (e *CallError) Error() string {
	return fmt.Sprintf("call %s on conductor %s: %v", e.Method, e.Host, e.Err)
}

// Unreached says that the conductor certainly has not seen the call.
func (e *CallError) Unreached() bool { return !e.Reached }

// Unwrap makes it usher.ErrUnavailable as well as its cause.
func (e *CallError) Unwrap() []error { return []error{usher.ErrUnavailable, e.Err} }

// RemoteError is an error that a conductor answered with and that has no
// meaning for the one who asked: an unexpected exception, or a method or
// parameter that it does not know. It matches none of usher's sentinels.
type RemoteError struct {
	Host    string
	Method  string
	Code    int    // JSON-RPC's, such as -32601, or 500
	Class   string // of Ironic's exception, mostly empty
	Message string
}

func (e *RemoteError) Error() string {
	hint := ""
	if e.Code == codeMethodNotFound {
		hint = " (is this the port of a conductor that cannot do this, such as Ironic's own?)"
	}
	return fmt.Sprintf("conductor %s answered %s with error %d: %s%s", e.Host, e.Method, e.Code, e.Message, hint)
}

// UnknownMethod says that the conductor has no such method.
func (e *RemoteError) UnknownMethod() bool { return e.Code == codeMethodNotFound }
