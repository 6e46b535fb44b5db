package conductor

import (
	"context"
	"slices"

	"github.com/usher-boot/usher"
)

// Use is what nodes need of the images.
type Use struct {
	Sources map[Source]bool // by where they come from
	Digests map[string]bool // by content
}

// Source is where an image comes from.
type Source struct{ URL, Checksum string }

// inUse finds out which images the nodes need that this conductor answers for:
// those that it owns, and those that it has prepared or is at work on for
// others. A node that is on the way to a state needs what it will boot there.
func (c *Conductor) inUse(ctx context.Context) (Use, error) {
	use := Use{Sources: map[Source]bool{}, Digests: map[string]bool{}}
	add := func(n *usher.Node) error {
		_, images, prepared := c.files.get(bootNode(n))
		busy, _ := c.attempts.of(n.UUID)
		if !prepared && !busy && n.Reservation != c.host && c.isOthers(ctx, n) {
			return nil
		}
		for _, img := range images {
			use.Digests[img.digest] = true
		}
		for _, state := range reaches(n.ProvisionState) {
			ahead := *n
			ahead.ProvisionState = state
			b, _, err := bootOf(&ahead, c.settings.Load())
			if err != nil {
				continue // it can boot nothing
			}
			for _, img := range b.images() {
				use.Sources[Source{img.URL, img.Checksum}] = true
			}
		}
		return nil
	}
	err := c.each(ctx, usher.NodeFilter{ProvisionStates: slices.Concat(waitingStates(), transientStates())}, add)
	if err == nil {
		err = c.each(ctx, usher.NodeFilter{ProvisionStates: []usher.State{usher.Active}, DeployInterface: ramdiskDeploy}, add)
	}
	return use, err
}

// reaches are the states, among those that boot something, that a node is in
// or on its way to.
func reaches(s usher.State) []usher.State {
	if !s.Transient() {
		return []usher.State{s}
	}
	states := []usher.State{usher.Active}
	if wait, ok := waitOf(s); ok {
		states = append(states, wait)
	}
	return states
}
