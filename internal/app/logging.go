package app

import (
	"io"
	"log/slog"

	"github.com/usher-boot/usher/internal/config"
)

// logging is the process's logger and the level that a reload may change.
type logging struct {
	w      io.Writer
	buffer *logBuffer // before w
	logger *slog.Logger
	level  slog.LevelVar
}

func newLogging(w io.Writer, cfg *config.Config) *logging {
	l := &logging{w: w, buffer: newLogBuffer(w)}
	l.set(cfg)
	options := &slog.HandlerOptions{Level: &l.level}
	var handler slog.Handler = slog.NewTextHandler(l.buffer, options)
	if cfg.Default.UseJSON {
		handler = slog.NewJSONHandler(l.buffer, options)
	}
	l.logger = slog.New(handler)
	return l
}

func (l *logging) set(cfg *config.Config) {
	l.level.Set(slog.LevelInfo)
	if cfg.Default.Debug {
		l.level.Set(slog.LevelDebug)
	}
}
