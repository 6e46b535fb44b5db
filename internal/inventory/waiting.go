package inventory

import (
	"context"

	"github.com/usher-boot/usher"
)

// waiting narrows to the states that wait for a ramdisk. It meets
// provision_state_idx, which Ironic's tables have too.
func waiting() (where string, args []any) {
	c := new(conditions)
	in(c, "n.provision_state", usher.WaitStates())
	return " FROM nodes n WHERE " + c.terms[0], c.args
}

// CountWaiting counts the nodes that wait for a ramdisk, by state, from the
// index alone.
func (r *Reader) CountWaiting(ctx context.Context) (map[usher.State]int, error) {
	where, args := waiting()
	query := r.d.bind("SELECT n.provision_state, COUNT(*)" + where + " GROUP BY n.provision_state")
	counts := map[usher.State]int{}
	err := r.read(ctx, "count waiting nodes", func(ctx context.Context) error {
		clear(counts)
		return rows(ctx, r.db, query, args, func(scan func(...any) error) error {
			var state usher.State
			var n int64
			if err := scan(text[usher.State]{&state}, number{&n}); err != nil {
				return err
			}
			counts[state] = int(n)
			return nil
		})
	})
	return counts, err
}

// Waiting lists the nodes that wait for a ramdisk, the one that has waited
// longest first, those of which no beginning is known last: at most limit,
// after the first offset.
func (r *Reader) Waiting(ctx context.Context, offset, limit int) ([]usher.BootNode, error) {
	where, args := waiting()
	query := r.d.bind("SELECT " + selectList("n", r.fields) + where +
		" ORDER BY CASE WHEN n.provision_updated_at IS NULL THEN 1 ELSE 0 END, n.provision_updated_at, n.id LIMIT ? OFFSET ?")
	var found []usher.BootNode
	err := r.read(ctx, "list waiting nodes", func(ctx context.Context) error {
		found = nil
		return rows(ctx, r.db, query, append(args, limit, offset), func(scan func(...any) error) error {
			var n usher.BootNode
			if err := scan(dests(&n, r.fields)...); err != nil {
				return err
			}
			found = append(found, n)
			return nil
		})
	})
	return found, err
}
