package inventory

import (
	"context"
	"database/sql"
	"errors"

	"github.com/usher-boot/usher"
)

// A reservation is Ironic's exclusive lock on a node: the host that holds it
// stands in nodes.reservation, which is null when the node is free.

// locked is the part of a row that the rules of reservations need.
type locked struct {
	id          int64
	uuid        string
	reservation string
}

// lock reads a node's reservation and keeps its row locked until the
// transaction ends. Holders are then compared byte for byte here and not by
// the database's collation.
func (s *Store) lock(ctx context.Context, tx *transaction, ident string) (locked, error) {
	var l locked
	query := s.d.bind("SELECT id, uuid, reservation FROM nodes WHERE " + identColumn(ident) + " = ?" + s.d.forUpdate)
	err := tx.QueryRowContext(ctx, query, ident).Scan(&l.id, text[string]{&l.uuid}, text[string]{&l.reservation})
	if errors.Is(err, sql.ErrNoRows) {
		return l, nodeNotFound(ident)
	}
	return l, err
}

func (s *Store) setReservation(ctx context.Context, tx *transaction, id int64, holder string) error {
	_, err := s.exec(ctx, tx, "UPDATE nodes SET reservation = ?, updated_at = ? WHERE id = ?",
		orNull(holder), s.d.now(), id)
	return err
}

// ReserveNode takes the exclusive lock of a node, named by UUID or name, and
// returns the node. A node that anybody holds, the same holder included, is
// ErrConflict of class NodeLocked and names the holder.
func (s *Store) ReserveNode(ctx context.Context, ident, holder string) (*usher.Node, error) {
	if holder == "" {
		return nil, usher.Errorf(usher.ErrInvalid, "A reservation needs a holder.")
	}
	var n *usher.Node
	err := s.write(ctx, "reserve node", func(ctx context.Context, tx *transaction) (err error) {
		if n, err = s.node(ctx, tx, ident, s.d.forUpdate); err != nil {
			return err
		}
		if n.Reservation != "" {
			return nodeLocked(n.UUID, n.Reservation)
		}
		n.Reservation, n.UpdatedAt = holder, s.d.now()
		return s.setReservation(ctx, tx, n.ID, holder)
	})
	if err != nil {
		return nil, err
	}
	return n, nil
}

// StealReservation hands a lock from one holder to another in one step, for a
// holder that is no longer active. It fails with ErrConflict unless from
// holds it at this moment. With to "" the node becomes free.
func (s *Store) StealReservation(ctx context.Context, uuid, from, to string) error {
	return s.passReservation(ctx, "take over reservation", uuid, from, to)
}

// ReleaseNode gives the lock back. A node that somebody else holds is
// ErrConflict of class NodeLocked, a free one of class NodeNotLocked.
func (s *Store) ReleaseNode(ctx context.Context, uuid, holder string) error {
	return s.passReservation(ctx, "release node", uuid, holder, "")
}

func (s *Store) passReservation(ctx context.Context, op, uuid, from, to string) error {
	return s.write(ctx, op, func(ctx context.Context, tx *transaction) error {
		l, err := s.lock(ctx, tx, uuid)
		if err != nil {
			return err
		}
		if l.reservation == "" {
			return nodeNotLocked(l.uuid)
		}
		if err := mayWrite(l.uuid, l.reservation, from); err != nil {
			return err
		}
		return s.setReservation(ctx, tx, l.id, to)
	})
}

// ReleaseReservations frees every node that holder had locked and returns how
// many: a conductor that restarts remembers none of its tasks.
func (s *Store) ReleaseReservations(ctx context.Context, holder string) (int64, error) {
	var freed int64
	err := s.write(ctx, "release reservations", func(ctx context.Context, tx *transaction) (err error) {
		freed, err = s.exec(ctx, tx, "UPDATE nodes SET reservation = NULL, updated_at = ? WHERE reservation = ?",
			s.d.now(), holder)
		return err
	})
	return freed, err
}
