package inventory

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/usher-boot/usher"
)

// RegisterConductor writes a conductor's row, found by its hostname, as online
// and heard of now, replaces its hardware interfaces, and returns its id. A
// host keeps its id for ever: nodes.conductor_affinity points at it.
func (s *Store) RegisterConductor(ctx context.Context, c usher.Conductor) (int64, error) {
	id, err := s.register(ctx, c)
	if errors.Is(err, errDuplicate) {
		id, err = s.register(ctx, c) // another process made the row meanwhile
	}
	return id, err
}

func (s *Store) register(ctx context.Context, c usher.Conductor) (id int64, err error) {
	err = s.write(ctx, "register conductor", func(ctx context.Context, tx *transaction) error {
		now := s.d.now()
		err := tx.QueryRowContext(ctx, s.d.bind("SELECT id FROM conductors WHERE hostname = ?"+s.d.forUpdate), c.Hostname).Scan(&id)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			id, err = s.insert(ctx, tx, "conductors",
				[]string{"hostname", "conductor_group", "online", "created_at", "updated_at"},
				[]any{c.Hostname, c.Group, true, now, now})
		case err == nil:
			_, err = s.exec(ctx, tx, "UPDATE conductors SET conductor_group = ?, online = ?, updated_at = ? WHERE id = ?",
				c.Group, true, now, id)
		}
		if err != nil {
			return err
		}
		return s.replaceInterfaces(ctx, tx, id, c.Interfaces)
	})
	return id, err
}

func (s *Store) replaceInterfaces(ctx context.Context, tx *transaction, id int64, interfaces []usher.HardwareInterface) error {
	if _, err := s.exec(ctx, tx, "DELETE FROM conductor_hardware_interfaces WHERE conductor_id = ?", id); err != nil {
		return err
	}
	if len(interfaces) == 0 {
		return nil
	}
	now := s.d.now()
	values := make([]any, 0, 6*len(interfaces))
	for _, i := range interfaces {
		values = append(values, id, i.HardwareType, i.Type, i.Name, i.Default, now)
	}
	row := ", (" + marks(6) + ")"
	_, err := s.exec(ctx, tx, "INSERT INTO conductor_hardware_interfaces"+
		" (conductor_id, hardware_type, interface_type, interface_name, "+s.d.quote("default")+", created_at) VALUES "+
		strings.Repeat(row, len(interfaces))[2:], values...)
	return err
}

// Heartbeat says that a conductor is alive now.
func (s *Store) Heartbeat(ctx context.Context, hostname string) error {
	return s.touch(ctx, "write heartbeat", hostname,
		"UPDATE conductors SET online = ?, updated_at = ? WHERE hostname = ?", true, s.d.now(), hostname)
}

// SetOffline says that a conductor stopped in good order. The time of its
// last heartbeat stays.
func (s *Store) SetOffline(ctx context.Context, hostname string) error {
	return s.touch(ctx, "set conductor offline", hostname,
		"UPDATE conductors SET online = ? WHERE hostname = ?", false, hostname)
}

func (s *Store) touch(ctx context.Context, op, hostname, query string, args ...any) error {
	return s.write(ctx, op, func(ctx context.Context, tx *transaction) error {
		n, err := s.exec(ctx, tx, query, append([]any(nil), args...)...)
		if err == nil && n == 0 {
			return conductorNotFound(hostname)
		}
		return err
	})
}
