package inventory

import (
	"testing"

	"github.com/usher-boot/usher"
)

// testAffinity notes who prepared several nodes at once, and leaves alone
// those that are locked and those that were not named. A lock that an update
// takes and gives back is one like ReserveNode's.
func testAffinity(t *testing.T, s *Store) {
	ctx := t.Context()
	a, b, c := createNode(t, s, "a"), createNode(t, s, "b"), createNode(t, s, "c")
	id, err := s.RegisterConductor(ctx, usher.Conductor{Hostname: "host"})
	if err != nil {
		t.Fatal(err)
	}
	reserve := func(n *usher.Node) error { n.Reservation = "host"; return nil }
	if _, err := s.UpdateNode(ctx, b.UUID, "", reserve); err != nil {
		t.Fatal(err)
	}
	_, err = s.UpdateNode(ctx, b.UUID, "", reserve)
	wantError(t, err, usher.ErrConflict, "NodeLocked", lockedBy(b, "host"))
	for _, uuids := range [][]string{nil, {a.UUID, b.UUID, "99999999-2222-4333-8444-555555555501"}} {
		if err := s.SetAffinity(ctx, uuids, id); err != nil {
			t.Fatal(err)
		}
	}
	for node, want := range map[*usher.Node]int64{a: id, b: 0, c: 0} {
		if got, err := s.Node(ctx, node.UUID); err != nil || got.ConductorAffinity != want {
			t.Errorf("%s: affinity %d, %v, want %d", node.Name, got.ConductorAffinity, err, want)
		}
	}
	free := func(n *usher.Node) error { n.Reservation, n.ConductorAffinity = "", id; return nil }
	if got, err := s.UpdateNode(ctx, b.UUID, "host", free); err != nil || got.Reservation != "" {
		t.Errorf("given back: %+v, %v", got, err)
	}
	if _, err := s.ReserveNode(ctx, b.UUID, "other"); err != nil {
		t.Error(err)
	}
}
