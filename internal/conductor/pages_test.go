package conductor_test

import (
	"fmt"
	"testing"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/conductor"
)

// TestEach: a pass over more nodes than one page holds visits each once, also
// while those that it has visited leave the filter.
func TestEach(t *testing.T) {
	w := newWorld(t)
	c := w.conductor("a", t.TempDir())
	want := 2*conductor.PageSize + 1
	for i := range want {
		n := &usher.Node{UUID: fmt.Sprintf("11111111-2222-4333-8444-%012d", i), ProvisionState: usher.CleanWait}
		if err := w.store.CreateNode(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]int{}
	err := c.Each(t.Context(), usher.NodeFilter{ProvisionStates: []usher.State{usher.CleanWait}}, func(n *usher.Node) error {
		if seen[n.UUID]++; len(seen) <= 3 {
			w.change(n.UUID, func(n *usher.Node) { n.ProvisionState = usher.CleanFailed })
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) != want {
		t.Errorf("visited %d nodes of %d", len(seen), want)
	}
	for uuid, times := range seen {
		if times != 1 {
			t.Errorf("visited %s %d times", uuid, times)
		}
	}
}
