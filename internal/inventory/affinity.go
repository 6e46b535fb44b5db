package inventory

import "context"

// SetAffinity notes in one write which conductor prepared nodes. It is a hint
// for others, so nodes that are locked just now are left as they are.
func (s *Store) SetAffinity(ctx context.Context, uuids []string, conductor int64) error {
	if len(uuids) == 0 {
		return nil
	}
	which := " WHERE reservation IS NULL AND uuid IN (" + marks(len(uuids)) + ")"
	set := append([]any{orNull(conductor), s.d.now()}, anys(uuids)...)
	return s.write(ctx, "note who prepared nodes", func(ctx context.Context, tx *transaction) error {
		if s.rows != nil {
			err := rows(ctx, tx, s.d.bind("SELECT id FROM nodes"+which), anys(uuids), func(scan func(...any) error) error {
				var id int64
				err := scan(&id)
				tx.nodes = append(tx.nodes, id)
				return err
			})
			if err != nil {
				return err
			}
		}
		_, err := s.exec(ctx, tx, "UPDATE nodes SET conductor_affinity = ?, updated_at = ?"+which, set...)
		return err
	})
}
