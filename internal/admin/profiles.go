package admin

import (
	"context"
	"net/http"
	"net/http/pprof"
)

// profiles answers "go tool pprof" while enabled says so: where the CPU time
// goes and what holds memory, by function names and addresses, with no data.
// What would show more or cost more is left out: the command line, symbols
// and execution traces.
func profiles(mux *http.ServeMux, enabled func() bool, stopped <-chan struct{}) {
	mux.HandleFunc("GET /debug/pprof/{profile}", func(w http.ResponseWriter, r *http.Request) {
		if enabled == nil || !enabled() {
			http.Error(w, "profiles are not given: set [usher]profiling = true and reload", http.StatusNotFound)
			return
		}
		switch name := r.PathValue("profile"); name {
		case "profile":
			// Takes 30 s or as long as asked for, and must not hold up a stop.
			ctx, cancel := context.WithCancel(r.Context())
			defer cancel()
			go func() {
				select {
				case <-stopped:
					cancel()
				case <-ctx.Done():
				}
			}()
			pprof.Profile(w, r.WithContext(ctx))
		case "heap", "allocs", "goroutine":
			pprof.Handler(name).ServeHTTP(w, r)
		default:
			http.Error(w, "there are profile, heap, allocs and goroutine", http.StatusNotFound)
		}
	})
}
