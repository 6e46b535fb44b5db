package management

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/usher-boot/usher"
)

var shortConductor = []string{"hostname", "conductor_group", "alive"}

func (a *API) conductorObject(r *request, c usher.Conductor) object {
	return object{
		"hostname":        c.Hostname,
		"conductor_group": c.Group,
		"alive":           c.Active(time.Now(), a.ConductorTimeout),
		"drivers":         append([]string{}, c.HardwareTypes()...),
		"created_at":      showTime(c.CreatedAt),
		"updated_at":      showTime(c.UpdatedAt),
		"links":           r.links("conductors/" + c.Hostname),
	}
}

func conductorColumn(key string) (string, bool) {
	return key, slices.Contains([]string{"id", "hostname", "conductor_group", "created_at", "updated_at"}, key)
}

// listConductors answers GET /v1/conductors. There are few, so that sorting
// and paging are done here.
func (a *API) listConductors(w http.ResponseWriter, r *request) error {
	q, err := r.query(append([]string{"fields", "detail"}, pageArguments...)...)
	if err != nil {
		return err
	}
	fields, err := r.returnFields(q, shortConductor)
	if err != nil {
		return err
	}
	if err := known(fields, a.conductorObject(r, usher.Conductor{})); err != nil {
		return err
	}
	p, err := a.page(q, conductorColumn, "alive", "drivers")
	if err != nil {
		return err
	}
	p.keep(q, "detail")
	conductors, err := a.Store.Conductors(r.Context())
	if err != nil {
		return err
	}
	slices.SortStableFunc(conductors, func(x, y usher.Conductor) int {
		order := compareConductors(x, y, p.SortKey)
		if p.Desc {
			order = -order
		}
		return order
	})
	if marker, _ := q.string("marker"); marker != "" {
		i := slices.IndexFunc(conductors, func(c usher.Conductor) bool { return c.Hostname == marker })
		if i < 0 {
			return conductorNotFound(marker)
		}
		conductors = conductors[i+1:]
	}
	conductors = conductors[:min(len(conductors), p.Limit)]
	items, markers := make([]object, len(conductors)), make([]string, len(conductors))
	for i, c := range conductors {
		items[i], markers[i] = only(a.conductorObject(r, c), fields), c.Hostname
	}
	return answerJSON(w, http.StatusOK, r.collection("conductors", "conductors", items, markers, p, fields))
}

func compareConductors(x, y usher.Conductor, key string) int {
	order := 0
	switch key {
	case "hostname":
		order = strings.Compare(x.Hostname, y.Hostname)
	case "conductor_group":
		order = strings.Compare(x.Group, y.Group)
	case "created_at":
		order = x.CreatedAt.Compare(y.CreatedAt)
	case "updated_at":
		order = x.UpdatedAt.Compare(y.UpdatedAt)
	}
	return cmp.Or(order, cmp.Compare(x.ID, y.ID))
}

func conductorNotFound(hostname string) error {
	return usher.Errorf(usher.ErrNotFound, "Conductor %.255s could not be found.", hostname).WithClass("ConductorNotFound")
}

// showConductor answers GET /v1/conductors/{conductor}.
func (a *API) showConductor(w http.ResponseWriter, r *request) error {
	q, err := r.query("fields")
	if err != nil {
		return err
	}
	fields, err := q.list("fields")
	if err != nil {
		return err
	}
	conductors, err := a.Store.Conductors(r.Context())
	if err != nil {
		return err
	}
	hostname := r.PathValue("conductor")
	for _, c := range conductors {
		if c.Hostname == hostname {
			o := a.conductorObject(r, c)
			if err := known(fields, o); err != nil {
				return err
			}
			return answerJSON(w, http.StatusOK, only(o, fields))
		}
	}
	return conductorNotFound(hostname)
}
