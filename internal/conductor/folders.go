package conductor

import (
	"context"
	"sync"
	"time"
)

// folders remembers, since the start of this process, which stamp
// (Node.ProvisionUpdatedAt) each node's folder was prepared for. What an
// earlier process left on the disk is prepared again, since addresses,
// templates or settings may have changed. Its zero value is ready.
type folders struct {
	mu         sync.RWMutex
	generation int // of settings and templates
	stamps     map[string]time.Time
	failed     map[string]failure // what could not be prepared since
	locks      map[string]*folderLock
}

// failure is how preparing a folder without a task ended last.
type failure struct {
	at  time.Time
	err error
}

// folderLock is one node's; its fields belong to folders.mu.
type folderLock struct {
	sync.Mutex
	users  int
	urgent int                // those of users who do not give way
	yield  context.CancelFunc // makes the present holder give way, nil where it does not
}

// holds says that the folder was prepared for exactly this stamp. Later is
// not enough: the clocks of two conductors differ.
func (f *folders) holds(uuid string, stamp time.Time) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	have, ok := f.stamps[uuid]
	return ok && have.Equal(stamp)
}

// current is the generation of settings that counts now, for note.
func (f *folders) current() int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.generation
}

// note remembers what a folder was prepared for, unless that was done with
// settings of before.
func (f *folders) note(uuid string, stamp time.Time, generation int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if generation != f.generation {
		return
	}
	if f.stamps == nil {
		f.stamps = map[string]time.Time{}
	}
	f.stamps[uuid] = stamp
	delete(f.failed, uuid)
}

// fail remembers, for who asks why, that a folder could not be prepared.
func (f *folders) fail(uuid string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed == nil {
		f.failed = map[string]failure{}
	}
	f.failed[uuid] = failure{time.Now(), err}
}

// told is what is known of a folder: the stamp that it was prepared for, how
// that failed last, and whether somebody is at it now.
func (f *folders) told(uuid string) (stamp time.Time, last failure, busy bool) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.stamps[uuid], f.failed[uuid], f.locks[uuid] != nil
}

// forget makes one folder be prepared again.
func (f *folders) forget(uuid string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.stamps, uuid)
	delete(f.failed, uuid)
}

// forgetAll makes every folder be prepared again.
func (f *folders) forgetAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.generation++
	f.stamps = nil
	f.failed = nil
}

// lock keeps others from writing the node's folder until unlock is called.
// Whoever holds it by lockYielding is made to give way.
func (f *folders) lock(uuid string) (unlock func()) {
	f.mu.Lock()
	l := f.enter(uuid)
	l.urgent++
	if l.yield != nil {
		l.yield()
	}
	f.mu.Unlock()
	l.Lock()
	return func() {
		l.Unlock()
		f.mu.Lock()
		defer f.mu.Unlock()
		l.urgent--
		f.leave(uuid, l)
	}
}

// lockYielding is lock for work that a task on the node makes pointless: the
// context ends as soon as somebody wants the lock by lock.
func (f *folders) lockYielding(ctx context.Context, uuid string) (_ context.Context, unlock func()) {
	ctx, cancel := context.WithCancel(ctx)
	f.mu.Lock()
	l := f.enter(uuid)
	f.mu.Unlock()
	l.Lock()
	f.mu.Lock()
	if l.yield = cancel; l.urgent > 0 {
		cancel()
	}
	f.mu.Unlock()
	return ctx, func() {
		cancel()
		f.mu.Lock()
		defer f.mu.Unlock()
		l.yield = nil
		l.Unlock()
		f.leave(uuid, l)
	}
}

// enter and leave count a lock's users; the caller holds mu.
func (f *folders) enter(uuid string) *folderLock {
	if f.locks == nil {
		f.locks = map[string]*folderLock{}
	}
	l := f.locks[uuid]
	if l == nil {
		l = &folderLock{}
		f.locks[uuid] = l
	}
	l.users++
	return l
}

func (f *folders) leave(uuid string, l *folderLock) {
	if l.users--; l.users == 0 {
		delete(f.locks, uuid)
	}
}

// remove removes the node's folder and the links to it.
func (f *folders) remove(c *Conductor, uuid string) error {
	defer f.lock(uuid)()
	return f.removeLocked(c, uuid)
}

// removeLocked is remove for one who holds the folder's lock.
func (f *folders) removeLocked(c *Conductor, uuid string) error {
	f.forget(uuid)
	return c.disk.RemoveNode(uuid)
}
