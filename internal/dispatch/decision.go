package dispatch

import (
	"log/slog"
	"time"

	"github.com/usher-boot/usher"
)

// Outcome is what the machine is told.
type Outcome string

// Outcomes, one for each status code of the boot configuration API.
const (
	Served  Outcome = "served"  // 200
	No      Outcome = "no"      // 404, the same for every reason
	NotNow  Outcome = "not_now" // 503 with Retry-After
	Refused Outcome = "refused" // 429 with Retry-After
)

// Cause is why; only the operator learns it. It is a closed set, fit for a
// metric's label.
type Cause string

// Causes of each outcome.
const (
	CauseServed Cause = "served"

	CauseBadMAC      Cause = "bad_mac"
	CauseUnknownFile Cause = "unknown_file" // not a boot file name at all
	CauseUnknownMAC  Cause = "unknown_mac"  // no port has it
	CausePXEDisabled Cause = "pxe_disabled" // the port has pxe_enabled = false
	CauseWrongState  Cause = "wrong_state"  // [api]restrict_boot_config
	CauseUnsupported Cause = "unsupported"  // the node's boot interface does not answer this file
	CauseNoFile      Cause = "no_file"      // the conductor has nothing for the node

	CauseDatabase    Cause = "database"
	CauseNoConductor Cause = "no_conductor" // none active for the hardware type and group
	CauseUnreachable Cause = "conductor_unreachable"
	CauseTimeout     Cause = "conductor_timeout"
	CauseStopping    Cause = "conductor_stopping"
	CauseNotReady    Cause = "conductor_not_ready" // it is preparing the files, or its database is down
	CauseConductor   Cause = "conductor_error"     // it answered with an error of its own
	CauseBadFile     Cause = "bad_boot_file"       // beside Ironic: the file cannot be given to a machine, and waiting does not help
	CauseLost        Cause = "conductor_lost"      // beside Ironic: the files are on a conductor that is gone
	CauseGone        Cause = "client_gone"         // the machine hung up first
	CauseOverloaded  Cause = "overloaded"          // [usher]max_requests

	CauseNotAllowed  Cause = "not_allowed"  // No: [usher]boot_allowed_networks
	CauseRateLimited Cause = "rate_limited" // Refused: [usher]boot_rate_limit and boot_connections_per_source
)

// Decision is everything about one boot request: what was asked, what was
// found on the way and what the machine was told. The log line, the metrics
// and every tool for operators are made from it.
type Decision struct {
	RequestID string
	Time      time.Time // when the request was taken up
	Remote    string    // address of the asker, without its port
	AskedMAC  string    // as written in the URL, cut to 64 bytes
	File      string    // as written in the URL, cut to 64 bytes

	MAC  usher.MAC
	Node usher.BootNode // zero where none was found
	// Owner is the conductor that the hash ring names; AnsweredBy is the one
	// that answered, which differs during a failure or a take-over.
	Owner      string
	AnsweredBy string

	Outcome Outcome
	Cause   Cause
	Err     error // what lies behind the cause, nil when served

	// Config is the boot file, for the machine only: never logged.
	Config string

	Steps Steps
}

// Steps are the times that the parts of a decision took.
type Steps struct {
	Database, Ring, RPC, Total time.Duration
}

// LogRecord is the request's one log line. It is no logger's to make, which
// would look for its caller each time; and a function of its own has room for
// the fields that the handler does not need any more.
func (d *Decision) LogRecord(at time.Time) slog.Record {
	var room [mostLogAttrs]slog.Attr // else garbage
	r := slog.NewRecord(at, d.Level(), "boot request", 0)
	r.AddAttrs(d.appendLogAttrs(room[:0])...)
	return r
}

// mostLogAttrs is how many fields the log line has at most.
const mostLogAttrs = 13

// appendLogAttrs appends the fields of the log line.
func (d *Decision) appendLogAttrs(attrs []slog.Attr) []slog.Attr {
	attrs = append(attrs,
		slog.String("request_id", d.RequestID),
		slog.String("remote", d.Remote),
		slog.String("mac", d.AskedMAC),
		slog.String("file", d.File),
		slog.String("outcome", string(d.Outcome)),
		slog.String("cause", string(d.Cause)))
	if d.Node.UUID != "" {
		attrs = append(attrs,
			slog.String("node", d.Node.UUID),
			slog.String("name", d.Node.Name),
			slog.String("state", string(d.Node.ProvisionState)))
	}
	if d.Owner != "" {
		attrs = append(attrs, slog.String("owner", d.Owner))
	}
	if d.AnsweredBy != d.Owner && d.AnsweredBy != "" {
		attrs = append(attrs, slog.String("answered_by", d.AnsweredBy))
	}
	if d.Err != nil && d.Cause != CauseUnknownMAC { // of which the cause says it all
		attrs = append(attrs, slog.String("error", d.Err.Error()))
	}
	return append(attrs, slog.Duration("took", d.Steps.Total))
}

// Level is the level of the log line: what is ours to mend stands out.
func (d *Decision) Level() slog.Level {
	if d.Outcome == NotNow && d.Cause != CauseGone {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}
