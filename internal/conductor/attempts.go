package conductor

import "sync"

// attempts remembers which nodes are being prepared without a task, and of
// which others that failed last, for who asks why. Its zero value is ready.
type attempts struct {
	mu     sync.Mutex
	busy   map[string]int
	failed map[string]error
}

func (a *attempts) begin(uuid string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.busy == nil {
		a.busy = map[string]int{}
	}
	a.busy[uuid]++
}

func (a *attempts) end(uuid string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.busy[uuid]--; a.busy[uuid] == 0 {
		delete(a.busy, uuid)
	}
}

// note remembers how an attempt ended.
func (a *attempts) note(uuid string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil {
		delete(a.failed, uuid)
		return
	}
	if a.failed == nil {
		a.failed = map[string]error{}
	}
	a.failed[uuid] = err
}

// of is what is known of a node.
func (a *attempts) of(uuid string) (busy bool, failed error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.busy[uuid] > 0, a.failed[uuid]
}

// forgetFailures is for settings that may change how attempts end.
func (a *attempts) forgetFailures() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failed = nil
}
