package bootapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootapi"
	"github.com/usher-boot/usher/internal/dispatch"
)

// decided has made up its mind.
type decided struct{ dispatch.Decision }

func (d *decided) Decide(context.Context, dispatch.Request) *dispatch.Decision { return &d.Decision }

// nowhere is an answer's way to the machine, without a machine.
type nowhere struct {
	header http.Header
	code   int
}

func (w *nowhere) Header() http.Header         { return w.header }
func (w *nowhere) WriteHeader(code int)        { w.code = code }
func (w *nowhere) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkHandler is the machines' door without the server before it and
// the decision behind it.
func BenchmarkHandler(b *testing.B) {
	for _, bench := range []struct {
		name     string
		decision dispatch.Decision
		code     int
	}{
		{"served", dispatch.Decision{Outcome: dispatch.Served, Cause: dispatch.CauseServed, Config: string(make([]byte, 1200))}, http.StatusOK},
		{"no", dispatch.Decision{Outcome: dispatch.No, Cause: dispatch.CauseUnknownMAC, Err: usher.ErrNotFound}, http.StatusNotFound},
	} {
		b.Run(bench.name, func(b *testing.B) {
			h := bootapi.New(bootapi.Options{
				Decider: &decided{bench.decision}, Observe: func(context.Context, *dispatch.Decision) {},
				RetryAfter: 3 * time.Second, Files: http.NotFoundHandler(),
			})
			request := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/v1/boot/52-54-00-12-34-56/boot.ipxe", nil)
			w := &nowhere{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				w.code = http.StatusOK
				h.ServeHTTP(w, request)
				if w.code != bench.code {
					b.Fatal(w.code)
				}
			}
		})
	}
}
