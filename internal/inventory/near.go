package inventory

import (
	"context"
	"database/sql"
	"errors"

	"github.com/usher-boot/usher"
)

// MoreTables lists the columns that only a look at single machines needs
// ('usher explain', and an inspection whose conductor is gone), beyond
// ReaderTables. Where an account may not read them, or a database does not have
// them, that look says less, and nothing else fails.
func MoreTables() []Table {
	return []Table{
		{"ports", []string{"uuid"}},
		{"nodes", []string{"deploy_interface", "maintenance", "reservation", "last_error", "inspect_interface"}},
		{"portgroups", []string{"address", "node_id", "name"}},
	}
}

const (
	nearColumns      = "p.address, n.uuid, n.name, n.provision_state"
	knownPortColumns = nearColumns + ", p.pxe_enabled"
)

func nearDests(p *usher.KnownAddress) []any {
	return []any{hardware{&p.Address}, text[string]{&p.NodeUUID}, text[string]{&p.NodeName}, text[usher.State]{&p.State}}
}

func knownPortDests(p *usher.KnownAddress) []any { return append(nearDests(p), enabled{&p.PXEEnabled}) }

// PortsAt finds the ports that have one of some addresses: as many look-ups in
// the index.
func (r *Reader) PortsAt(ctx context.Context, addresses []usher.MAC) ([]usher.KnownAddress, error) {
	if len(addresses) == 0 {
		return nil, nil
	}
	return r.near(ctx, "find ports by address", "SELECT "+knownPortColumns+" FROM ports p JOIN nodes n ON n.id = p.node_id"+
		" WHERE p.address IN ("+marks(len(addresses))+")", texts(addresses))
}

// PortsBeside finds the ports whose addresses come next below and above one,
// within the same vendor prefix, at most limit on each side.
func (r *Reader) PortsBeside(ctx context.Context, mac usher.MAC, limit int) ([]usher.KnownAddress, error) {
	low, high := mac, mac
	copy(low[3:], []byte{0, 0, 0})
	copy(high[3:], []byte{0xff, 0xff, 0xff})
	var found []usher.KnownAddress
	for _, side := range []struct {
		where, order string
		args         []any
	}{
		{"p.address >= ? AND p.address < ?", "p.address DESC", []any{low.String(), mac.String(), limit}},
		{"p.address > ? AND p.address <= ?", "p.address", []any{mac.String(), high.String(), limit}},
	} {
		some, err := r.near(ctx, "find ports beside an address", "SELECT "+knownPortColumns+" FROM ports p JOIN nodes n ON n.id = p.node_id"+
			" WHERE "+side.where+" ORDER BY "+side.order+" LIMIT ?", side.args)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	return found, nil
}

// PortgroupsAt finds the port groups that have one of some addresses. Usher's
// own database has no port groups.
func (r *Reader) PortgroupsAt(ctx context.Context, addresses []usher.MAC) ([]usher.KnownAddress, error) {
	var exists bool
	err := r.read(ctx, "look for port groups", func(ctx context.Context) (err error) {
		exists, err = r.d.tableExists(ctx, r.db, "portgroups")
		return err
	})
	if err != nil || !exists || len(addresses) == 0 {
		return nil, err
	}
	query := r.d.bind("SELECT p.address, n.uuid, n.name, n.provision_state, p.name FROM portgroups p JOIN nodes n ON n.id = p.node_id" +
		" WHERE p.address IN (" + marks(len(addresses)) + ")")
	var found []usher.KnownAddress
	err = r.read(ctx, "find port groups by address", func(ctx context.Context) error {
		found = nil
		return rows(ctx, r.db, query, texts(addresses), func(scan func(...any) error) error {
			var p usher.KnownAddress
			if err := scan(append(nearDests(&p), text[string]{&p.Portgroup})...); err != nil {
				return err
			}
			p.Portgroup = orDefault(p.Portgroup, "-")
			found = append(found, p)
			return nil
		})
	})
	return found, err
}

// PortsOf lists a node's ports by address, at most limit.
func (r *Reader) PortsOf(ctx context.Context, nodeUUID string, limit int) ([]usher.KnownAddress, error) {
	query := r.d.bind("SELECT " + knownPortColumns + ", p.uuid FROM nodes n JOIN ports p ON p.node_id = n.id" +
		" WHERE n.uuid = ? ORDER BY p.address LIMIT ?")
	var found []usher.KnownAddress
	err := r.read(ctx, "list the node's ports", func(ctx context.Context) error {
		found = nil
		return rows(ctx, r.db, query, []any{nodeUUID, limit}, func(scan func(...any) error) error {
			var p usher.KnownAddress
			if err := scan(append(knownPortDests(&p), text[string]{&p.PortUUID})...); err != nil {
				return err
			}
			found = append(found, p)
			return nil
		})
	})
	return found, err
}

// NodeCondition reads what may keep a node from moving on.
func (r *Reader) NodeCondition(ctx context.Context, nodeUUID string) (usher.NodeCondition, error) {
	query := r.d.bind("SELECT n.deploy_interface, n.maintenance, n.reservation, n.last_error FROM nodes n WHERE n.uuid = ?")
	var more usher.NodeCondition
	err := r.read(ctx, "read the node", func(ctx context.Context) error {
		found := false
		err := rows(ctx, r.db, query, []any{nodeUUID}, func(scan func(...any) error) error {
			found = true
			return scan(text[string]{&more.DeployInterface}, flag{&more.Maintenance}, text[string]{&more.Reservation},
				text[string]{&more.LastError})
		})
		if err == nil && !found {
			return nodeNotFound(nodeUUID)
		}
		return err
	})
	return more, err
}

// InspectInterface reads the inspect interface of a node of Ironic's. Usher's
// own database does not have the column: its nodes all have the same one.
func (r *Reader) InspectInterface(ctx context.Context, nodeUUID string) (name string, err error) {
	query := r.d.bind("SELECT n.inspect_interface FROM nodes n WHERE n.uuid = ?")
	err = r.read(ctx, "read the node's inspect interface", func(ctx context.Context) error {
		err := r.db.QueryRowContext(ctx, query, nodeUUID).Scan(text[string]{&name})
		if errors.Is(err, sql.ErrNoRows) {
			return nodeNotFound(nodeUUID)
		}
		return err
	})
	return name, err
}

func (r *Reader) near(ctx context.Context, op, query string, args []any) ([]usher.KnownAddress, error) {
	var found []usher.KnownAddress
	err := r.read(ctx, op, func(ctx context.Context) error {
		found = nil
		return rows(ctx, r.db, r.d.bind(query), args, func(scan func(...any) error) error {
			var p usher.KnownAddress
			if err := scan(knownPortDests(&p)...); err != nil {
				return err
			}
			found = append(found, p)
			return nil
		})
	})
	return found, err
}

func texts(addresses []usher.MAC) []any {
	out := make([]any, len(addresses))
	for i, a := range addresses {
		out[i] = a.String()
	}
	return out
}
