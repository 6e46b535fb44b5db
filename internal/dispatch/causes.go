package dispatch

import "maps"

// causes is every cause with the outcome that it goes with. It never changes.
var causes = map[Cause]Outcome{
	CauseServed: Served,

	CauseBadMAC:      No,
	CauseUnknownFile: No,
	CauseUnknownMAC:  No,
	CausePXEDisabled: No,
	CauseWrongState:  No,
	CauseUnsupported: No,
	CauseNoFile:      No,
	CauseNotAllowed:  No,

	CauseDatabase:    NotNow,
	CauseNoConductor: NotNow,
	CauseUnreachable: NotNow,
	CauseTimeout:     NotNow,
	CauseStopping:    NotNow,
	CauseNotReady:    NotNow,
	CauseConductor:   NotNow,
	CauseBadFile:     NotNow,
	CauseLost:        NotNow,
	CauseGone:        NotNow,
	CauseOverloaded:  NotNow,

	CauseRateLimited: Refused,
}

// Causes gives every cause with the outcome that it goes with.
func Causes() map[Cause]Outcome { return maps.Clone(causes) }
