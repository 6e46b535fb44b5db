package dispatch

import (
	"sync"
	"time"
)

// failurePause is how long a conductor that did not answer is left alone.
// Short, since a conductor that came back should serve its own nodes again;
// long enough that a hung one costs its time-out once per pause and not once
// per machine. One that refused at once costs next to nothing, and is asked
// again sooner: a conductor that restarts refuses for less than a second, and
// the next one may be about to restart after it.
const (
	failurePause = 2 * time.Second
	refusalPause = failurePause / 8
)

// failures is the memory, shared by all requests, of conductors that could
// not be reached. Its zero value is ready.
type failures struct {
	mu    sync.RWMutex
	until map[string]time.Time // nil while all is well
}

// note remembers that host could not be reached, and what finding out cost.
func (f *failures) note(host string, cost time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.until == nil {
		f.until = map[string]time.Time{}
	}
	f.until[host] = time.Now().Add(min(max(cost, refusalPause), failurePause))
}

// clear forgets the failures of host.
func (f *failures) clear(host string) {
	f.mu.RLock()
	_, failed := f.until[host]
	f.mu.RUnlock()
	if !failed {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if delete(f.until, host); len(f.until) == 0 {
		f.until = nil
	}
}

// mayAsk says whether host may be asked now. Where the pause of a host that
// failed has passed, only the caller that notices it may ask that host again:
// the others go on avoiding it until it has answered. So this must be called
// by one who then does ask, right before.
func (f *failures) mayAsk(host string) bool {
	f.mu.RLock()
	healthy := f.until == nil
	f.mu.RUnlock()
	if healthy {
		return true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	until, failed := f.until[host]
	if !failed {
		return true
	}
	now := time.Now()
	if now.Before(until) {
		return false
	}
	f.until[host] = now.Add(failurePause) // it may hang; note knows better when it does not
	return true
}
