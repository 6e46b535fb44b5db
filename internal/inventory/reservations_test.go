package inventory

import (
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/usher-boot/usher"
)

func lockedBy(n *usher.Node, host string) string {
	return "Node " + n.UUID + " is locked by host " + host + ", please retry after the current operation is completed."
}

func testReservations(t *testing.T, s *Store) {
	ctx := t.Context()
	n := createNode(t, s, "n")
	got, err := s.ReserveNode(ctx, "n", "a")
	if err != nil || got.Reservation != "a" || got.UUID != n.UUID {
		t.Fatalf("reserved: %+v, %v", got, err)
	}
	keep := func(*usher.Node) error { return nil }

	_, err = s.ReserveNode(ctx, n.UUID, "a")
	wantError(t, err, usher.ErrConflict, "NodeLocked", lockedBy(n, "a"))
	_, err = s.UpdateNode(ctx, n.UUID, "", keep)
	wantError(t, err, usher.ErrConflict, "NodeLocked", lockedBy(n, "a"))
	_, err = s.UpdateNode(ctx, n.UUID, "A", keep) // a holder is compared by bytes on every engine
	wantError(t, err, usher.ErrConflict, "NodeLocked", lockedBy(n, "a"))
	wantError(t, s.DeleteNode(ctx, n.UUID, ""), usher.ErrConflict, "NodeLocked", lockedBy(n, "a"))
	wantError(t, s.ReleaseNode(ctx, n.UUID, "b"), usher.ErrConflict, "NodeLocked", lockedBy(n, "a"))
	wantError(t, s.StealReservation(ctx, n.UUID, "b", "c"), usher.ErrConflict, "NodeLocked", lockedBy(n, "a"))
	if err := s.StealReservation(ctx, n.UUID, "a", "b"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.UpdateNode(ctx, n.UUID, "b", keep); err != nil {
		t.Fatal(err)
	}
	if err := s.ReleaseNode(ctx, n.UUID, "b"); err != nil {
		t.Fatal(err)
	}
	notLocked := "Node " + n.UUID + " found not to be locked on release"
	wantError(t, s.ReleaseNode(ctx, n.UUID, "b"), usher.ErrConflict, "NodeNotLocked", notLocked)
	_, err = s.UpdateNode(ctx, n.UUID, "b", keep)
	wantError(t, err, usher.ErrConflict, "NodeNotLocked", notLocked)
	if _, err := s.ReserveNode(ctx, "nobody", "a"); !errors.Is(err, usher.ErrNotFound) {
		t.Errorf("reserve of an unknown node: %v", err)
	}

	for i := range 3 {
		createNode(t, s, "more-"+strconv.Itoa(i))
		if _, err := s.ReserveNode(ctx, "more-"+strconv.Itoa(i), "crashed"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.ReserveNode(ctx, "n", "alive"); err != nil {
		t.Fatal(err)
	}
	if freed, err := s.ReleaseReservations(ctx, "crashed"); freed != 3 || err != nil {
		t.Errorf("freed %d, %v, want 3", freed, err)
	}
	if n, err := s.Node(ctx, "n"); err != nil || n.Reservation != "alive" {
		t.Errorf("another host's reservation: %+v, %v", n, err)
	}
	if err := s.DeleteNode(ctx, n.UUID, "alive"); err != nil {
		t.Error(err)
	}
}

// testContention lets many tasks fight for one node: exactly one may win each
// round, and no update may be lost.
func testContention(t *testing.T, s *Store) {
	ctx := t.Context()
	n := createNode(t, s, "n")
	const tasks, rounds = 8, 5
	var won atomic.Int64
	var wg sync.WaitGroup
	for task := range tasks {
		wg.Go(func() {
			holder := "host-" + strconv.Itoa(task)
			for range rounds {
				if _, err := s.UpdateNode(ctx, n.UUID, "", func(n *usher.Node) error {
					count, _ := n.Extra["count"].(float64)
					n.Extra["count"] = count + 1
					return nil
				}); err != nil && !errors.Is(err, usher.ErrConflict) {
					t.Errorf("update: %v", err)
				} else if err == nil {
					won.Add(1)
				}
				_, err := s.ReserveNode(ctx, n.UUID, holder)
				if errors.Is(err, usher.ErrConflict) {
					continue
				}
				if err != nil {
					t.Errorf("reserve: %v", err)
					continue
				}
				now, err := s.Node(ctx, n.UUID)
				if err != nil || now.Reservation != holder {
					t.Errorf("%s holds the node, but it says %+v, %v", holder, now, err)
				}
				if err := s.ReleaseNode(ctx, n.UUID, holder); err != nil {
					t.Errorf("release: %v", err)
				}
			}
		})
	}
	wg.Wait()
	got, err := s.Node(ctx, n.UUID)
	if err != nil {
		t.Fatal(err)
	}
	if count, _ := got.Extra["count"].(float64); int64(count) != won.Load() || count == 0 {
		t.Errorf("%v updates arrived of %d that were answered", count, won.Load())
	}
}
