package jsonrpc

import (
	"context"
	"errors"
	"strings"

	"github.com/usher-boot/usher"
)

// exception is one of Ironic's exception classes: what it means to us, and the
// number that travels with it.
type exception struct {
	class string
	kind  error
	code  int
}

// exceptions is the one table between Ironic's exceptions and our errors, both
// ways. The first of a kind is its default, for an error without a class.
// TestExceptionsAreIronics holds classes and codes against Ironic's own.
var exceptions = []exception{
	{"NotFound", usher.ErrNotFound, 404},
	{"NodeNotFound", usher.ErrNotFound, 404},
	{"PortNotFound", usher.ErrNotFound, 404},
	{"ConductorNotFound", usher.ErrNotFound, 404},
	{"DriverNotFound", usher.ErrNotFound, 404},
	{"InstanceNotFound", usher.ErrNotFound, 404},
	{"ImageNotFound", usher.ErrNotFound, 404},

	{"InvalidParameterValue", usher.ErrInvalid, 400},
	{"Invalid", usher.ErrInvalid, 400},
	{"MissingParameterValue", usher.ErrInvalid, 400},
	{"InvalidStateRequested", usher.ErrInvalid, 400},
	{"InvalidUUID", usher.ErrInvalid, 400},
	{"InvalidUuidOrName", usher.ErrInvalid, 400},
	{"InvalidName", usher.ErrInvalid, 400},
	{"InvalidMAC", usher.ErrInvalid, 400},
	{"InvalidConductorGroup", usher.ErrInvalid, 400},
	{"InvalidImageRef", usher.ErrInvalid, 400},
	{"PatchError", usher.ErrInvalid, 400},
	{"NodeInMaintenance", usher.ErrInvalid, 400},
	{"NodeNotLocked", usher.ErrInvalid, 400},
	{"ImageUnacceptable", usher.ErrInvalid, 500},
	{"ImageChecksumError", usher.ErrInvalid, 500},
	{"NotAcceptable", usher.ErrInvalid, 406},
	{"NotAuthorized", usher.ErrInvalid, 403},
	{"HTTPForbidden", usher.ErrInvalid, 403},

	{"Conflict", usher.ErrConflict, 409},
	{"NodeLocked", usher.ErrConflict, 409},
	{"NodeAssociated", usher.ErrConflict, 409},
	{"InvalidState", usher.ErrConflict, 409},
	{"InstanceAssociated", usher.ErrConflict, 409},
	{"NodeAlreadyExists", usher.ErrConflict, 409},
	{"DuplicateName", usher.ErrConflict, 409},
	{"MACAlreadyExists", usher.ErrConflict, 409},
	{"PortAlreadyExists", usher.ErrConflict, 409},
	{"PortDuplicateName", usher.ErrConflict, 409},
	{"ConductorAlreadyRegistered", usher.ErrConflict, 500},

	{"UnsupportedDriverExtension", usher.ErrUnsupported, 400},

	{"TemporaryFailure", usher.ErrUnavailable, 503},
	{"NoFreeConductorWorker", usher.ErrUnavailable, 503},
	{"ServiceUnavailable", usher.ErrUnavailable, 500},
	// A child of NotFound in Ironic, and sent as its 404; but what is missing
	// is a running conductor of ours.
	{"NoValidHost", usher.ErrUnavailable, 404},
	{"ImageDownloadFailed", usher.ErrUnavailable, 500},
	{"ImageRefValidationFailed", usher.ErrUnavailable, 500},
	{"InsufficientDiskSpace", usher.ErrUnavailable, 500},
	{"IncorrectConfiguration", usher.ErrUnavailable, 500},
}

// module is where Ironic's client finds the classes of our answers.
const module = "ironic.common.exception."

// modules are those from which Ironic's client raises what it is told.
var modules = []string{module, "ironic_lib.exception.", "ironic_inspector.utils."}

// toWire returns the code, message and class for an error of a Method. An
// error that is nobody's fault but ours is not told to strangers: ok is false.
func toWire(err error) (code int, message, class string, ok bool) {
	message = err.Error()
	var named string
	if e, isOurs := errors.AsType[*usher.Error](err); isOurs {
		message, named = e.Message, e.Class
	} else if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return 503, "The conductor did not finish in time, please retry.", module + "TemporaryFailure", true
	}
	for _, x := range exceptions {
		if named != "" && x.class == named {
			return x.code, message, module + x.class, true
		}
	}
	for _, x := range exceptions {
		if errors.Is(err, x.kind) {
			return x.code, message, module + x.class, true
		}
	}
	return 0, "", "", false
}

// fromWire turns a conductor's error into ours. Exceptions that the table does
// not have are told by their code; what is not an exception of Ironic's at
// all, or an unexpected one, becomes a *RemoteError.
func fromWire(host, method string, e *wireError) error {
	class := ""
	if e.Data != nil {
		for _, m := range modules {
			if rest, ok := strings.CutPrefix(e.Data.Class, m); ok {
				class = rest
			}
		}
	}
	if class == "" {
		return &RemoteError{Host: host, Method: method, Code: e.Code, Message: e.Message}
	}
	for _, x := range exceptions {
		if x.class == class {
			return usher.Errorf(x.kind, "%s", e.Message).WithClass(class)
		}
	}
	if kind, ok := kindOfCode[e.Code]; ok {
		return usher.Errorf(kind, "%s", e.Message).WithClass(class)
	}
	return &RemoteError{Host: host, Method: method, Code: e.Code, Class: class, Message: e.Message}
}

var kindOfCode = map[int]error{
	400: usher.ErrInvalid, 403: usher.ErrInvalid, 406: usher.ErrInvalid,
	404: usher.ErrNotFound, 409: usher.ErrConflict, 503: usher.ErrUnavailable,
}
