package usher

// Deletable is nil where a node may be deleted in its state, and says why not
// otherwise, in Ironic's words. The API asks before it calls the conductor,
// which asks again while it holds the node.
func (n *Node) Deletable() error {
	if n.Maintenance {
		return nil
	}
	if n.InstanceUUID != "" {
		return Errorf(ErrConflict, "Node %s is associated with instance %s.", n.UUID, n.InstanceUUID).
			WithClass("NodeAssociated")
	}
	switch n.ProvisionState {
	case Manageable, Enroll, AdoptFailed, Available:
		return nil
	}
	return Errorf(ErrConflict, "Can not delete node \"%s\" while it is in provision state \"%s\". Valid provision states to "+
		"perform deletion are: \"('manageable', 'enroll', 'adopt failed', 'available')\", or set the node into "+
		"maintenance mode", n.UUID, n.ProvisionState).WithClass("InvalidState")
}
