package inventory

import (
	"context"

	"github.com/usher-boot/usher"
)

// Addresses lists the addresses of all ports in the order of their nodes,
// which is that of enrolment. It reads the whole inventory: not for a request.
func (r *Reader) Addresses(ctx context.Context) ([]usher.KnownAddress, error) {
	return r.near(ctx, "list addresses", "SELECT "+knownPortColumns+" FROM ports p JOIN nodes n ON n.id = p.node_id ORDER BY n.id, p.address", nil)
}
