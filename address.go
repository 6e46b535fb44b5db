package usher

// KnownAddress is a MAC address that the inventory has, of a port or of a port
// group, with the node that it is of.
type KnownAddress struct {
	Address    MAC
	PortUUID   string // where it was asked for; empty for a port group
	PXEEnabled bool   // of a port; false for a port group
	// Portgroup is the name of the port group that has the address, "-" for
	// one without a name, and empty for a port.
	Portgroup string
	NodeUUID  string
	NodeName  string
	State     State // the node's provision state
}

// NodeCondition is what may keep a node from moving on, besides its provision
// state.
type NodeCondition struct {
	DeployInterface string
	Maintenance     bool
	Reservation     string // host that holds the exclusive lock, empty when free
	LastError       string
}
