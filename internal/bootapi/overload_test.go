package bootapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-boot/usher/internal/bootapi"
	"github.com/usher-boot/usher/internal/dispatch"
)

// slow decides when it is let go.
type slow chan struct{}

func (s slow) Decide(context.Context, dispatch.Request) *dispatch.Decision {
	<-s
	return &dispatch.Decision{Outcome: dispatch.Served, Cause: dispatch.CauseServed, Config: "#!ipxe\n"}
}

// TestOverload: who is one too many is asked at once to come again, and only
// some of a flood of them are told to the log.
func TestOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 3
		let := make(slow)
		observed, counted := map[dispatch.Cause]int{}, map[dispatch.Cause]int{}
		done := make(chan struct{}, most)
		h := bootapi.New(bootapi.Options{Decider: let, MaxRequests: most, RetryAfter: 5 * time.Second,
			Scripts: map[string][]byte{"/boot.ipxe": []byte("#!ipxe\n")},
			Observe: func(_ context.Context, d *dispatch.Decision) {
				if observed[d.Cause]++; d.Cause == dispatch.CauseServed {
					done <- struct{}{}
				}
			},
			Count: func(_ context.Context, d *dispatch.Decision) { counted[d.Cause]++ }})
		ask := func(path string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
			return w
		}
		const file = "/v1/boot/52-54-00-12-34-56/boot.ipxe"
		for range most {
			go ask(file)
		}
		synctest.Wait()
		const flood = 100
		for range flood {
			if w := ask(file); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "5" {
				t.Fatalf("one too many: %d %v", w.Code, w.Header())
			}
		}
		if w := ask("/boot.ipxe"); w.Code != http.StatusOK {
			t.Errorf("a script during the overload: %d", w.Code)
		}
		for range most {
			let <- struct{}{}
			<-done
		}
		synctest.Wait()
		go func() { let <- struct{}{} }()
		if w := ask(file); w.Code != http.StatusOK {
			t.Errorf("after the overload: %d", w.Code)
		}
		if observed[dispatch.CauseServed] != most+1 || observed[dispatch.CauseOverloaded] == 0 ||
			observed[dispatch.CauseOverloaded] > flood/4 || observed[dispatch.CauseOverloaded]+counted[dispatch.CauseOverloaded] != flood {
			t.Errorf("observed %v, counted %v", observed, counted)
		}
	})
}
