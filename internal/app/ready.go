package app

import (
	"context"
	"errors"

	"github.com/usher-boot/usher"
)

var (
	errAppStopping = errors.New("stopping: what was asked is still answered, but ask another one")
	errNoConductor = errors.New("no conductor is active: see 'usher conductor list'")
)

// ready says why this process could not answer for a known MAC, or nil.
func (a *App) ready(ctx context.Context) error {
	if a.stopping.Load() {
		return errAppStopping
	}
	if err := a.nodes.Ping(ctx); err != nil {
		return err
	}
	if err := a.readyConductor(ctx); err != nil {
		return err
	}
	if !a.role.API {
		return nil
	}
	active, err := a.rings.Active(ctx)
	if err == nil && len(active) == 0 {
		err = errNoConductor
	}
	return err
}

// readyConductor says why nobody would ask the conductor or agent of this
// process, or nil.
func (a *App) readyConductor(ctx context.Context) error {
	switch {
	case a.member != nil:
		if a.member.ID() == 0 {
			return usher.Errorf(usher.ErrUnavailable, "conductor %s is not registered yet", a.host)
		}
	case a.agent != nil && !a.role.API: // an API has the other agents too
		_, err := a.rings.Beside(ctx, a.name)
		return err
	}
	return nil
}
