package images

import "context"

// flight is one fetch that several callers wait for.
type flight struct {
	done    chan struct{}
	err     error // valid once done is closed
	waiters int   // under Cache.mu
	cancel  context.CancelFunc
}

// ensure brings an image into the cache, or joins the caller who does. The
// fetch goes on while anybody waits for it; the last to give up ends it and
// waits for its end, so none is left behind.
func (c *Cache) ensure(ctx context.Context, s source) error {
	c.mu.Lock()
	f, ok := c.flights[s.key]
	if !ok {
		fetchCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		f = &flight{done: make(chan struct{}), cancel: cancel}
		c.flights[s.key] = f
		go func() {
			defer close(f.done)
			defer cancel()
			f.err = c.fetch(fetchCtx, s)
			c.mu.Lock()
			defer c.mu.Unlock()
			c.leave(s.key, f)
		}()
	}
	f.waiters++
	c.mu.Unlock()

	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
	}
	c.mu.Lock()
	f.waiters--
	last := f.waiters == 0
	if last {
		f.cancel()
		c.leave(s.key, f) // whoever comes now starts anew
	}
	c.mu.Unlock()
	if last {
		<-f.done
	}
	return ctx.Err()
}

// leave forgets a flight, unless the next one has taken its place. The caller
// holds mu.
func (c *Cache) leave(key string, f *flight) {
	if c.flights[key] == f {
		delete(c.flights, key)
	}
}

// flying says whether an image is being fetched.
func (c *Cache) flying(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.flights[key] != nil
}
