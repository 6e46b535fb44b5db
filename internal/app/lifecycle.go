package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
)

// lifecycle undoes what was built, in reverse, each step by name.
type lifecycle struct {
	logger *slog.Logger
	steps  []step
}

type step struct {
	name string
	stop func(ctx context.Context) error
}

// onStop registers how to undo what was just built.
func (l *lifecycle) onStop(name string, stop func(ctx context.Context) error) {
	l.steps = append(l.steps, step{name, stop})
}

// stop undoes everything, the newest first. ctx bounds all steps together;
// one that fails does not keep the others from running.
func (l *lifecycle) stop(ctx context.Context) error {
	var errs []error
	for _, s := range slices.Backward(l.steps) {
		err := s.stop(ctx)
		if errors.Is(err, context.DeadlineExceeded) { // the bound is there to be used: no failure
			l.logger.Warn("cut off what did not end in time", "part", s.name)
			continue
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", s.name, err))
		}
	}
	l.steps = nil
	return errors.Join(errs...)
}
