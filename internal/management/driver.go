package management

import (
	"net/http"
	"slices"
	"time"

	"github.com/usher-boot/usher"
)

// interfaceTypes are Ironic's kinds of interfaces, with the microversion in
// which a driver began to show them.
var interfaceTypes = []struct {
	name  string
	since int
}{
	{"bios", 40}, {"boot", 30}, {"console", 30}, {"deploy", 30}, {"firmware", 86}, {"inspect", 30}, {"management", 30},
	{"network", 30}, {"power", 30}, {"raid", 30}, {"rescue", 38}, {"storage", 33}, {"vendor", 30},
}

// driver is a hardware type and who serves it.
type driver struct {
	name       string
	hosts      []string
	interfaces []usher.HardwareInterface
}

// drivers gathers the hardware types of the active conductors, by name.
func (a *API) drivers(r *request) ([]driver, error) {
	conductors, err := a.Store.Conductors(r.Context())
	if err != nil {
		return nil, err
	}
	byName := map[string]*driver{}
	var names []string
	for _, c := range conductors {
		if !c.Active(time.Now(), a.ConductorTimeout) {
			continue
		}
		for _, name := range c.HardwareTypes() {
			d := byName[name]
			if d == nil {
				d = &driver{name: name}
				byName[name] = d
				names = append(names, name)
			}
			d.hosts = append(d.hosts, c.Hostname)
			for _, i := range c.Interfaces {
				if i.HardwareType == name {
					d.interfaces = append(d.interfaces, i)
				}
			}
		}
	}
	slices.Sort(names)
	all := make([]driver, len(names))
	for i, name := range names {
		all[i] = *byName[name]
	}
	return all, nil
}

func (r *request) driverObject(d driver, detail bool) object {
	o := object{"name": d.name, "hosts": d.hosts, "links": r.links("drivers/" + d.name)}
	if r.minor < 30 {
		return o
	}
	o["type"] = "dynamic"
	if !detail {
		return o
	}
	for _, t := range interfaceTypes {
		if r.minor >= t.since {
			enabled, byDefault := d.offers(t.name)
			o["enabled_"+t.name+"_interfaces"], o["default_"+t.name+"_interface"] = enabled, byDefault
		}
	}
	return o
}

// offers lists the interfaces of one kind and the default one. A kind that no
// conductor names is the one that every node shows.
func (d driver) offers(kind string) (enabled []string, byDefault any) {
	enabled = []string{}
	for _, i := range d.interfaces {
		if i.Type != kind {
			continue
		}
		if !slices.Contains(enabled, i.Name) {
			enabled = append(enabled, i.Name)
		}
		if i.Default && byDefault == nil {
			byDefault = i.Name
		}
	}
	if f, _ := nodeFieldNamed(kind + "_interface"); len(enabled) == 0 && f.constant != nil {
		return []string{str(f.constant)}, f.constant
	}
	slices.Sort(enabled)
	return enabled, byDefault
}

// listDrivers answers GET /v1/drivers.
func (a *API) listDrivers(w http.ResponseWriter, r *request) error {
	q, err := r.query("type", "detail", "fields")
	if err != nil {
		return err
	}
	detail, err := q.boolean("detail")
	if err != nil {
		return err
	}
	fields, err := r.driverFields(q)
	if err != nil {
		return err
	}
	if fields != nil && detail != nil && *detail {
		return invalid("Can not specify ?detail=True and fields in the same request.")
	}
	if (detail != nil || q.has("type")) && r.minor < 30 {
		return notAcceptable(30)
	}
	switch str(q["type"]) {
	case "", "classic", "dynamic":
	default:
		return invalid("\"type\" filter must be one of \"classic\" or \"dynamic\", if specified.")
	}
	drivers, err := a.drivers(r)
	if err != nil {
		return err
	}
	items := []object{}
	for _, d := range drivers {
		if q["type"] == "classic" { // there have been none for years
			break
		}
		o := r.driverObject(d, detail != nil && *detail)
		if err := known(fields, o); err != nil {
			return err
		}
		items = append(items, only(o, fields))
	}
	return answerJSON(w, http.StatusOK, object{"drivers": items})
}

func (r *request) driverFields(q arguments) ([]string, error) {
	fields, err := q.list("fields")
	if err == nil && fields != nil && r.minor < 77 {
		err = notAcceptable(0)
	}
	return fields, err
}

// showDriver answers GET /v1/drivers/{driver}.
func (a *API) showDriver(w http.ResponseWriter, r *request) error {
	q, err := r.query("fields")
	if err != nil {
		return err
	}
	fields, err := r.driverFields(q)
	if err != nil {
		return err
	}
	drivers, err := a.drivers(r)
	if err != nil {
		return err
	}
	name := r.PathValue("driver")
	for _, d := range drivers {
		if d.name == name {
			o := r.driverObject(d, true)
			if err := known(fields, o); err != nil {
				return err
			}
			return answerJSON(w, http.StatusOK, only(o, fields))
		}
	}
	return usher.Errorf(usher.ErrNotFound, "Could not find the following driver(s) or hardware type(s): %.255s.", name).
		WithClass("DriverNotFound")
}
