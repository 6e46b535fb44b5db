package images

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
)

// cut sends the first bytes of an answer that announces more, and hangs up.
func cut(w http.ResponseWriter, part []byte, total int) {
	w.Header().Set("Content-Length", fmt.Sprint(total))
	_, _ = w.Write(part)
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// TestResume breaks the connection, and looks at how the rest is asked for.
func TestResume(t *testing.T) {
	half := len(content) / 2
	changed := bytes.ToUpper(content)
	for _, tc := range []struct {
		name   string
		header http.Header // of the first answer
		second http.HandlerFunc
		ranges []string // asked for
		want   []byte
	}{
		{"strong ETag", http.Header{"Etag": {`"v1"`}}, nil, []string{"", fmt.Sprintf(`bytes=%d- "v1"`, half)}, content},
		{"date", http.Header{"Last-Modified": {"Sun, 09 Sep 2001 01:46:40 GMT"}}, nil,
			[]string{"", fmt.Sprintf(`bytes=%d- Sun, 09 Sep 2001 01:46:40 GMT`, half)}, content},
		{"weak ETag", http.Header{"Etag": {`W/"v1"`}}, nil, []string{"", ""}, content},
		{"nothing to recognise it by", nil, nil, []string{"", ""}, content},
		{"changed meanwhile", http.Header{"Etag": {`"v0"`}}, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(changed)
		}, []string{"", fmt.Sprintf(`bytes=%d- "v0"`, half)}, changed},
		{"shorter now", http.Header{"Etag": {`"v0"`}}, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			} else {
				_, _ = w.Write([]byte("short"))
			}
		}, []string{"", fmt.Sprintf(`bytes=%d- "v0"`, half), ""}, []byte("short")},
		{"another part than asked for", http.Header{"Etag": {`"v0"`}}, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				w.Header().Set("Content-Range", "bytes 5-9/10")
				w.WriteHeader(http.StatusPartialContent)
				_, _ = w.Write([]byte("wrong"))
			} else {
				_, _ = w.Write([]byte("right"))
			}
		}, []string{"", fmt.Sprintf(`bytes=%d- "v0"`, half), ""}, []byte("right")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var ranges []string
			url := serve(t, func(w http.ResponseWriter, r *http.Request) {
				ranges = append(ranges, strings.TrimSpace(r.Header.Get("Range")+" "+r.Header.Get("If-Range")))
				for k, v := range tc.header {
					w.Header()[k] = v
				}
				switch {
				case len(ranges) == 1:
					cut(w, content[:half], len(content))
				case tc.second != nil:
					tc.second(w, r)
				default:
					date, _ := http.ParseTime(tc.header.Get("Last-Modified"))
					http.ServeContent(w, r, "", date, bytes.NewReader(content))
				}
			})
			c := open(t, Options{})
			if err := fetch(t, c, Image{URL: url, Checksum: sum(tc.want)}, "k"); err != nil {
				t.Fatal(err)
			}
			wantFile(t, c, "k", tc.want)
			if diff := cmp.Diff(tc.ranges, ranges); diff != "" {
				t.Errorf("ranges (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAttempts: what brings the file further is not counted, what does not is.
func TestAttempts(t *testing.T) {
	const step = 100_000
	asked := 0
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Header().Set("ETag", `"v1"`)
		var first int
		_, _ = fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &first)
		if first > 0 {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, len(content)-1, len(content)))
			w.Header().Set("Content-Length", fmt.Sprint(len(content)-first))
			w.WriteHeader(http.StatusPartialContent)
		}
		_, _ = w.Write(content[first:min(first+step, len(content))])
		if first+step < len(content) {
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
	})
	c := open(t, Options{Attempts: 2})
	if err := fetch(t, c, Image{URL: url, Checksum: sum(content)}, "k"); err != nil {
		t.Error(err)
	}
	if want := (len(content) + step - 1) / step; asked != want {
		t.Errorf("asked %d times, want %d", asked, want)
	}
	for _, code := range []int{500, 503, 429, 408} {
		asked = 0
		url := serve(t, func(w http.ResponseWriter, _ *http.Request) { asked++; w.WriteHeader(code) })
		err := fetch(t, c, Image{URL: url}, "k")
		if !errors.Is(err, usher.ErrUnavailable) || asked != 2 {
			t.Errorf("%d: %v, asked %d times", code, err, asked)
		}
	}
	for _, code := range []int{400, 401, 403, 404, 204} {
		asked = 0
		url := serve(t, func(w http.ResponseWriter, _ *http.Request) { asked++; w.WriteHeader(code) })
		err := fetch(t, c, Image{URL: url}, "k")
		if !errors.Is(err, usher.ErrInvalid) || asked != 1 || !strings.Contains(err.Error(), fmt.Sprint(code)) {
			t.Errorf("%d: %v, asked %d times", code, err, asked)
		}
	}
}

func TestStall(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(content[:1000])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	silent := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c := open(t, Options{StallTimeout: 50 * time.Millisecond, Attempts: 2})
	for _, u := range []string{url, silent} {
		err := fetch(t, c, Image{URL: u}, "k")
		if !errors.Is(err, usher.ErrUnavailable) || !strings.Contains(err.Error(), "no data for 50ms") {
			t.Errorf("error %v", err)
		}
		wantFile(t, c, "k", nil)
	}
}

func TestServerDown(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	down := "http://user:secret@" + listener.Addr().String() + "/path/k?token=secret#secret"
	listener.Close()
	c := open(t, Options{Attempts: 2})
	err = fetch(t, c, Image{URL: down}, "k")
	if !errors.Is(err, usher.ErrUnavailable) || !strings.Contains(err.Error(), "/path/k?...") || !strings.Contains(err.Error(), "refused") {
		t.Errorf("error %v", err)
	}
	if strings.Contains(fmt.Sprint(err), "secret") || strings.Contains(fmt.Sprint(err), "user") {
		t.Errorf("error %v shows secrets", err)
	}

	// With a copy in the store an outage does no harm, but a "no" counts.
	code := http.StatusOK
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = w.Write([]byte("k"))
	})
	for _, step := range []struct {
		code int
		want error
	}{{200, nil}, {503, nil}, {404, usher.ErrInvalid}} {
		code = step.code
		if err := fetch(t, c, Image{URL: url}, "k"); !errors.Is(err, step.want) {
			t.Errorf("%d: %v, want %v", code, err, step.want)
		}
		wantFile(t, c, "k", []byte("k"))
	}
}

func TestProgress(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
	file := filepath.Join(t.TempDir(), "k")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var got []Progress
	c := open(t, Options{AllowedPaths: []string{filepath.Dir(file)}, Progress: func(p Progress) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, p)
	}})
	for _, u := range []string{url + "/k?secret", "file://" + file} {
		got = nil
		if err := fetch(t, c, Image{URL: u}, "k"); err != nil {
			t.Fatal(err)
		}
		size := int64(len(content))
		shown := strings.Replace(u, "secret", "...", 1)
		if len(got) == 0 || got[len(got)-1] != (Progress{shown, size, size}) {
			t.Errorf("progress %v", got)
		}
		if !slices.IsSortedFunc(got, func(a, b Progress) int { return int(a.Done - b.Done) }) {
			t.Errorf("progress goes back: %v", got)
		}
	}
}

// TestDownloads bounds how many run at once; who waits for a turn may give up.
func TestDownloads(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-release
		_, _ = w.Write([]byte("k"))
	})
	c := open(t, Options{Downloads: 1})
	var first sync.WaitGroup
	first.Go(func() {
		if err := fetch(t, c, Image{URL: url + "/1"}, "k1"); err != nil {
			t.Error(err)
		}
	})
	<-arrived
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Fetch(ctx, Image{URL: url + "/2"}, time.Now()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("second download: %v", err)
	}
	close(release)
	first.Wait()
}
