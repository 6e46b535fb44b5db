package bootapi

import (
	"log/slog"
	"net/http"
	"time"
)

// NewServer returns a server for the machines' door, with the bounds that
// strangers need: they may be slow, silent or many.
func NewServer(handler http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      stallTimeout,
		// iPXE drops its idle connections after 10 s; booted machines never do.
		IdleTimeout:    10 * time.Second,
		MaxHeaderBytes: 16 << 10,
		ConnContext:    mark,
		ConnState:      TrackIdle,
		ErrorLog:       slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
}
