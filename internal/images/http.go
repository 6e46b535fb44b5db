package images

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// temporary is a failure that may pass: the server's or the network's.
type temporary struct{ error }

func (e temporary) Unwrap() error { return e.error }

var errStalled = errors.New("no data")

// get downloads by HTTP, with as many attempts as bring the file further and
// a few more. An image that is in the store is used as it is when its server
// is out of order, and at once: a machine waits for the answer, and the
// conductor that took it over may be the third one that is asked.
func (d *download) get(ctx context.Context) error {
	o := d.store.options
	pause, furthest := o.RetryPause, int64(0)
	for attempt := 1; ; attempt++ {
		err := d.request(ctx)
		passing, ok := errors.AsType[temporary](err)
		if !ok {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if d.known != nil && d.done == 0 {
			o.Logger.Warn("image server out of order, using the stored image", "image", d.source.shown, "cause", passing.Error())
			return errStale
		}
		if d.done > furthest {
			attempt, pause, furthest = 1, o.RetryPause, d.done
		}
		if attempt >= o.Attempts {
			if d.known != nil {
				o.Logger.Warn("image server out of order, using the stored image", "image", d.source.shown, "cause", passing.Error())
				return errStale
			}
			return unavailable(d.source.shown, "%v (%d attempts)", passing.error, o.Attempts)
		}
		o.Logger.Info("image download interrupted, trying again", "image", d.source.shown, "done", d.done,
			"pause", pause, "cause", passing.Error())
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
		pause *= 2
	}
}

// knownPatience is how long the server may take to say whether an image that
// is in the store is still the right one.
const knownPatience = time.Second

// request is one attempt. It goes on where the last one ended, where the
// server has given something to recognise the file by.
func (d *download) request(ctx context.Context) error {
	stall := d.store.options.StallTimeout
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	patience := stall
	if d.known != nil && d.done == 0 {
		patience = min(stall, knownPatience)
	}
	watchdog := time.AfterFunc(patience, func() { cancel(fmt.Errorf("%w for %s", errStalled, patience)) })
	defer watchdog.Stop()

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.source.url.String(), nil)
	if err != nil {
		return invalid(d.source.shown, "it is not a URL")
	}
	d.condition(req)
	resp, err := d.store.options.Client.Do(req)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		} else if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // without the URL, which may hold secrets
		}
		return temporary{err}
	}
	defer resp.Body.Close()
	if err := d.accept(resp); err != nil {
		return err
	}
	watchdog.Reset(stall)
	err = d.copyFrom(ctx, resp.Body, func() { watchdog.Reset(stall) })
	if _, ok := errors.AsType[readError](err); ok {
		return temporary{fmt.Errorf("after %d bytes: %w", d.done, err)}
	}
	if err != nil {
		return err
	}
	return d.finish()
}

// condition asks for the rest of what we have, or for what has changed.
func (d *download) condition(req *http.Request) {
	if d.done > 0 {
		if v := d.validator(); v != "" {
			req.Header.Set("Range", fmt.Sprintf("bytes=%d-", d.done))
			req.Header.Set("If-Range", v)
		}
		return
	}
	if d.known == nil {
		return
	}
	if d.known.ETag != "" {
		req.Header.Set("If-None-Match", d.known.ETag)
	}
	if d.known.LastModified != "" {
		req.Header.Set("If-Modified-Since", d.known.LastModified)
	}
}

// validator is what If-Range takes: a strong ETag, or a date.
func (d *download) validator() string {
	if d.note.ETag != "" && !strings.HasPrefix(d.note.ETag, "W/") {
		return d.note.ETag
	}
	return d.note.LastModified
}

// accept judges an answer, and empties the file where it begins anew.
func (d *download) accept(resp *http.Response) error {
	switch code := resp.StatusCode; {
	case code == http.StatusNotModified && d.known != nil:
		return errFresh
	case code == http.StatusPartialContent && d.done > 0:
		var first int64
		if _, err := fmt.Sscanf(resp.Header.Get("Content-Range"), "bytes %d-", &first); err == nil && first == d.done {
			d.total = -1
			if resp.ContentLength >= 0 {
				d.total = d.done + resp.ContentLength
			}
			return nil
		}
		return errors.Join(d.forget(), temporary{errors.New("the server sent another part of the file than asked for")})
	case code == http.StatusRequestedRangeNotSatisfiable && d.done > 0:
		return errors.Join(d.forget(), temporary{errors.New("the file has become shorter")})
	case code == http.StatusOK:
		d.note = note{ETag: resp.Header.Get("ETag"), LastModified: resp.Header.Get("Last-Modified")}
		if t, err := http.ParseTime(d.note.LastModified); err == nil {
			d.note.Modified = t
		}
		d.total = resp.ContentLength
		return d.restart()
	case code >= 500, code == http.StatusTooManyRequests, code == http.StatusRequestTimeout:
		return temporary{fmt.Errorf("the server answered %s", status(resp))}
	}
	return invalid(d.source.shown, "Got HTTP code %d instead of 200 in response to GET request.", resp.StatusCode)
}

func (d *download) forget() error {
	d.note = note{}
	return d.restart()
}

// status is the answer's code in known words: the server's own are not ours
// to print.
func status(resp *http.Response) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", resp.StatusCode, http.StatusText(resp.StatusCode)))
}
