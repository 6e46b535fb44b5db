package management

import (
	"slices"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/redact"
)

// nodeField is one member of a node as the API shows it.
type nodeField struct {
	name  string
	since int // first microversion that shows it
	// show reads it from a node. nil for a constant: something that Ironic
	// has, that clients expect, and that in Usher is always the same.
	show     func(*usher.Node) any
	constant any
	column   string // to sort by; empty when it cannot be sorted
}

// nodeFields are the members of a node in every microversion, apart from its
// links, its conductor, and created_at and the like that need no version.
//
// The interfaces that are constants say what Usher does: it drives no BMC
// (management and network "noop", power "fake": Ironic's own names for doing
// nothing), and leaves inspection and rescue to the agent in the ramdisk.
var nodeFields = []nodeField{
	{name: "uuid", column: "uuid", show: func(n *usher.Node) any { return n.UUID }},
	{name: "created_at", column: "created_at", show: func(n *usher.Node) any { return showTime(n.CreatedAt) }},
	{name: "updated_at", column: "updated_at", show: func(n *usher.Node) any { return showTime(n.UpdatedAt) }},
	{name: "driver", column: "driver", show: func(n *usher.Node) any { return n.Driver }},
	{name: "driver_info", show: func(n *usher.Node) any { return maskSecrets(n.DriverInfo) }},
	{name: "driver_internal_info", since: 3, show: func(n *usher.Node) any { return maskInternal(n.DriverInternalInfo) }},
	{name: "extra", show: func(n *usher.Node) any { return shown(n.Extra) }},
	{name: "instance_info", show: func(n *usher.Node) any { return maskInstance(n.InstanceInfo) }},
	{name: "instance_uuid", column: "instance_uuid", show: func(n *usher.Node) any { return nullable(n.InstanceUUID) }},
	{name: "last_error", show: func(n *usher.Node) any { return nullable(redact.With(n.LastError, masked)) }},
	{name: "maintenance", column: "maintenance", show: func(n *usher.Node) any { return n.Maintenance }},
	{name: "maintenance_reason", show: func(n *usher.Node) any { return nullable(n.MaintenanceReason) }},
	{name: "power_state", column: "power_state", show: func(n *usher.Node) any { return nullable(n.PowerState) }},
	{name: "properties", show: func(n *usher.Node) any { return shown(n.Properties) }},
	{name: "provision_state", column: "provision_state", show: func(n *usher.Node) any { return string(n.ProvisionState) }},
	{name: "provision_updated_at", column: "provision_updated_at", show: func(n *usher.Node) any { return showTime(n.ProvisionUpdatedAt) }},
	{name: "reservation", column: "reservation", show: func(n *usher.Node) any { return nullable(n.Reservation) }},
	{name: "target_power_state", column: "target_power_state", show: func(n *usher.Node) any { return nullable(n.TargetPowerState) }},
	{name: "target_provision_state", column: "target_provision_state", show: func(n *usher.Node) any { return nullable(string(n.TargetProvisionState)) }},
	{name: "name", since: 5, column: "name", show: func(n *usher.Node) any { return nullable(n.Name) }},
	{name: "resource_class", since: 21, column: "resource_class", show: func(n *usher.Node) any { return nullable(n.ResourceClass) }},
	{name: "boot_interface", since: 31, column: "boot_interface", show: func(n *usher.Node) any { return nullable(n.BootInterface) }},
	{name: "deploy_interface", since: 31, column: "deploy_interface", show: func(n *usher.Node) any { return nullable(n.DeployInterface) }},
	{name: "conductor_group", since: 46, column: "conductor_group", show: func(n *usher.Node) any { return n.ConductorGroup }},
	{name: "owner", since: 50, column: "owner", show: func(n *usher.Node) any { return nullable(n.Owner) }},
	{name: "description", since: 51, show: func(n *usher.Node) any { return nullable(n.Description) }},
	{name: "lessee", since: 65, column: "lessee", show: func(n *usher.Node) any { return nullable(n.Lessee) }},

	{name: "chassis_uuid"},
	{name: "console_enabled", constant: false},
	{name: "inspection_finished_at", since: 6},
	{name: "inspection_started_at", since: 6},
	{name: "clean_step", since: 7, constant: object{}},
	{name: "raid_config", since: 12, constant: object{}},
	{name: "target_raid_config", since: 12, constant: object{}},
	{name: "network_interface", since: 20, constant: "noop"},
	{name: "console_interface", since: 31, constant: "no-console"},
	{name: "inspect_interface", since: 31, constant: "agent"},
	{name: "management_interface", since: 31, constant: "noop"},
	{name: "power_interface", since: 31, constant: "fake"},
	{name: "raid_interface", since: 31, constant: "no-raid"},
	{name: "vendor_interface", since: 31, constant: "no-vendor"},
	{name: "storage_interface", since: 33, constant: "noop"},
	{name: "traits", since: 37, constant: []string{}},
	{name: "rescue_interface", since: 38, constant: "agent"},
	{name: "bios_interface", since: 40, constant: "no-bios"},
	{name: "fault", since: 42},
	{name: "deploy_step", since: 44, constant: object{}},
	{name: "automated_clean", since: 47},
	{name: "protected", since: 48, constant: false},
	{name: "protected_reason", since: 48},
	{name: "allocation_uuid", since: 52},
	{name: "retired", since: 61, constant: false},
	{name: "retired_reason", since: 61},
	{name: "network_data", since: 66, constant: object{}},
	{name: "boot_mode", since: 75},
	{name: "secure_boot", since: 75},
	{name: "shard", since: 82},
	{name: "parent_node", since: 83},
	{name: "firmware_interface", since: 86, constant: "no-firmware"},
	{name: "service_step", since: 87, constant: object{}},
}

// conductorSince is when a node began to show its conductor, which no column
// holds: the hash ring says it.
const conductorSince = 49

var shortNode = []string{"instance_uuid", "maintenance", "power_state", "provision_state", "uuid", "name"}

func nodeFieldNamed(name string) (nodeField, bool) {
	i := slices.IndexFunc(nodeFields, func(f nodeField) bool { return f.name == name })
	if i < 0 {
		return nodeField{}, false
	}
	return nodeFields[i], true
}

func (f nodeField) value(n *usher.Node) any {
	if f.show == nil {
		return f.constant
	}
	return f.show(n)
}

// checkNodeFields refuses what a client may not ask for in its microversion.
func (r *request) checkNodeFields(fields []string) error {
	if fields != nil && r.minor < 8 {
		return notAcceptable(0)
	}
	for _, name := range fields {
		f, ok := nodeFieldNamed(name)
		switch {
		case name == "conductor":
			f.since = conductorSince
		case !ok:
			return usher.Errorf(usher.ErrInvalid, "Field %s is not a valid field.", name).WithClass("Invalid")
		}
		if r.minor < f.since {
			return notAcceptable(0)
		}
	}
	return nil
}

// nodeColumn maps a sort key to a column. What is the same for all nodes
// sorts as if it were not there.
func nodeColumn(key string) (string, bool) {
	if key == "id" {
		return key, true
	}
	f, ok := nodeFieldNamed(key)
	if ok && f.show == nil {
		return "id", true
	}
	return f.column, ok && f.column != ""
}

func shown(o map[string]any) map[string]any {
	if o == nil {
		return object{}
	}
	return o
}

// showTime is Ironic's spelling: Python's isoformat in UTC.
func showTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	if t.Nanosecond()/1000 == 0 {
		return t.Format("2006-01-02T15:04:05+00:00")
	}
	return t.Format("2006-01-02T15:04:05.000000+00:00")
}
