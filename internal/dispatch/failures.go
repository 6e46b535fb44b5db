package dispatch

import (
	"sync"
	"time"
)

// failurePause is how long a conductor that could not be reached is left
// alone. Short, since a conductor that came back should serve its own nodes
// again; long enough that a hung one costs its time-out once per pause and
// not once per machine.
const failurePause = 2 * time.Second

// failures is the memory, shared by all requests, of conductors that could
// not be reached. Its zero value with a pause is ready.
type failures struct {
	pause time.Duration
	mu    sync.RWMutex
	until map[string]time.Time // nil while all is well
}

// note remembers that host could not be reached.
func (f *failures) note(host string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.until == nil {
		f.until = map[string]time.Time{}
	}
	f.until[host] = time.Now().Add(f.pause)
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

// avoid returns hosts without those that failed lately. Where the pause of a
// host has passed, only the caller that notices it asks that host again: the
// others go on avoiding it until it has answered.
func (f *failures) avoid(hosts []string) []string {
	f.mu.RLock()
	healthy := f.until == nil
	f.mu.RUnlock()
	if healthy {
		return hosts
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	good := make([]string, 0, len(hosts))
	for _, h := range hosts {
		until, failed := f.until[h]
		if failed && now.Before(until) {
			continue
		}
		if failed {
			f.until[h] = now.Add(f.pause)
		}
		good = append(good, h)
	}
	return good
}
