package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootapi"
	"github.com/usher-boot/usher/internal/membership"
)

// up tells the service manager that the doors are open and, with the
// conductor role, that the conductor is registered.
func (a *App) up(ctx context.Context) {
	a.isUp.Store(true)
	a.told(a.notifier.Ready(ctx, a.summary()))
}

// down tells the service manager as soon as ctx ends that the process stops.
func (a *App) down(ctx context.Context, limit time.Duration) error {
	<-ctx.Done()
	a.told(a.notifier.Stopping(ctx, fmt.Sprintf("stopping; requests have up to %s to end", limit)))
	return nil
}

// reloading says so to the service manager; what it returns tells it the end.
// Before the process is up neither is said: a manager takes the end of a
// reload for the end of the start.
func (a *App) reloading(ctx context.Context) func(error) {
	if !a.isUp.Load() {
		return func(error) {}
	}
	a.told(a.notifier.Reloading(ctx))
	return func(err error) {
		status := a.summary()
		if err != nil {
			status = fmt.Sprintf("%s; the configuration was not reloaded: %v", status, err)
		}
		a.told(a.notifier.Ready(ctx, status))
	}
}

// summary is the process in one line.
func (a *App) summary() string {
	doors := make([]string, len(a.doors))
	for i, d := range a.doors {
		doors[i] = d.name + " " + d.listener.Addr().String()
	}
	line := a.role.String() + ", doors: " + strings.Join(doors, ", ")
	if a.local != nil {
		line += "; conductor " + a.host
	}
	return line
}

// watch lets the service manager know for as long as ctx lasts that the
// process is alive, where it wants to know.
func (a *App) watch(ctx context.Context) error {
	a.notifier.Watch(ctx, a.alive, func(err error) {
		a.logger.Error("not alive; the service manager is not told that we are", "error", err)
		a.told(a.notifier.Status(ctx, "not alive: "+err.Error()))
	})
	return nil
}

// told logs what kept the service manager from hearing of us. There is nothing
// else to be done about it.
func (a *App) told(err error) {
	if err != nil {
		a.logger.Warn("the service manager was not told", "error", err)
	}
}

// alive says what in this process hangs, so that only a restart helps; nil
// where nothing does. What is down around it (the database, other conductors)
// and what is full (a door's connections) is no reason: a restart would mend
// neither, and answers 503 until then just the same.
func (a *App) alive(ctx context.Context) error {
	if err := a.adminAnswers(ctx); err != nil {
		return err
	}
	if err := a.machinesAnswer(ctx); err != nil {
		return err
	}
	return a.pulse.check(time.Now())
}

// adminAnswers asks the admin door over the network, as anybody would.
func (a *App) adminAnswers(ctx context.Context) error {
	host, port, err := net.SplitHostPort(a.Addr(DoorAdmin))
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/healthz", nil)
	if err != nil {
		return err
	}
	// A connection of its own: that one can be made is half of what is asked.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("the admin door: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the admin door answers /healthz with %s", response.Status)
	}
	return nil
}

// machinesAnswer asks the machines' door's handler, past its listener, which
// is allowed to be full.
func (a *App) machinesAnswer(ctx context.Context) error {
	request, err := http.NewRequestWithContext(bootapi.Unlimited(ctx), http.MethodHead, "/boot.ipxe", nil)
	if err != nil {
		return err
	}
	request.RemoteAddr = "127.0.0.1:0"
	answered := make(chan struct{})
	go func() { // if it hangs, this does too, until the process ends
		a.machine.ServeHTTP(discard{}, request)
		close(answered)
	}()
	select {
	case <-answered:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the machines' door does not answer: %w", ctx.Err())
	}
}

// discard is a response that nobody reads.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

// pulse notes each heartbeat that a conductor begins to write, whether or not
// the database takes it.
type pulse struct {
	membership.Registry
	limit time.Duration // none for so long: it hangs
	last  atomic.Pointer[time.Time]
}

func newPulse(r membership.Registry, interval time.Duration) *pulse {
	// An attempt may take an interval, and the pause after it another.
	return &pulse{Registry: r, limit: 4 * interval}
}

func (p *pulse) beat() {
	now := time.Now()
	p.last.Store(&now)
}

func (p *pulse) RegisterConductor(ctx context.Context, c usher.Conductor) (int64, error) {
	p.beat()
	return p.Registry.RegisterConductor(ctx, c)
}

func (p *pulse) Heartbeat(ctx context.Context, hostname string) error {
	p.beat()
	return p.Registry.Heartbeat(ctx, hostname)
}

var errNoPulse = errors.New("the conductor has stopped to write heartbeats")

// check says whether heartbeats are being tried; nil also for a process that
// is no conductor.
func (p *pulse) check(now time.Time) error {
	if p == nil {
		return nil
	}
	if last := p.last.Load(); last != nil && now.Sub(*last) > p.limit {
		return fmt.Errorf("%w, the last one was tried %s ago", errNoPulse, now.Sub(*last).Round(time.Second))
	}
	return nil
}
