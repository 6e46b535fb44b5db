package app

import (
	"io"
	"log/slog"

	"github.com/usher-boot/usher/internal/config"
)

// logging is the process's logger and the level that a reload may change.
type logging struct {
	w      io.Writer
	lines  *lines // before w
	logger *slog.Logger
	level  slog.LevelVar
}

func newLogging(w io.Writer, cfg *config.Config) *logging {
	l := &logging{w: w, lines: newLines(w)}
	l.set(cfg)
	options := &slog.HandlerOptions{Level: &l.level}
	if cfg.Default.UseJSON {
		l.logger = slog.New(slog.NewJSONHandler(l.lines, options))
	} else {
		l.logger = slog.New(newTextHandler(l.lines, options))
	}
	return l
}

func (l *logging) set(cfg *config.Config) {
	l.level.Set(slog.LevelInfo)
	if cfg.Default.Debug {
		l.level.Set(slog.LevelDebug)
	}
}
