package ironicdisk

import (
	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
)

// classBadFile is Ironic's exception class for what a person has to mend.
const classBadFile = "IncorrectConfiguration"

// Refusal is the error for a file that cannot be given to a machine.
func (f *File) Refusal(host string) error {
	return usher.Errorf(usher.ErrUnavailable, "The boot file %s on %s cannot be given to the machine: %v.", f.Path, host, f.Problem).
		WithClass(classBadFile)
}

// Look fills in what the disk holds of a boot file. Its error is that of
// Read, or says why the file cannot be given to a machine.
func (d *Disk) Look(i bootiface.Interface, uuid, name string, e *bootiface.Evidence) error {
	if IsUUID(uuid) && i.Answers(name) {
		e.Path = d.pathOf(Roots(i)[0], uuid)
	}
	f, err := d.Read(i, uuid, name)
	if err != nil {
		return err
	}
	e.Path, e.Found, e.Written = f.Path, true, f.Written.UTC()
	e.Size, e.Servers = len(f.Content), bootiface.Servers(f.Content)
	if f.Problem != nil {
		e.Size, e.Servers = len(f.raw), nil
		return f.Refusal(e.Host)
	}
	return nil
}
