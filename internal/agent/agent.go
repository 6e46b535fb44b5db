// Package agent is what Usher runs beside each conductor of an unmodified
// Ironic: it answers get_boot_config with the files that this Ironic conductor
// wrote, says which images its machines may fetch from it, and answers
// usher_status for 'usher doctor'.
//
// Package ironicdisk knows where files lie and what is in them. The agent is not
// a conductor: it takes no locks, prepares nothing, leaves the provision state's
// gate for boot files to the API, and has nothing that could write, neither to
// Ironic's database nor to its disk. It never looks at Ironic's links by MAC
// address, which are made once and go stale.
package agent

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/user"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/ironicdisk"
)

// Nodes reads a node as the database has it now.
type Nodes interface {
	BootNode(ctx context.Context, uuid string) (usher.BootNode, error)
}

// Conductors tells a conductor by its id and whether it is active, the active
// ones that can be the one of a name, and the one that a process of a name is
// beside.
type Conductors interface {
	Conductor(ctx context.Context, id int64) (usher.Conductor, bool, error)
	ActiveAs(ctx context.Context, name string) ([]usher.Conductor, error)
	Beside(ctx context.Context, name string) (usher.Conductor, error)
}

// Options are an Agent's parts. All but BootFileRead are required.
type Options struct {
	Host       string // [DEFAULT]host of the Ironic conductor on this host
	Name       string // what usher.ConductorName makes of it
	Nodes      Nodes
	Conductors Conductors
	Disk       *ironicdisk.Disk
	// Restrict is [api]restrict_boot_config, which holds for images, too.
	Restrict func() bool
	// Settings go into Status as they are.
	Settings Settings
	Logger   *slog.Logger
	// BootFileRead is told of each boot file that was read for a machine.
	BootFileRead func(ctx context.Context, start time.Time, err error)
}

// Agent answers for one Ironic conductor. It is safe for concurrent use and
// keeps no state.
type Agent struct{ o Options }

// New returns an Agent.
func New(o Options) *Agent { return &Agent{o: o} }

// GetBootConfig returns the boot file of a node that this host's Ironic
// conductor wrote. ErrNotFound means that there is none, or one of an earlier
// deployment only; ErrUnavailable that it is being written.
func (a *Agent) GetBootConfig(ctx context.Context, nodeUUID, name string) (string, error) {
	node, err := a.o.Nodes.BootNode(ctx, nodeUUID)
	if err != nil {
		return "", notNow(err)
	}
	return a.BootConfigOf(ctx, node, name)
}

// BootConfigOf is GetBootConfig for a caller that has read the node's row
// since the machine asked.
func (a *Agent) BootConfigOf(ctx context.Context, node usher.BootNode, name string) (string, error) {
	iface, ok := bootiface.Lookup(node.BootInterface)
	if !ok || !iface.Answers(name) {
		return "", usher.Errorf(usher.ErrUnsupported, "Boot interface %q of node %s does not answer %q.",
			node.BootInterface, node.UUID, name).WithClass("UnsupportedDriverExtension")
	}
	file, err := a.present(ctx, iface, node, name)
	return file.Content, err
}

// present is the boot file that a machine is to get now.
func (a *Agent) present(ctx context.Context, i bootiface.Interface, node usher.BootNode, name string) (ironicdisk.File, error) {
	file, err := a.settled(ctx, i, node.UUID, name)
	if err == nil {
		err = a.current(ctx, node, file.Written)
	}
	if err != nil {
		return ironicdisk.File{}, err
	}
	return file, nil
}

// current refuses a file that another conductor's has replaced. Ironic leaves
// files behind on a conductor that lost a node to another one: when the ring
// gives the node back, the old file is still there.
//
// Ironic notes in conductor_affinity who prepared a deployment, before the
// node waits for its ramdisk, and who took an active node over. In the other
// states affinity says nothing, and the ring alone decides.
func (a *Agent) current(ctx context.Context, node usher.BootNode, written time.Time) error {
	if node.ConductorAffinity == 0 || node.ProvisionState != usher.DeployWait && node.ProvisionState != usher.Active {
		return nil
	}
	other, active, err := a.o.Conductors.Conductor(ctx, node.ConductorAffinity)
	switch {
	case errors.Is(err, usher.ErrNotFound):
		return nil // its row is gone, and with it what it knew
	case err != nil:
		return notNow(err)
	}
	switch mine, err := a.mine(ctx, other); {
	case err != nil:
		return notNow(err)
	case mine:
		return nil
	case !active && written.After(other.UpdatedAt):
		return nil // written after the other's last heartbeat: Ironic has moved on to here
	}
	// Only beside an active conductor this host is known to be another one than
	// the other's; else "not found" would be a guess.
	if _, err := a.o.Conductors.Beside(ctx, a.o.Name); err != nil {
		return notNow(err)
	}
	return usher.Errorf(usher.ErrNotFound,
		"The boot file of node %s on %s is from before conductor %s prepared the node.", node.UUID, a.o.Host, other.Hostname)
}

// mine says whether a row is of the conductor on this host, under the name that
// it has now or under the one that it had before an upgrade. Where several
// conductors of this host name are active, only its own row will do.
func (a *Agent) mine(ctx context.Context, row usher.Conductor) (bool, error) {
	if row.Hostname == a.o.Name {
		return true, nil
	}
	if !usher.SameConductor(row.Hostname, a.o.Name) {
		return false, nil
	}
	active, err := a.o.Conductors.ActiveAs(ctx, a.o.Name)
	if err != nil {
		return false, err
	}
	for _, c := range active {
		if !usher.SameConductor(c.Hostname, row.Hostname) {
			return false, nil
		}
	}
	return true, nil
}

// classNotNow is Ironic's exception class for "not now".
const classNotNow = "TemporaryFailure"

// notNow marks an outage as this host's own, in contrast to a host that
// could not be reached.
func notNow(err error) error {
	if !errors.Is(err, usher.ErrUnavailable) {
		return err
	}
	return usher.Errorf(usher.ErrUnavailable, "%v", err).WithClass(classNotNow)
}

// account is who this process runs as, for messages.
func account() string {
	u, err := user.Current()
	if err != nil {
		return "of this process"
	}
	return u.Username
}

// readable says why a folder cannot be read, or nothing.
func readable(dir string) string {
	f, err := os.Open(dir)
	if err == nil {
		_, err = f.Readdirnames(1)
		if err = errors.Join(skipEOF(err), f.Close()); err == nil {
			return ""
		}
	}
	return err.Error()
}
