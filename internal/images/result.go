package images

import (
	"context"
	"errors"
	"time"
)

// Fetch is one fetch that has ended: an image was downloaded or copied, or its
// source was asked whether it has changed.
type Fetch struct {
	Result Result
	Bytes  int64 // written to the disk, also by one that failed
	Took   time.Duration
}

// Result is how a fetch ended. It is a closed set.
type Result string

// Results of a fetch.
const (
	Fetched   Result = "fetched"
	Unchanged Result = "unchanged" // the store has what the source has
	Stale     Result = "stale"     // the source is out of order, what the store has is used
	Failed    Result = "failed"
	Abandoned Result = "abandoned" // nobody waited for it any more
)

// Results lists them all.
func Results() []Result { return []Result{Fetched, Unchanged, Stale, Failed, Abandoned} }

func resultOf(ctx context.Context, err error) Result {
	switch {
	case err == nil:
		return Fetched
	case errors.Is(err, errStale):
		return Stale
	case errors.Is(err, errFresh):
		return Unchanged
	case ctx.Err() != nil:
		return Abandoned
	}
	return Failed
}
