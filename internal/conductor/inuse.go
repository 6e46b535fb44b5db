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
	for _, f := range needImages() {
		if err := c.each(ctx, f, add); err != nil {
			return use, err
		}
	}
	return use, nil
}

// needImages selects the nodes that boot, or are on the way to boot, from images
// of a conductor. A node that runs from its own disk needs none.
func needImages() []usher.NodeFilter {
	return []usher.NodeFilter{
		{ProvisionStates: slices.Concat(waitingStates(), transientStates())},
		{ProvisionStates: []usher.State{usher.Active}, DeployInterface: ramdiskDeploy},
	}
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
