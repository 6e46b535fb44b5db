package inventory

import (
	"context"
	"database/sql"
	"errors"

	"github.com/google/uuid"

	"github.com/usher-boot/usher"
)

func selectPorts() string {
	return "SELECT " + selectList("p", portFields()) + ", n.uuid FROM ports p JOIN nodes n ON n.id = p.node_id"
}

func portDests(p *usher.Port) []any {
	return append(dests(p, portFields()), text[string]{&p.NodeUUID})
}

// Port finds a port by its UUID.
func (s *Store) Port(ctx context.Context, uuid string) (*usher.Port, error) {
	return s.readPort(ctx, "uuid", uuid)
}

// PortByAddress finds a port by its MAC address.
func (s *Store) PortByAddress(ctx context.Context, mac usher.MAC) (*usher.Port, error) {
	return s.readPort(ctx, "address", mac.String())
}

func (s *Store) readPort(ctx context.Context, column, value string) (*usher.Port, error) {
	var p *usher.Port
	err := s.read(ctx, "find port", func(ctx context.Context) (err error) {
		p, err = s.port(ctx, s.db, column, value, "")
		return err
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (s *Store) port(ctx context.Context, q queryer, column, value, suffix string) (*usher.Port, error) {
	p := new(usher.Port)
	query := s.d.bind(selectPorts() + " WHERE p." + column + " = ?" + suffix)
	err := q.QueryRowContext(ctx, query, value).Scan(portDests(p)...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, portNotFound(value)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// CreatePort adds a port to the node of NodeUUID (or NodeID) and fills in
// NodeID, NodeUUID, ID, CreatedAt, and UUID where it is empty.
func (s *Store) CreatePort(ctx context.Context, p *usher.Port) error {
	row := *p
	if row.UUID == "" {
		row.UUID = uuid.NewString()
	}
	row.CreatedAt = s.d.now()
	err := s.write(ctx, "create port", func(ctx context.Context, tx *transaction) (err error) {
		if err := s.ownerOf(ctx, tx, &row); err != nil {
			return err
		}
		names, values, err := written(&row, portFields(), true)
		if err != nil {
			return err
		}
		tx.addresses = append(tx.addresses, row.Address)
		row.ID, err = s.insert(ctx, tx, "ports", names, values)
		return err
	})
	if errors.Is(err, errDuplicate) {
		return s.portClash(ctx, &row, err)
	}
	if err != nil {
		return err
	}
	*p = row
	return nil
}

// ownerOf makes NodeID and NodeUUID agree; the UUID leads.
func (s *Store) ownerOf(ctx context.Context, tx *transaction, p *usher.Port) error {
	column, value := "uuid", any(p.NodeUUID)
	if p.NodeUUID == "" {
		column, value = "id", p.NodeID
	}
	query := s.d.bind("SELECT id, uuid FROM nodes WHERE " + column + " = ?" + s.d.forUpdate)
	err := tx.QueryRowContext(ctx, query, value).Scan(&p.NodeID, &p.NodeUUID)
	if errors.Is(err, sql.ErrNoRows) {
		return nodeNotFound(p.NodeUUID)
	}
	return err
}

// UpdatePort changes a port in one transaction with its row locked, under the
// same rules for change as UpdateNode. A changed NodeUUID moves it to another
// node.
func (s *Store) UpdatePort(ctx context.Context, uuid string, change func(*usher.Port) error) (*usher.Port, error) {
	var p *usher.Port
	err := s.write(ctx, "update port", func(ctx context.Context, tx *transaction) (err error) {
		if p, err = s.port(ctx, tx, "uuid", uuid, s.d.forUpdate); err != nil {
			return err
		}
		before := *p
		if err := change(p); err != nil {
			return verbatim{err}
		}
		p.ID, p.UUID, p.NodeID, p.CreatedAt, p.UpdatedAt = before.ID, before.UUID, before.NodeID, before.CreatedAt, s.d.now()
		if p.NodeUUID != before.NodeUUID {
			if err := s.ownerOf(ctx, tx, p); err != nil {
				return err
			}
		}
		tx.addresses = append(tx.addresses, before.Address, p.Address)
		return s.update(ctx, tx, "ports", p.ID, p)
	})
	if errors.Is(err, errDuplicate) {
		return nil, s.portClash(ctx, p, err)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// DeletePort removes a port.
func (s *Store) DeletePort(ctx context.Context, uuid string) error {
	return s.write(ctx, "delete port", func(ctx context.Context, tx *transaction) error {
		n, err := s.deletePorts(ctx, tx, "uuid", uuid)
		if err == nil && n == 0 {
			return portNotFound(uuid)
		}
		return err
	})
}

// deletePorts removes the ports that have a value in a column, and returns how
// many there were.
func (s *Store) deletePorts(ctx context.Context, tx *transaction, column string, value any) (int64, error) {
	if s.rows != nil {
		err := rows(ctx, tx, "SELECT address FROM ports WHERE "+column+" = ?", []any{value}, func(scan func(...any) error) error {
			var address string
			err := scan(&address)
			if mac, bad := usher.ParseMAC(address); bad == nil { // else no machine can ask for it
				tx.addresses = append(tx.addresses, mac)
			}
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	return s.exec(ctx, tx, "DELETE FROM ports WHERE "+column+" = ?", value)
}

// portClash is nodeClash for ports.
func (s *Store) portClash(ctx context.Context, p *usher.Port, err error) error {
	switch {
	case s.taken(ctx, "ports", "address", p.Address.String(), p.ID):
		return conflict("MACAlreadyExists", "A port with MAC address %s already exists.", p.Address)
	case p.Name != "" && s.taken(ctx, "ports", "name", p.Name, p.ID):
		return conflict("PortDuplicateName", "A port with name %s already exists.", p.Name)
	case s.taken(ctx, "ports", "uuid", p.UUID, p.ID):
		return conflict("PortAlreadyExists", "A port with UUID %s already exists.", p.UUID)
	}
	return err
}
