package management

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/usher-boot/usher"
)

// status maps the class of Ironic's exception, where it has one of its own,
// and else the kind of a failure, to an HTTP status.
func status(e *usher.Error) int {
	switch e.Class {
	case "NotAcceptable":
		return http.StatusNotAcceptable
	case "OperationNotPermitted":
		return http.StatusForbidden
	}
	switch {
	case errors.Is(e, usher.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(e, usher.ErrInvalid), errors.Is(e, usher.ErrUnsupported):
		return http.StatusBadRequest
	case errors.Is(e, usher.ErrConflict):
		return http.StatusConflict
	case errors.Is(e, usher.ErrUnavailable):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// fault is the body of an error that Ironic's controllers raised.
type fault struct {
	Code      string  `json:"faultcode"`
	String    string  `json:"faultstring"`
	DebugInfo *string `json:"debuginfo"`
}

// bareError is an error that Ironic's framework raises before a controller
// is found: unknown paths, methods and versions.
type bareError struct {
	Code        int    `json:"code"`
	Title       string `json:"title"`
	Description string `json:"description"`
}

func (e *bareError) Error() string { return e.Title + ": " + e.Description }

func bare(code int, format string, args ...any) *bareError {
	return &bareError{Code: code, Title: http.StatusText(code), Description: fmt.Sprintf(format, args...)}
}

// answerError is the one place where an error becomes a status and a body. An
// error that nobody meant for the client is logged, not shown.
func answerError(w http.ResponseWriter, err error) int {
	if b, ok := errors.AsType[*bareError](err); ok {
		writeError(w, b.Code, b)
		return b.Code
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		code := http.StatusRequestEntityTooLarge
		writeError(w, code, bare(code, "The request body is larger than this service takes."))
		return code
	}
	code := http.StatusInternalServerError
	text := "Internal error; the service's log has the cause."
	if e, ok := errors.AsType[*usher.Error](err); ok {
		code, text = status(e), e.Message
	} else if errors.Is(err, usher.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		code, text = http.StatusServiceUnavailable, "Resource temporarily unavailable, please retry."
	}
	f := fault{Code: "Client", String: text}
	if code >= http.StatusInternalServerError {
		f.Code = "Server"
	}
	// Without Retry-After, as in Ironic: python-ironicclient asks again after a
	// bare 503, and ends with a TypeError where the header is there.
	writeError(w, code, f)
	return code
}

// writeError wraps a body as Ironic does: JSON in a string in JSON.
func writeError(w http.ResponseWriter, code int, body any) {
	inner, err := json.Marshal(body)
	if err == nil {
		inner, err = json.Marshal(map[string]string{"error_message": string(inner)})
	}
	if err != nil { // only strings and numbers are in there
		code, inner = http.StatusInternalServerError, []byte(`{"error_message": ""}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(inner) // the client may be gone
}

// invalid is Ironic's InvalidParameterValue.
func invalid(format string, args ...any) *usher.Error {
	return usher.Errorf(usher.ErrInvalid, format, args...).WithClass("InvalidParameterValue")
}

// invalidState is Ironic's InvalidState, a conflict.
func invalidState(format string, args ...any) *usher.Error {
	return usher.Errorf(usher.ErrConflict, format, args...).WithClass("InvalidState")
}

// notAcceptable says that the request needs a newer microversion; minor 0
// leaves out which, as Ironic does for fields and verbs.
func notAcceptable(minor int) *usher.Error {
	message := "Request not acceptable."
	if minor > 0 {
		message += fmt.Sprintf(" The minimal required API version should be 1.%d", minor)
	}
	return usher.Errorf(usher.ErrInvalid, "%s", message).WithClass("NotAcceptable")
}

// hidden is Ironic's NotFound without a name: for endpoints of a newer
// microversion and for lookups that must tell nothing.
func hidden() *usher.Error {
	return usher.Errorf(usher.ErrNotFound, "Resource could not be found.").WithClass("NotFound")
}
