package usher

import "time"

// NodeFilter narrows a list of nodes. Zero fields do not narrow; pointers
// tell "unset" from false.
type NodeFilter struct {
	UUIDs           []string // any of these
	Addresses       []MAC    // nodes with a port at any of these
	InstanceUUID    string
	Associated      *bool // has an instance_uuid
	Maintenance     *bool
	Reserved        *bool
	ReservedBy      string // the reservation column
	ProvisionStates []State
	UpdatedBefore   time.Time // provision_updated_at is known and before this
	Driver          string
	DeployInterface string
	ConductorGroup  *string
	ResourceClass   string
	Owner           string
	Lessee          string
	Page
}

// PortFilter narrows a list of ports.
type PortFilter struct {
	NodeUUID string
	Address  *MAC
	Page
}

// Page is one page of a list, as Ironic's limit, marker, sort_key, sort_dir.
type Page struct {
	Limit   int    // 0 means no limit
	Marker  string // UUID of the last row of the page before
	SortKey string // a column, "id" when empty; ties are broken by id
	Desc    bool
}
