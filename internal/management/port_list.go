package management

import (
	"net/http"

	"github.com/usher-boot/usher"
)

// listPorts answers GET /v1/ports and /v1/nodes/{node}/ports.
func (a *API) listPorts(w http.ResponseWriter, r *request) error {
	return a.portList(w, r, "ports", "fields", "detail")
}

// listPortsDetail answers the same with /detail.
func (a *API) listPortsDetail(w http.ResponseWriter, r *request) error {
	return a.portList(w, r, "ports/detail")
}

func (a *API) portList(w http.ResponseWriter, r *request, path string, more ...string) error {
	filters := []string{"node", "node_uuid", "address"}
	ident := r.PathValue("node")
	if ident != "" {
		filters, path = nil, "nodes/"+ident+"/"+path
	}
	q, err := r.query(append(append(more, pageArguments...), filters...)...)
	if err != nil {
		return err
	}
	var fields []string
	if len(more) > 0 {
		asked, err := q.list("fields")
		if err != nil {
			return err
		}
		if err := r.checkPortFields(asked); err != nil {
			return err
		}
		if fields, err = r.returnFields(q, shortPort); err != nil {
			return err
		}
	}
	p, err := a.page(q, portColumn, "extra", "internal_info", "local_link_connection")
	if err != nil {
		return err
	}
	p.keep(q, append(filters, "detail")...)
	if p.Marker, err = q.uuid("marker"); err != nil {
		return err
	}
	f := usher.PortFilter{Page: p.Page}
	if text, err := q.string("address"); err != nil {
		return err
	} else if q.has("address") {
		m, ok := colonMAC(text)
		if !ok {
			return invalid("Expected valid MAC address for address: %.64s", text)
		}
		f.Address = &m
	}
	for _, name := range []string{"node", "node_uuid"} {
		if s := str(q[name]); s != "" {
			ident = s
		}
	}
	if ident != "" {
		n, err := a.node(r.Context(), r, ident)
		if err != nil {
			return err
		}
		f.NodeUUID = n.UUID
	}
	ports, err := a.Store.Ports(r.Context(), f)
	if err != nil {
		return err
	}
	items, markers := make([]object, len(ports)), make([]string, len(ports))
	for i, port := range ports {
		o := r.portObject(port)
		if err := known(fields, o); err != nil {
			return err
		}
		items[i], markers[i] = only(o, fields), port.UUID
	}
	return answerJSON(w, http.StatusOK, r.collection("ports", path, items, markers, p, fields))
}
