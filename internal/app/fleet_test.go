package app

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/admin"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/dispatch"
	"github.com/usher-boot/usher/internal/journal"
)

// TestJournalOutlivesReload: what was asked before a reload is still there,
// and what is asked after it joins it.
func TestJournalOutlivesReload(t *testing.T) {
	s := newSite(t)
	a := s.run("[conductor]heartbeat_interval=1")
	a.node(usher.DeployWait, s.image())
	a.get(DoorMachines, bootPath)
	s.write("[usher]retry_after=7")
	if err := a.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.get(DoorMachines, bootPath)
	got := a.get(DoorAdmin, "/v1/requests?mac="+aMAC)
	if strings.Count(got.body, `"outcome":"served"`) != 2 {
		t.Errorf("%+v", got)
	}

	var v admin.Overview
	if err := json.Unmarshal([]byte(a.get(DoorAdmin, "/v1/overview").body), &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Conductors) != 1 || v.Conductors[0].Host != "here" || !v.Conductors[0].Active || len(v.Conductors[0].Shares) != 1 ||
		v.Conductors[0].Shares[0].Part != 1 || v.Waiting.Total != 1 || v.Waiting.Nodes[0].Last.Count != 2 || !v.Answers || v.NotReady != "" {
		t.Errorf("%+v", v)
	}
	if got := a.do("POST", DoorAdmin, "/", ""); got.status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %+v", got)
	}
}

// TestPageInEachRole: the page of a process with one role says what it knows.
func TestPageInEachRole(t *testing.T) {
	s := newSite(t)
	a := s.run()
	a.node(usher.DeployWait, s.image())
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	for role, want := range map[Role]string{{API: true}: "No machine has asked", {Conductor: true}: "machines ask the API processes"} {
		s.write()
		one, err := New(t.Context(), Options{Role: role, Version: "test", Log: &s.log,
			Load: func() (*config.Config, error) { return config.Load(config.Sources{Files: []string{s.file}}) }})
		if err != nil {
			t.Fatal(role, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- one.Run(ctx) }()
		page := (&running{App: one, t: t}).get(DoorAdmin, "/")
		for _, text := range []string{want, "11111111-2222-4333-8444-555555555501", "here"} {
			if !strings.Contains(page.body, text) {
				t.Errorf("%s: no %q in %s", role, text, page.body)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(role, err)
		}
	}
}

// TestStopEndsFollowers: a stop does not wait for those who follow.
func TestStopEndsFollowers(t *testing.T) {
	s := newSite(t)
	a := s.run("[usher]shutdown_timeout=60")
	resp, err := http.Get("http://" + a.Addr(DoorAdmin) + "/v1/requests?follow=1")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	begin := time.Now()
	if err := a.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
}

// failing answers each call with an error of its own.
type failing struct{ err error }

func (f failing) GetBootConfig(context.Context, string, usher.BootNode, string) (string, error) {
	return "", f.err
}

// TestWatched: a call that brought no answer about the node is noted, an
// answer is not, nor one that the machine did not wait for.
func TestWatched(t *testing.T) {
	j := journal.New(10)
	gone, leave := context.WithCancel(t.Context())
	leave()
	for _, c := range []struct {
		ctx   context.Context
		err   error
		noted bool
	}{
		{t.Context(), nil, false},
		{t.Context(), usher.Errorf(usher.ErrNotFound, "no file"), false},
		{t.Context(), usher.Errorf(usher.ErrUnsupported, "not this one"), false},
		{gone, usher.Errorf(usher.ErrUnavailable, "broken off"), false},
		{t.Context(), usher.Errorf(usher.ErrUnavailable, "refused"), true},
		{t.Context(), errors.New("internal error"), true},
	} {
		before := j.Calls()["conductor-1"].Count
		var conductors dispatch.Conductors = watched{failing{c.err}, j}
		_, err := conductors.GetBootConfig(c.ctx, "conductor-1", usher.BootNode{}, "boot.ipxe")
		if !errors.Is(err, c.err) {
			t.Errorf("%v became %v", c.err, err)
		}
		if call := j.Calls()["conductor-1"]; (call.Count > before) != c.noted {
			t.Errorf("%v: noted %+v", c.err, call)
		}
	}
}
