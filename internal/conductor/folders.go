package conductor

import (
	"sync"
	"time"
)

// folders remembers, since the start of this process, which stamp
// (Node.ProvisionUpdatedAt) each node's folder was prepared for. What an
// earlier process left on the disk is prepared again, since addresses,
// templates or settings may have changed. Its zero value is ready.
type folders struct {
	mu     sync.RWMutex
	stamps map[string]time.Time
	locks  map[string]*folderLock
}

type folderLock struct {
	sync.Mutex
	users int
}

// holds says that the folder was prepared for this stamp, or for a later one
// than the caller knows of.
func (f *folders) holds(uuid string, stamp time.Time) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	have, ok := f.stamps[uuid]
	return ok && !have.Before(stamp)
}

func (f *folders) note(uuid string, stamp time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stamps == nil {
		f.stamps = map[string]time.Time{}
	}
	f.stamps[uuid] = stamp
}

// forget makes one folder be prepared again.
func (f *folders) forget(uuid string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.stamps, uuid)
}

// forgetAll makes every folder be prepared again.
func (f *folders) forgetAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stamps = nil
}

// prepared lists the nodes whose folders this process has prepared.
func (f *folders) prepared() []string {
	f.mu.RLock()
	defer f.mu.RUnlock()
	uuids := make([]string, 0, len(f.stamps))
	for uuid := range f.stamps {
		uuids = append(uuids, uuid)
	}
	return uuids
}

// lock keeps others from writing the node's folder until unlock is called.
func (f *folders) lock(uuid string) (unlock func()) {
	f.mu.Lock()
	if f.locks == nil {
		f.locks = map[string]*folderLock{}
	}
	l := f.locks[uuid]
	if l == nil {
		l = &folderLock{}
		f.locks[uuid] = l
	}
	l.users++
	f.mu.Unlock()
	l.Lock()
	return func() {
		l.Unlock()
		f.mu.Lock()
		defer f.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(f.locks, uuid)
		}
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
