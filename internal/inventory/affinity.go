package inventory

import (
	"context"
	"database/sql"
)

// SetAffinity notes in one write which conductor prepared nodes. It is a hint
// for others, so nodes that are locked just now are left as they are.
func (s *Store) SetAffinity(ctx context.Context, uuids []string, conductor int64) error {
	if len(uuids) == 0 {
		return nil
	}
	args := append([]any{orNull(conductor), s.d.now()}, anys(uuids)...)
	return s.write(ctx, "note who prepared nodes", func(ctx context.Context, tx *sql.Tx) error {
		_, err := s.exec(ctx, tx, "UPDATE nodes SET conductor_affinity = ?, updated_at = ?"+
			" WHERE reservation IS NULL AND uuid IN ("+marks(len(uuids))+")", args...)
		return err
	})
}
