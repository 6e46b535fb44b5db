package journal

import (
	"sync"
	"time"

	"github.com/usher-boot/usher/internal/redact"
)

// Call is the last call of a conductor that brought no answer about a node.
type Call struct {
	Time  time.Time // when it failed
	Error string
	Count uint64 // failures since the journal began
}

type calls struct {
	mu    sync.Mutex
	hosts *table[string, Call]
}

// CallFailed notes that the conductor at host could not be reached, or could
// not do its work.
func (j *Journal) CallFailed(host string, err error) {
	if j == nil {
		return
	}
	text := redact.Text(err.Error())
	if len(text) > maxError {
		text = text[:maxError]
	}
	c := &j.calls
	c.mu.Lock()
	defer c.mu.Unlock()
	before, _ := c.hosts.get(host)
	c.hosts.put(host, Call{Time: time.Now(), Error: text, Count: before.Count + 1})
}

// Calls returns the last failed call of each conductor that had one, by host.
func (j *Journal) Calls() map[string]Call {
	found := map[string]Call{}
	if j == nil {
		return found
	}
	j.calls.mu.Lock()
	defer j.calls.mu.Unlock()
	for host, call := range j.calls.hosts.each {
		found[host] = call
	}
	return found
}
