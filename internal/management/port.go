package management

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/usher-boot/usher"
)

func (r *request) portObject(p *usher.Port) object {
	o := object{"links": r.links("ports/" + p.UUID)}
	for _, f := range portFields {
		if r.minor >= f.since {
			o[f.name] = f.show(p)
		}
	}
	return o
}

// port finds the port that a path names.
func (a *API) port(r *request) (*usher.Port, error) {
	id, ok := canonicalUUID(r.PathValue("port"))
	if !ok {
		return nil, invalid("Expected UUID for port_uuid: %.255s", r.PathValue("port"))
	}
	return a.Store.Port(r.Context(), id)
}

// showPort answers GET /v1/ports/{port}.
func (a *API) showPort(w http.ResponseWriter, r *request) error {
	q, err := r.query("fields")
	if err != nil {
		return err
	}
	fields, err := q.list("fields")
	if err != nil {
		return err
	}
	p, err := a.port(r)
	if err != nil {
		return err
	}
	if err := r.checkPortFields(fields); err != nil {
		return err
	}
	o := r.portObject(p)
	if err := known(fields, o); err != nil {
		return err
	}
	return answerJSON(w, http.StatusOK, only(o, fields))
}

// readPort checks what a client gives of a port and stores it in p.
func (r *request) readPort(p *usher.Port, subject string, given object) error {
	for name := range given {
		f, ok := portFieldNamed(name)
		if !ok || f.set == nil {
			return invalid("Schema error for %s: Additional properties are not allowed (%s was unexpected)", subject, brief(name))
		}
		if r.minor < f.since {
			return notAcceptable(0)
		}
	}
	for _, f := range portFields {
		v, ok := given[f.name]
		if f.required && v == nil {
			if ok && subject == "port" {
				return wrongType(subject, f.name, v, "'string'")
			}
			return invalid("Schema error for %s: '%s' is a required property", subject, f.name)
		}
		if !ok {
			continue
		}
		if v != nil {
			var err error
			if v, err = f.clean(subject, v); err != nil {
				return err
			}
		}
		f.set(p, v)
	}
	if _, ok := p.LocalLinkConn["network_type"]; ok && r.minor < 64 {
		return notAcceptable(0)
	}
	if _, ok := p.LocalLinkConn["hostname"]; p.IsSmartNIC && len(p.LocalLinkConn) > 0 && !ok {
		return invalid("Smart NIC port must have port_id and hostname in local_link_connection")
	}
	return nil
}

// nodeOfPort finds the node that a port is to belong to, which nobody may be
// working on.
func (a *API) nodeOfPort(ctx context.Context, uuid string) (*usher.Node, error) {
	n, err := a.Store.Node(ctx, uuid)
	if errors.Is(err, usher.ErrNotFound) {
		// The client asked for a port; that the node is missing is its error.
		return nil, usher.Errorf(usher.ErrInvalid, "Node %s could not be found.", uuid).WithClass("NodeNotFound")
	}
	if err != nil {
		return nil, err
	}
	return n, isLocked(n)
}

// createPort answers POST /v1/ports.
func (a *API) createPort(w http.ResponseWriter, r *request) error {
	body, err := readJSON(r)
	if err != nil {
		return err
	}
	if body == nil {
		body = object{}
	}
	given, ok := body.(object)
	if !ok {
		return invalid("Schema error for port: %s is not of type 'object'", brief(body))
	}
	p := &usher.Port{UUID: uuid.NewString(), PXEEnabled: true}
	if err := r.readPort(p, "port", given); err != nil {
		return err
	}
	n, err := a.nodeOfPort(r.Context(), p.NodeUUID)
	if err != nil {
		return err
	}
	p.NodeID = n.ID
	if err := a.Store.CreatePort(r.Context(), p); err != nil {
		return err
	}
	w.Header().Set("Location", r.base+"/v1/ports/"+p.UUID)
	return answerJSON(w, http.StatusCreated, r.portObject(p))
}

func patchablePortFields() []string {
	var names []string
	for _, f := range portFields {
		if f.set != nil && !f.createOnly {
			names = append(names, f.name)
		}
	}
	return names
}

// patchPort answers PATCH /v1/ports/{port}.
func (a *API) patchPort(w http.ResponseWriter, r *request) error {
	writable := patchablePortFields()
	ops, err := readPatch(r, writable)
	if err != nil {
		return err
	}
	for _, op := range ops {
		if f, _ := portFieldNamed(op.path[0]); r.minor < f.since {
			return notAcceptable(0)
		}
	}
	p, err := a.port(r)
	if err != nil {
		return err
	}
	nodeUUID := p.NodeUUID
	n, err := a.nodeOfPort(r.Context(), nodeUUID)
	if err != nil {
		return err
	}
	for _, v := range given(ops, "node_uuid") {
		if id, ok := canonicalUUID(str(v)); ok && id != nodeUUID {
			if n, err = a.nodeOfPort(r.Context(), id); err != nil {
				return err
			}
		}
	}
	p, err = a.Store.UpdatePort(r.Context(), p.UUID, func(p *usher.Port) error {
		before := *p
		doc := object{}
		for _, name := range writable {
			if f, _ := portFieldNamed(name); r.minor >= f.since {
				doc[name] = f.show(p)
			}
		}
		if err := applyPatch(doc, ops); err != nil {
			return err
		}
		if err := checkSize(doc); err != nil {
			return err
		}
		if err := r.readPort(p, "patch", doc); err != nil {
			return err
		}
		p.NodeID = n.ID
		return r.portMayChange(&before, p, n)
	})
	if err != nil {
		return err
	}
	return answerJSON(w, http.StatusOK, r.portObject(p))
}

// portMayChange refuses to change the way in which a machine is plugged in
// while it is in use.
func (r *request) portMayChange(before, p *usher.Port, n *usher.Node) error {
	if n.ProvisionState == usher.Inspecting && r.minor >= 39 {
		return invalidState("Cannot update port \"%s\" on \"%s\" while it is in state \"inspecting\".", p.UUID, n.UUID)
	}
	if n.Maintenance {
		return nil
	}
	if p.Address != before.Address && (n.ProvisionState == usher.Active || n.InstanceUUID != "") {
		return invalidState("Cannot update hardware address for port %s as node %s is active or has instance UUID assigned",
			p.UUID, n.UUID)
	}
	changed := p.PXEEnabled != before.PXEEnabled || p.PhysicalNetwork != before.PhysicalNetwork ||
		!sameJSON(p.LocalLinkConn, before.LocalLinkConn) || p.NodeUUID != before.NodeUUID
	free := []usher.State{usher.Enroll, usher.Inspecting, usher.InspectWait, usher.Manageable}
	if changed && !slices.Contains(free, n.ProvisionState) {
		return invalidState("Port %s can not have any connectivity attributes (pxe_enabled, local_link_connection, "+
			"physical_network, node_uuid) updated unless node %s is in a enroll, inspecting, inspect wait, manageable "+
			"state or in maintenance mode. The current state is %s.", p.UUID, n.UUID, n.ProvisionState)
	}
	return nil
}

// deletePort answers DELETE /v1/ports/{port}.
func (a *API) deletePort(w http.ResponseWriter, r *request) error {
	p, err := a.port(r)
	if err != nil {
		return err
	}
	if _, err := a.nodeOfPort(r.Context(), p.NodeUUID); err != nil {
		return err
	}
	if err := a.Store.DeletePort(r.Context(), p.UUID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
