package conductor

// Holds says that a task of this process is at work on the node.
func (c *Conductor) Holds(uuid string) bool { return c.tasks.has(uuid) }
