package inventory

import (
	"context"
	"strings"

	"github.com/usher-boot/usher"
)

// nodeSortKeys are the columns that a list of nodes may be sorted by; JSON
// and long texts are not among them, as in Ironic.
func nodeSortKeys() []string {
	return []string{"id", "uuid", "name", "instance_uuid", "driver", "provision_state",
		"target_provision_state", "provision_updated_at", "power_state", "target_power_state",
		"maintenance", "conductor_group", "conductor_affinity", "reservation", "boot_interface",
		"deploy_interface", "resource_class", "owner", "lessee", "created_at", "updated_at"}
}

func portSortKeys() []string {
	return []string{"id", "uuid", "node_id", "address", "name", "pxe_enabled", "physical_network",
		"is_smartnic", "created_at", "updated_at"}
}

// Nodes lists the nodes that match, one query a page.
func (s *Store) Nodes(ctx context.Context, f usher.NodeFilter) ([]*usher.Node, error) {
	c := new(conditions)
	in(c, "n.uuid", f.UUIDs)
	if len(f.Addresses) > 0 {
		addresses := make([]string, len(f.Addresses))
		for i, a := range f.Addresses {
			addresses[i] = a.String()
		}
		c.add("n.id IN (SELECT p.node_id FROM ports p WHERE p.address IN ("+marks(len(addresses))+"))", anys(addresses)...)
	}
	c.equal("n.instance_uuid", f.InstanceUUID)
	c.set("n.instance_uuid", f.Associated)
	if f.Maintenance != nil {
		c.add("n.maintenance = ?", *f.Maintenance)
	}
	c.set("n.reservation", f.Reserved)
	c.equal("n.reservation", f.ReservedBy)
	in(c, "n.provision_state", f.ProvisionStates)
	if !f.UpdatedBefore.IsZero() {
		c.add("n.provision_updated_at < ?", s.d.args([]any{f.UpdatedBefore})...)
	}
	c.equal("n.driver", f.Driver)
	c.equal("n.deploy_interface", f.DeployInterface)
	if f.ConductorGroup != nil {
		c.add("n.conductor_group = ?", strings.ToLower(*f.ConductorGroup))
	}
	c.equal("n.resource_class", f.ResourceClass)
	c.equal("n.owner", f.Owner)
	c.equal("n.lessee", f.Lessee)

	query, err := c.page(selectNodes(), "nodes", "n", f.Page, nodeSortKeys())
	if err != nil {
		return nil, err
	}
	found, err := list(ctx, s, "list nodes", query, c.args, func(n *usher.Node) []any { return dests(n, nodeFields()) })
	if err == nil && len(found) == 0 && f.Marker != "" {
		_, err = s.Node(ctx, f.Marker) // an unknown marker is NodeNotFound, as in Ironic
	}
	return found, err
}

// Ports lists the ports that match, one query a page.
func (s *Store) Ports(ctx context.Context, f usher.PortFilter) ([]*usher.Port, error) {
	c := new(conditions)
	c.equal("n.uuid", f.NodeUUID)
	if f.Address != nil {
		c.add("p.address = ?", f.Address.String())
	}
	query, err := c.page(selectPorts(), "ports", "p", f.Page, portSortKeys())
	if err != nil {
		return nil, err
	}
	found, err := list(ctx, s, "list ports", query, c.args, portDests)
	if err == nil && len(found) == 0 && f.Marker != "" {
		_, err = s.Port(ctx, f.Marker)
	}
	return found, err
}
