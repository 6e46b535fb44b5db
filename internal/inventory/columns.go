package inventory

import (
	"strings"

	"github.com/usher-boot/usher"
)

// Table names columns of one table.
type Table struct {
	Name    string
	Columns []string
}

// ReaderTables lists every column that a Reader ever names: what an account
// must be granted to SELECT, and what OpenReader checks. None holds a secret.
// The first four are Ironic's; alembic_version is how its database is told
// from Usher's own, and its right may be left out (see Detect).
func ReaderTables() []Table {
	node := []string{"id"}
	for _, f := range bootNodeFields() {
		node = append(node, f.name)
	}
	conductor := make([]string, 0, 6)
	for _, f := range conductorFields() {
		conductor = append(conductor, f.name)
	}
	return []Table{
		{"nodes", node},
		{"ports", []string{"address", "node_id", "pxe_enabled"}},
		{"conductors", conductor},
		{"conductor_hardware_interfaces",
			[]string{"conductor_id", "hardware_type", "interface_type", "interface_name", "default"}},
		{"alembic_version", []string{"version_num"}},
	}
}

// field ties a column to a member of T: where a row's value goes and what is
// written. From one list of them come SELECT, INSERT and UPDATE, so they
// cannot drift apart.
type field[T any] struct {
	name  string
	dest  func(*T) any
	value func(*T) any // nil: the column is never written
	once  bool         // written by INSERT only
}

func bootNodeFields() []field[usher.BootNode] {
	type n = *usher.BootNode
	return []field[usher.BootNode]{
		{name: "uuid", dest: func(b n) any { return text[string]{&b.UUID} }},
		{name: "name", dest: func(b n) any { return text[string]{&b.Name} }},
		{name: "driver", dest: func(b n) any { return text[string]{&b.Driver} }},
		{name: "boot_interface", dest: func(b n) any { return text[string]{&b.BootInterface} }},
		{name: "provision_state", dest: func(b n) any { return text[usher.State]{&b.ProvisionState} }},
		{name: "conductor_group", dest: func(b n) any { return text[string]{&b.ConductorGroup} }},
		{name: "conductor_affinity", dest: func(b n) any { return number{&b.ConductorAffinity} }},
		{name: "provision_updated_at", dest: func(b n) any { return stamp{&b.ProvisionUpdatedAt} }},
	}
}

func conductorFields() []field[usher.Conductor] {
	type c = *usher.Conductor
	return []field[usher.Conductor]{
		{name: "id", dest: func(r c) any { return number{&r.ID} }},
		{name: "hostname", dest: func(r c) any { return text[string]{&r.Hostname} }},
		{name: "conductor_group", dest: func(r c) any { return text[string]{&r.Group} }},
		{name: "online", dest: func(r c) any { return flag{&r.Online} }},
		{name: "updated_at", dest: func(r c) any { return stamp{&r.UpdatedAt} }},
		{name: "created_at", dest: func(r c) any { return stamp{&r.CreatedAt} }},
	}
}

func nodeFields() []field[usher.Node] {
	type n = *usher.Node
	str := func(name string, at func(n) *string) field[usher.Node] {
		return field[usher.Node]{name: name,
			dest:  func(r n) any { return text[string]{at(r)} },
			value: func(r n) any { return orNull(*at(r)) }}
	}
	state := func(name string, at func(n) *usher.State) field[usher.Node] {
		return field[usher.Node]{name: name,
			dest:  func(r n) any { return text[usher.State]{at(r)} },
			value: func(r n) any { return orNull(string(*at(r))) }}
	}
	obj := func(name string, at func(n) *map[string]any) field[usher.Node] {
		return field[usher.Node]{name: name,
			dest:  func(r n) any { return object{at(r)} },
			value: func(r n) any { return encoded(*at(r)) }}
	}
	return []field[usher.Node]{
		{name: "id", dest: func(r n) any { return number{&r.ID} }},
		{name: "uuid", once: true, dest: func(r n) any { return text[string]{&r.UUID} }, value: func(r n) any { return r.UUID }},
		str("name", func(r n) *string { return &r.Name }),
		str("instance_uuid", func(r n) *string { return &r.InstanceUUID }),
		str("driver", func(r n) *string { return &r.Driver }),
		state("provision_state", func(r n) *usher.State { return &r.ProvisionState }),
		state("target_provision_state", func(r n) *usher.State { return &r.TargetProvisionState }),
		{name: "provision_updated_at", dest: func(r n) any { return stamp{&r.ProvisionUpdatedAt} }, value: func(r n) any { return r.ProvisionUpdatedAt }},
		str("last_error", func(r n) *string { return &r.LastError }),
		str("power_state", func(r n) *string { return &r.PowerState }),
		str("target_power_state", func(r n) *string { return &r.TargetPowerState }),
		{name: "maintenance", dest: func(r n) any { return flag{&r.Maintenance} }, value: func(r n) any { return r.Maintenance }},
		str("maintenance_reason", func(r n) *string { return &r.MaintenanceReason }),
		{name: "conductor_group", dest: func(r n) any { return text[string]{&r.ConductorGroup} }, value: func(r n) any { return r.ConductorGroup }},
		{name: "conductor_affinity", dest: func(r n) any { return number{&r.ConductorAffinity} }, value: func(r n) any { return orNull(r.ConductorAffinity) }},
		str("reservation", func(r n) *string { return &r.Reservation }),
		str("boot_interface", func(r n) *string { return &r.BootInterface }),
		str("deploy_interface", func(r n) *string { return &r.DeployInterface }),
		str("resource_class", func(r n) *string { return &r.ResourceClass }),
		str("owner", func(r n) *string { return &r.Owner }),
		str("lessee", func(r n) *string { return &r.Lessee }),
		str("description", func(r n) *string { return &r.Description }),
		obj("properties", func(r n) *map[string]any { return &r.Properties }),
		obj("driver_info", func(r n) *map[string]any { return &r.DriverInfo }),
		obj("instance_info", func(r n) *map[string]any { return &r.InstanceInfo }),
		obj("driver_internal_info", func(r n) *map[string]any { return &r.DriverInternalInfo }),
		obj("extra", func(r n) *map[string]any { return &r.Extra }),
		{name: "created_at", once: true, dest: func(r n) any { return stamp{&r.CreatedAt} }, value: func(r n) any { return r.CreatedAt }},
		{name: "updated_at", dest: func(r n) any { return stamp{&r.UpdatedAt} }, value: func(r n) any { return r.UpdatedAt }},
	}
}

func portFields() []field[usher.Port] {
	type p = *usher.Port
	return []field[usher.Port]{
		{name: "id", dest: func(r p) any { return number{&r.ID} }},
		{name: "uuid", once: true, dest: func(r p) any { return text[string]{&r.UUID} }, value: func(r p) any { return r.UUID }},
		{name: "node_id", dest: func(r p) any { return number{&r.NodeID} }, value: func(r p) any { return r.NodeID }},
		{name: "address", dest: func(r p) any { return hardware{&r.Address} }, value: func(r p) any { return r.Address.String() }},
		{name: "name", dest: func(r p) any { return text[string]{&r.Name} }, value: func(r p) any { return orNull(r.Name) }},
		{name: "pxe_enabled", dest: func(r p) any { return enabled{&r.PXEEnabled} }, value: func(r p) any { return r.PXEEnabled }},
		{name: "physical_network", dest: func(r p) any { return text[string]{&r.PhysicalNetwork} }, value: func(r p) any { return orNull(r.PhysicalNetwork) }},
		{name: "is_smartnic", dest: func(r p) any { return flag{&r.IsSmartNIC} }, value: func(r p) any { return r.IsSmartNIC }},
		{name: "local_link_connection", dest: func(r p) any { return object{&r.LocalLinkConn} }, value: func(r p) any { return encoded(r.LocalLinkConn) }},
		{name: "extra", dest: func(r p) any { return object{&r.Extra} }, value: func(r p) any { return encoded(r.Extra) }},
		{name: "created_at", once: true, dest: func(r p) any { return stamp{&r.CreatedAt} }, value: func(r p) any { return r.CreatedAt }},
		{name: "updated_at", dest: func(r p) any { return stamp{&r.UpdatedAt} }, value: func(r p) any { return r.UpdatedAt }},
	}
}

// selectList is "a.uuid, a.name, ..." for a table's alias.
func selectList[T any](alias string, fields []field[T]) string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = alias + "." + f.name
	}
	return strings.Join(names, ", ")
}

// dests is where the columns of selectList go.
func dests[T any](row *T, fields []field[T]) []any {
	to := make([]any, len(fields))
	for i, f := range fields {
		to[i] = f.dest(row)
	}
	return to
}

// written returns the columns that an INSERT (or UPDATE) names, and their
// values.
func written[T any](row *T, fields []field[T], insert bool) (names []string, values []any, err error) {
	for _, f := range fields {
		if f.value == nil || f.once && !insert {
			continue
		}
		value := f.value(row)
		if e, ok := value.(encoded); ok {
			if value, err = e.text(); err != nil {
				return nil, nil, err
			}
		}
		names, values = append(names, f.name), append(values, value)
	}
	return names, values, nil
}
