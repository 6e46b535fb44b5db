package images

import "context"

// flight is one fetch that several callers wait for.
type flight struct {
	done    chan struct{}
	digest  string // this and err are valid once done is closed
	err     error
	waiters int // under Store.mu
	cancel  context.CancelFunc
}

// ensure brings an image into the store, or joins the caller who does. The
// fetch goes on while anybody waits for it; the last to give up ends it and
// waits for its end, so none is left behind.
func (st *Store) ensure(ctx context.Context, s source) (digest string, err error) {
	st.mu.Lock()
	f, ok := st.flights[s.key]
	if !ok {
		fetchCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		f = &flight{done: make(chan struct{}), cancel: cancel}
		st.flights[s.key] = f
		go func() {
			defer close(f.done)
			defer cancel()
			f.digest, f.err = st.fetch(fetchCtx, s)
			st.mu.Lock()
			defer st.mu.Unlock()
			st.leave(s.key, f)
		}()
	}
	f.waiters++
	st.mu.Unlock()

	select {
	case <-f.done:
		return f.digest, f.err
	case <-ctx.Done():
	}
	st.mu.Lock()
	f.waiters--
	last := f.waiters == 0
	if last {
		f.cancel()
		st.leave(s.key, f) // whoever comes now starts anew
	}
	st.mu.Unlock()
	if last {
		<-f.done
	}
	return "", ctx.Err()
}

// leave forgets a flight, unless the next one has taken its place. The caller
// holds mu.
func (st *Store) leave(key string, f *flight) {
	if st.flights[key] == f {
		delete(st.flights, key)
	}
}
