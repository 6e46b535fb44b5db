package inventory

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/usher-boot/usher"
)

func testConductors(t *testing.T, s *Store) {
	ctx := t.Context()
	if all, err := s.Conductors(ctx); len(all) != 0 || err != nil {
		t.Fatalf("at first: %v, %v", all, err)
	}
	one := usher.Conductor{Hostname: "127.0.0.11", Group: "rack1", Interfaces: []usher.HardwareInterface{
		{HardwareType: "manual-management", Type: "boot", Name: "http-ipxe"},
		{HardwareType: "manual-management", Type: "boot", Name: "ipxe", Default: true},
	}}
	two := usher.Conductor{Hostname: "conductor-é:8089"}
	var err error
	if one.ID, err = s.RegisterConductor(ctx, one); err != nil {
		t.Fatal(err)
	}
	if two.ID, err = s.RegisterConductor(ctx, two); err != nil {
		t.Fatal(err)
	}
	one.Online, two.Online = true, true
	check := func(what string) {
		t.Helper()
		got, err := s.Conductors(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]usher.Conductor{one, two}, got, cmpopts.IgnoreFields(usher.Conductor{}, "CreatedAt", "UpdatedAt")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
		for _, c := range got {
			if age := time.Since(c.UpdatedAt); age < -time.Second || age > time.Minute || c.UpdatedAt.Location() != time.UTC {
				t.Errorf("%s: heartbeat of %s at %v, not now in UTC", what, c.Hostname, c.UpdatedAt)
			}
		}
	}
	check("registered")

	if err := s.SetOffline(ctx, two.Hostname); err != nil {
		t.Fatal(err)
	}
	if err := s.SetOffline(ctx, two.Hostname); err != nil {
		t.Errorf("offline twice: %v", err)
	}
	two.Online = false
	check("offline")
	if err := s.Heartbeat(ctx, two.Hostname); err != nil {
		t.Fatal(err)
	}
	two.Online = true
	check("heartbeat")

	one.Interfaces = []usher.HardwareInterface{{HardwareType: "fake-hardware", Type: "boot", Name: "fake"}}
	one.Group = ""
	id, err := s.RegisterConductor(ctx, one)
	if err != nil || id != one.ID {
		t.Errorf("registered again: id %d, %v, want %d", id, err, one.ID)
	}
	check("registered again")

	gone := "Conductor nobody could not be found."
	wantError(t, s.Heartbeat(ctx, "nobody"), usher.ErrNotFound, "ConductorNotFound", gone)
	wantError(t, s.SetOffline(ctx, "nobody"), usher.ErrNotFound, "ConductorNotFound", gone)
}
