package conductor

import (
	"context"
	"errors"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
)

// onDemandWait bounds how long a machine waits for a file that is prepared
// because it asked; shorter than the usual [usher]rpc_timeout, so that "not
// yet" comes from here. Fetching an image may take longer and goes on.
const onDemandWait = 2 * time.Second

// bootConfigTries bounds how often a request looks again at a node that
// changes while it is looked at.
const bootConfigTries = 3

// GetBootConfig answers the RPC get_boot_config(node_id, name): the named
// boot file of the node, with this conductor's addresses. It takes no lock
// and never waits for one that others hold. ErrNotFound means that the node
// has nothing to boot now, ErrUnsupported that its boot interface does not
// answer this name, ErrUnavailable that the file is not ready yet
// (classNotReady), or cannot be made here just now.
//
// Only a file that was rendered for the node's present row is ever given: the
// row comes first, then the question whether the file is of that row.
func (c *Conductor) GetBootConfig(ctx context.Context, nodeUUID, name string) (string, error) {
	if c.stopping.Load() {
		return "", errStopping
	}
	node, err := c.store.BootNode(ctx, nodeUUID)
	if err != nil {
		return "", incapable(err)
	}
	return c.BootConfigOf(ctx, node, name)
}

// BootConfigOf is GetBootConfig for a caller that has read the node's row
// since the machine asked.
func (c *Conductor) BootConfigOf(ctx context.Context, node usher.BootNode, name string) (string, error) {
	for range bootConfigTries {
		if c.stopping.Load() {
			return "", errStopping
		}
		iface, ok := bootiface.Lookup(node.BootInterface)
		if !ok || !iface.Answers(name) {
			return "", notAnswered(node, name)
		}
		if err := mayBoot(node); err != nil {
			return "", err
		}
		if content, ok := c.give(ctx, node); ok {
			return content, nil
		}
		if err := c.prepareOnDemand(ctx, node.UUID); err != nil {
			return "", err
		}
		if content, ok := c.give(ctx, node); ok {
			return content, nil
		}
		// What was prepared is of an older row than this one, or of a later.
		var err error
		if node, err = c.store.BootNode(ctx, node.UUID); err != nil {
			return "", incapable(err)
		}
	}
	return "", notReady("The boot files of node %s are changing.", node.UUID)
}

// ReadyBootConfig is BootConfigOf for a file that is prepared for this very
// row; for all else BootConfigOf must be asked, which may take its time.
func (c *Conductor) ReadyBootConfig(ctx context.Context, node usher.BootNode, name string) (config string, ok bool) {
	iface, known := bootiface.Lookup(node.BootInterface)
	if c.stopping.Load() || !known || !iface.Answers(name) || node.ProvisionState.Transient() || !mayHaveBootFile(node.ProvisionState) {
		return "", false
	}
	return c.give(ctx, node)
}

// give gives a prepared boot file to a machine.
func (c *Conductor) give(ctx context.Context, node usher.BootNode) (content string, ok bool) {
	if c.told.BootFileRead == nil {
		return c.prepared(node)
	}
	start := time.Now()
	if content, ok = c.prepared(node); ok {
		c.told.BootFileRead(ctx, start, nil)
	}
	return content, ok
}

// mayBoot says why a node in its state has no boot file; nil where it may have
// one.
func mayBoot(node usher.BootNode) error {
	switch {
	case node.ProvisionState.Transient(): // a file may be there before its state is
		return atWork(node.UUID, node.ProvisionState)
	case !mayHaveBootFile(node.ProvisionState):
		return nothingToBoot(node)
	}
	return nil
}

func notAnswered(node usher.BootNode, name string) error {
	return usher.Errorf(usher.ErrUnsupported, "Boot interface %q of node %s does not answer %q.",
		node.BootInterface, node.UUID, name).WithClass("UnsupportedDriverExtension")
}

func nothingToBoot(node usher.BootNode) error {
	return usher.Errorf(usher.ErrNotFound, "Node %s has nothing to boot in state %q.",
		node.UUID, node.ProvisionState).WithClass("NotFound")
}

// prepareOnDemand prepares a node that this conductor was asked for and has
// not prepared: it took the node over, or has just started. Whatever goes
// wrong is "not now" to the machine, never "no".
func (c *Conductor) prepareOnDemand(ctx context.Context, uuid string) error {
	ctx, cancel := context.WithTimeout(ctx, onDemandWait)
	defer cancel()
	select {
	case r := <-c.prepareRow(uuid):
		return unprepared(uuid, r.Err)
	case <-ctx.Done():
		return stillPreparing(uuid)
	}
}

// unprepared is what a machine is told when its node's files could not be
// prepared because of err, or nil.
func unprepared(uuid string, err error) error {
	e, _ := errors.AsType[*usher.Error](err)
	switch {
	case err == nil:
		return nil
	case e != nil && (e.Class == classNotReady || e.Class == errStopping.Class):
		return err
	case e != nil && e.Class == "NodeNotFound":
		return nil // deleted meanwhile: who asked will see it
	case errors.Is(err, usher.ErrInvalid), errors.Is(err, usher.ErrUnsupported):
		// What the node's row asks for cannot be prepared anywhere.
		return notReady("Cannot prepare the boot files of node %s: %v", uuid, err)
	default:
		return incapable(err)
	}
}

func stillPreparing(uuid string) error {
	return usher.Errorf(usher.ErrUnavailable, "The boot files of node %s are still being prepared.", uuid).WithClass(classBusy)
}

// classBusy is the class of "I am at it, and it takes long": another conductor
// may have the images that this one waits for
// (docs/decisions/0011-who-hands-over.md).
const classBusy = "NoFreeConductorWorker"

// classNotReady is the class of "ask again": another conductor would have to
// say the same.
const classNotReady = "TemporaryFailure"

func notReady(format string, args ...any) error {
	return usher.Errorf(usher.ErrUnavailable, format, args...).WithClass(classNotReady)
}

// incapable marks an error as this conductor's own: its database, disk or
// network is broken, and another one may be able to answer. "Not found" and
// "not supported" stay what they are.
func incapable(err error) error {
	if errors.Is(err, usher.ErrNotFound) || errors.Is(err, usher.ErrUnsupported) {
		return err
	}
	return usher.Errorf(usher.ErrUnavailable, "%v", err).WithClass(errStopping.Class)
}
