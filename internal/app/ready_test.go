package app

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-boot/usher"
)

// notReady wants /readyz to say why, as an answer that load balancers know.
func (r *running) notReady(words string) {
	r.t.Helper()
	if got := r.get(DoorAdmin, "/readyz"); got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, words) {
		r.t.Errorf("/readyz: %d %q, want 503 with %q", got.status, got.body, words)
	}
	if got := r.get(DoorAdmin, "/healthz"); got.status != http.StatusOK {
		r.t.Errorf("/healthz: %d", got.status)
	}
}

func TestNotReady(t *testing.T) {
	s := newSite(t)
	a := s.run()
	if text := a.get(DoorAdmin, "/metrics").body; !strings.Contains(text, "\nusher_ready 1") {
		t.Errorf("not ready in the metrics:\n%s", text)
	}
	if err := a.store.SetOffline(t.Context(), "here"); err != nil {
		t.Fatal(err)
	}
	a.rings.Reset()
	a.notReady("no conductor is active")
	if _, err := a.store.RegisterConductor(t.Context(), usher.Conductor{Hostname: "here"}); err != nil {
		t.Fatal(err)
	}
	a.rings.Reset()
	if got := a.get(DoorAdmin, "/readyz"); got.status != http.StatusOK {
		t.Fatalf("%+v", got)
	}
}

// While doors are drained those who ask are answered, so what they need ends
// later.
func TestStopOrder(t *testing.T) {
	a := newSite(t).run()
	place := func(name string) int {
		t.Helper()
		i := slices.IndexFunc(a.lifecycle.steps, func(s step) bool { return s.name == name })
		if i < 0 {
			t.Errorf("%s is not stopped", name)
		}
		return i
	}
	for _, needed := range []string{"calls for boot files", DoorAdmin + " door", "http_root"} {
		if place(needed) > place(DoorMachines+" door") {
			t.Errorf("%s ends before the machines' door", needed)
		}
	}
}

// A conductor that is not registered is asked by nobody, and without the
// database nobody is answered.
func TestNotReadyYet(t *testing.T) {
	a, err := newSite(t).new()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.lifecycle.stop(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	notReady := func(words string) {
		t.Helper()
		if err := a.ready(t.Context()); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("ready: %v, want %q", err, words)
		}
	}
	notReady("conductor here is not registered yet")
	if _, err := a.member.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.rings.Reset()
	if err := a.ready(t.Context()); err != nil {
		t.Errorf("ready: %v", err)
	}
	if err := a.store.Close(); err != nil {
		t.Fatal(err)
	}
	notReady("database")
}

// While a stop waits for what machines are still being sent, the process says
// that it is stopping, and they get it to the end.
func TestStoppingIsNotReady(t *testing.T) {
	s := newSite(t)
	a := s.run()
	const size = 64 << 20 // more than the kernel takes of it at once
	name := filepath.Join(s.dir, httpFolder, "kernel")
	if err := os.WriteFile(name, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, size); err != nil {
		t.Fatal(err)
	}
	response, err := http.Get("http://" + a.Addr(DoorMachines) + "/kernel")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	stopped := make(chan error, 1)
	go func() { stopped <- a.stop() }()
	for deadline := time.After(20 * time.Second); a.get(DoorAdmin, "/readyz").status == http.StatusOK; {
		select {
		case <-deadline:
			t.Fatal("ready all through the stop")
		case <-time.After(time.Millisecond):
		}
	}
	a.notReady("not ready: stopping")
	if n, err := io.Copy(io.Discard, response.Body); err != nil || n != size {
		t.Errorf("the machine got %d bytes of %d: %v", n, size, err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("stop: %v", err)
	}
}
