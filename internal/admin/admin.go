// Package admin is the operator's door: metrics, health and readiness. It
// changes nothing and shows no secrets.
package admin

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// Ready says why this process cannot answer for a known MAC, or nil.
type Ready func(ctx context.Context) error

// New returns the handler of the admin door.
func New(metrics http.Handler, ready Ready) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if err := ready(ctx); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintf(w, "not ready: %v\n", err)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	return mux
}
