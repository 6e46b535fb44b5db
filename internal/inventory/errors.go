package inventory

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/usher-boot/usher"
)

// fault is what an engine's error means for the caller.
type fault int

const (
	faultOther     fault = iota // a bug, a missing right, a missing table
	faultLost                   // the connection broke: another one may work
	faultDown                   // the server or file cannot serve now
	faultReadOnly               // fail-over: this server takes no writes any more
	faultRetry                  // deadlock or serialization failure: run the transaction again
	faultDuplicate              // a unique index
	faultReference              // a foreign key
	faultValue                  // a value that the column cannot hold
)

// Marks that the callers inside the package turn into Ironic's words.
var (
	errDuplicate = errors.New("a row like it exists")
	errReference = errors.New("a row that it needs does not exist, or one that needs it does")
)

// faultOf looks at the error codes of the engine first, then at what any
// network peer may do.
func (d *dialect) faultOf(err error) fault {
	if f := d.fault(err); f != faultOther {
		return f
	}
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) {
		return faultLost
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return faultLost
	}
	return faultOther
}

// wrap names the operation and maps the error to a sentinel of the root
// package. An outage is ErrUnavailable; a caller who went away sees
// context.Canceled; an *usher.Error passes as it is.
func (d *dialect) wrap(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*usher.Error](err); ok {
		return e
	}
	// Drivers report a cancelled query in their own words.
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", op, err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: %w: %w", op, usher.ErrUnavailable, err)
	}
	switch d.faultOf(err) {
	case faultLost, faultDown, faultReadOnly, faultRetry:
		return fmt.Errorf("%s: %w: %w", op, usher.ErrUnavailable, err)
	case faultDuplicate:
		return fmt.Errorf("%s: %w: %w: %w", op, usher.ErrConflict, errDuplicate, err)
	case faultReference:
		return fmt.Errorf("%s: %w: %w: %w", op, usher.ErrConflict, errReference, err)
	case faultValue:
		return fmt.Errorf("%s: %w: %w", op, usher.ErrInvalid, err)
	}
	return fmt.Errorf("%s: %w", op, err)
}

// Ironic's words (ironic/common/exception.py), which clients match on.

func nodeNotFound(ident string) error {
	return usher.Errorf(usher.ErrNotFound, "Node %s could not be found.", ident).WithClass("NodeNotFound")
}

func portNotFound(ident string) error {
	// Each machine that nobody knows hears it: without the work of a format.
	return &usher.Error{Kind: usher.ErrNotFound, Class: "PortNotFound", Message: "Port " + ident + " could not be found."}
}

func conductorNotFound(hostname string) error {
	return usher.Errorf(usher.ErrNotFound, "Conductor %s could not be found.", hostname).WithClass("ConductorNotFound")
}

func nodeLocked(uuid, host string) error {
	return usher.Errorf(usher.ErrConflict, "Node %s is locked by host %s, please retry "+
		"after the current operation is completed.", uuid, host).WithClass("NodeLocked")
}

// nodeNotLocked is a conflict here, not Ironic's "invalid": the lock was
// taken away, and asking again under a new one may work.
func nodeNotLocked(uuid string) error {
	return usher.Errorf(usher.ErrConflict, "Node %s found not to be locked on release", uuid).WithClass("NodeNotLocked")
}

func conflict(class, format string, args ...any) error {
	return usher.Errorf(usher.ErrConflict, format, args...).WithClass(class)
}
