package inventory

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/google/uuid"

	"github.com/usher-boot/usher"
)

func selectNodes() string { return "SELECT " + selectList("n", nodeFields()) + " FROM nodes n" }

// Node finds a node by UUID or by name.
func (s *Store) Node(ctx context.Context, ident string) (*usher.Node, error) {
	var n *usher.Node
	err := s.read(ctx, "find node", func(ctx context.Context) (err error) {
		n, err = s.node(ctx, s.db, ident, "")
		return err
	})
	if err != nil {
		return nil, err
	}
	return n, nil
}

// node reads one node; suffix may lock it.
func (s *Store) node(ctx context.Context, q queryer, ident, suffix string) (*usher.Node, error) {
	n := new(usher.Node)
	query := s.d.bind(selectNodes() + " WHERE n." + identColumn(ident) + " = ?" + suffix)
	err := q.QueryRowContext(ctx, query, ident).Scan(dests(n, nodeFields())...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nodeNotFound(ident)
	}
	if err != nil {
		return nil, err
	}
	return n, nil
}

// identColumn tells a UUID from a name, as Ironic does; a name cannot look
// like a UUID.
func identColumn(ident string) string {
	if len(ident) == 36 && uuid.Validate(ident) == nil {
		return "uuid"
	}
	return "name"
}

// CreateNode adds a node and fills in its ID and CreatedAt, and where they are
// empty its UUID and its state, enroll.
func (s *Store) CreateNode(ctx context.Context, n *usher.Node) error {
	row := *n
	if row.UUID == "" {
		row.UUID = uuid.NewString()
	}
	row.ProvisionState = orDefault(row.ProvisionState, usher.Enroll)
	row.CreatedAt = s.d.now()
	names, values, err := written(&row, nodeFields(), true)
	if err != nil {
		return err
	}
	err = s.write(ctx, "create node", func(ctx context.Context, tx *transaction) (err error) {
		row.ID, err = s.insert(ctx, tx, "nodes", names, values)
		return err
	})
	if errors.Is(err, errDuplicate) {
		return s.nodeClash(ctx, &row, err)
	}
	if err != nil {
		return err
	}
	*n = row
	return nil
}

// UpdateNode changes a node in one transaction with its row locked. With
// holder "" the node must not be reserved, else it must be reserved by holder.
// change sees the current row; it must not touch the database, and it may be
// called again if the transaction meets a deadlock. Its error rolls back and
// is returned as it is. ID, UUID, CreatedAt and UpdatedAt are not the caller's
// to change; ProvisionUpdatedAt follows ProvisionState unless change sets it.
func (s *Store) UpdateNode(ctx context.Context, uuid, holder string, change func(*usher.Node) error) (*usher.Node, error) {
	var n *usher.Node
	err := s.write(ctx, "update node", func(ctx context.Context, tx *transaction) (err error) {
		if n, err = s.node(ctx, tx, uuid, s.d.forUpdate); err != nil {
			return err
		}
		if err := mayWrite(n.UUID, n.Reservation, holder); err != nil {
			return err
		}
		before := *n
		if err := change(n); err != nil {
			return verbatim{err}
		}
		n.ID, n.UUID, n.CreatedAt, n.UpdatedAt = before.ID, before.UUID, before.CreatedAt, s.d.now()
		n.ProvisionUpdatedAt = s.d.round(n.ProvisionUpdatedAt)
		if n.ProvisionState != before.ProvisionState && n.ProvisionUpdatedAt.Equal(before.ProvisionUpdatedAt) {
			n.ProvisionUpdatedAt = n.UpdatedAt
		}
		tx.nodes = append(tx.nodes, n.ID)
		return s.update(ctx, tx, "nodes", n.ID, n)
	})
	if errors.Is(err, errDuplicate) {
		return nil, s.nodeClash(ctx, n, err)
	}
	if err != nil {
		return nil, err
	}
	return n, nil
}

// update writes all columns of a row that may change.
func (s *Store) update(ctx context.Context, tx *transaction, table string, id int64, row any) error {
	var names []string
	var values []any
	var err error
	switch row := row.(type) {
	case *usher.Node:
		names, values, err = written(row, nodeFields(), false)
	case *usher.Port:
		names, values, err = written(row, portFields(), false)
	}
	if err != nil {
		return err
	}
	_, err = s.exec(ctx, tx, "UPDATE "+table+" SET "+strings.Join(names, " = ?, ")+" = ? WHERE id = ?", append(values, id)...)
	return err
}

// mayWrite applies the rule of reservations.
func mayWrite(uuid, reservation, holder string) error {
	switch {
	case reservation == holder:
		return nil
	case reservation == "":
		return nodeNotLocked(uuid)
	}
	return nodeLocked(uuid, reservation)
}

// DeleteNode removes a node and its ports; the rule of UpdateNode about
// holder applies.
func (s *Store) DeleteNode(ctx context.Context, uuid, holder string) error {
	return s.write(ctx, "delete node", func(ctx context.Context, tx *transaction) error {
		l, err := s.lock(ctx, tx, uuid)
		if err != nil {
			return err
		}
		if err := mayWrite(l.uuid, l.reservation, holder); err != nil {
			return err
		}
		if _, err := s.deletePorts(ctx, tx, "node_id", l.id); err != nil {
			return err
		}
		_, err = s.exec(ctx, tx, "DELETE FROM nodes WHERE id = ?", l.id)
		return err
	})
}

// nodeClash finds out which unique column a rejected row clashed in, by
// asking: the engines tell it only in the words of an error.
func (s *Store) nodeClash(ctx context.Context, n *usher.Node, err error) error {
	taken := func(column, value string) bool {
		return value != "" && s.taken(ctx, "nodes", column, value, n.ID)
	}
	switch {
	case taken("name", n.Name):
		return conflict("DuplicateName", "A node with name %s already exists.", n.Name)
	case taken("instance_uuid", n.InstanceUUID):
		return conflict("InstanceAssociated", "Instance %s is already associated with a node, "+
			"it cannot be associated with this other node %s", n.InstanceUUID, n.UUID)
	case taken("uuid", n.UUID):
		return conflict("NodeAlreadyExists", "A node with UUID %s already exists.", n.UUID)
	}
	return err // the other row is gone again, or the database is
}

// taken asks whether another row has this value.
func (s *Store) taken(ctx context.Context, table, column, value string, id int64) bool {
	var one int
	query := s.d.bind("SELECT 1 FROM " + table + " WHERE " + column + " = ? AND id <> ?")
	return s.w.QueryRowContext(ctx, query, value, id).Scan(&one) == nil
}
