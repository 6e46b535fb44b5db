package management

import (
	"slices"
	"strings"
	"time"

	"github.com/usher-boot/usher"
)

// offers is what the active conductors of a group offer for a hardware type.
type offers struct {
	driver, group string
	anyone        bool // some conductor is active at all
	hosts         []string
	interfaces    []usher.HardwareInterface
}

func (a *API) offersOf(conductors []usher.Conductor, driver, group string) offers {
	o := offers{driver: driver, group: group}
	for _, c := range conductors {
		if !c.Active(time.Now(), a.ConductorTimeout) {
			continue
		}
		o.anyone = true
		if c.Group != group || !slices.Contains(c.HardwareTypes(), driver) {
			continue
		}
		o.hosts = append(o.hosts, c.Hostname)
		for _, i := range c.Interfaces {
			if i.HardwareType == driver {
				o.interfaces = append(o.interfaces, i)
			}
		}
	}
	return o
}

// settle checks that a conductor can take the node as it is, and gives it the
// default boot and deploy interface where it names none.
func (o offers) settle(n *usher.Node) error {
	if !o.anyone {
		return usher.Errorf(usher.ErrUnavailable, "Resource temporarily unavailable, please retry.").
			WithClass("TemporaryFailure")
	}
	if len(o.hosts) == 0 {
		return usher.Errorf(usher.ErrInvalid, "No valid host was found. Reason: No conductor service registered which "+
			"supports driver %s for conductor group \"%s\".", o.driver, o.group).WithClass("NoValidHost")
	}
	var err error
	if n.BootInterface, err = o.choose("boot", n.BootInterface); err != nil {
		return err
	}
	n.DeployInterface, err = o.choose("deploy", n.DeployInterface)
	return err
}

// choose returns the wanted interface if it is offered, or the default one.
func (o offers) choose(kind, wanted string) (string, error) {
	var names []string
	chosen := ""
	for _, i := range o.interfaces {
		if i.Type != kind {
			continue
		}
		if !slices.Contains(names, i.Name) {
			names = append(names, i.Name)
		}
		if wanted == "" && i.Default && chosen == "" {
			chosen = i.Name
		}
	}
	slices.Sort(names)
	switch {
	case wanted == "" && chosen == "":
		return "", invalid("For hardware type '%s', no default value found for %s interface.", o.driver, kind).
			WithClass("NoValidDefaultForInterface")
	case wanted == "":
		return chosen, nil
	case !slices.Contains(names, wanted):
		return "", invalid("Could not find the following interface in the 'ironic.hardware.interfaces.%s' entrypoint: "+
			"%.255s. Valid interfaces are ['%s'].", kind, wanted, strings.Join(names, "', '")).
			WithClass("InterfaceNotFoundInEntrypoint")
	}
	return wanted, nil
}
