package usher

import "time"

// Node is one bare metal machine: a row of Ironic's nodes table. Maps are nil
// or JSON objects; times are UTC, zero when null.
type Node struct {
	ID           int64  // row id, never shown outside
	UUID         string // canonical lower-case form
	Name         string // unique, may be empty
	InstanceUUID string
	Driver       string // the hardware type

	ProvisionState       State
	TargetProvisionState State // empty when the node is at rest
	ProvisionUpdatedAt   time.Time
	LastError            string
	PowerState           string // as reported by an operator; Usher drives no BMC
	TargetPowerState     string
	Maintenance          bool
	MaintenanceReason    string

	ConductorGroup    string // lower case, as Ironic stores it
	ConductorAffinity int64  // conductors.id that last prepared it, 0 when null
	Reservation       string // host that holds the exclusive lock, empty when free

	BootInterface   string
	DeployInterface string
	ResourceClass   string
	Owner           string
	Lessee          string
	Description     string

	Properties         map[string]any
	DriverInfo         map[string]any // secrets inside: never logged, masked in the REST API
	InstanceInfo       map[string]any
	DriverInternalInfo map[string]any // the agent token lives here
	Extra              map[string]any

	CreatedAt time.Time
	UpdatedAt time.Time
}

// BootNode is what the boot configuration API needs to know of a node, and
// nothing that is secret.
type BootNode struct {
	UUID              string
	Name              string
	Driver            string
	BootInterface     string
	ProvisionState    State
	ConductorGroup    string
	ConductorAffinity int64 // conductors.id, 0 when null
	// ProvisionUpdatedAt changes with every change of ProvisionState: boot
	// files prepared under another one are of an earlier deployment.
	ProvisionUpdatedAt time.Time
	// PXEDisabled says that the port by whose address the node was found has
	// pxe_enabled = false. It is unknown, and false, for a node that was found
	// in another way.
	PXEDisabled bool
}

// Port is one network interface of a node: a row of Ironic's ports table.
type Port struct {
	ID              int64
	UUID            string
	NodeID          int64
	NodeUUID        string // joined from nodes
	Address         MAC
	Name            string
	PXEEnabled      bool
	PhysicalNetwork string
	IsSmartNIC      bool
	LocalLinkConn   map[string]any
	Extra           map[string]any
	CreatedAt       time.Time
	UpdatedAt       time.Time
}

// Conductor is one row of Ironic's conductors table with its hardware types.
type Conductor struct {
	ID        int64
	Hostname  string // [DEFAULT]host: an address, a name, or host:port
	Group     string // conductor group, lower case
	Online    bool
	UpdatedAt time.Time // last heartbeat, UTC
	CreatedAt time.Time
	// Interfaces are its rows of conductor_hardware_interfaces. A conductor
	// serves the hardware types that are named in any of them.
	Interfaces []HardwareInterface
}

// HardwareInterface says that a conductor offers an interface of a hardware type.
type HardwareInterface struct {
	HardwareType string // "manual-management"
	Type         string // "boot", "deploy", ...
	Name         string // "ipxe"
	Default      bool
}

// Active applies Ironic's rule: online, and heard of within timeout before
// now. A timeout of 0 means that being online is enough.
func (c Conductor) Active(now time.Time, timeout time.Duration) bool {
	return c.Online && (timeout == 0 || !c.UpdatedAt.Before(now.Add(-timeout)))
}

// HardwareTypes lists the conductor's hardware types, each once, in the order
// of its interfaces.
func (c Conductor) HardwareTypes() []string {
	var types []string
	seen := map[string]bool{}
	for _, i := range c.Interfaces {
		if !seen[i.HardwareType] {
			seen[i.HardwareType] = true
			types = append(types, i.HardwareType)
		}
	}
	return types
}
