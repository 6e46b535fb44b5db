package management

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/usher-boot/usher"
)

// showNode answers GET /v1/nodes/{node}.
func (a *API) showNode(w http.ResponseWriter, r *request) error {
	q, err := r.query("fields")
	if err != nil {
		return err
	}
	fields, err := q.list("fields")
	if err != nil {
		return err
	}
	n, err := a.node(r.Context(), r, r.PathValue("node"))
	if err != nil {
		return err
	}
	if err := r.checkNodeFields(fields); err != nil {
		return err
	}
	o, err := a.nodeObject(r.Context(), r, n, fields)
	if err != nil {
		return err
	}
	return answerJSON(w, http.StatusOK, o)
}

// nodeObject shows the given fields of a node, or all (nil).
func (a *API) nodeObject(ctx context.Context, r *request, n *usher.Node, fields []string) (object, error) {
	o := object{"links": r.links("nodes/" + n.UUID)}
	for _, f := range nodeFields {
		if r.minor >= f.since && (fields == nil || slices.Contains(fields, f.name)) {
			o[f.name] = f.value(n)
		}
	}
	if s, ok := o["provision_state"]; ok {
		o["provision_state"] = r.oldState(usher.State(s.(string)))
	}
	if r.minor >= conductorSince && (fields == nil || slices.Contains(fields, "conductor")) {
		host, err := a.Owner(ctx, n)
		switch {
		case err == nil:
			o["conductor"] = host
		case errors.Is(err, usher.ErrUnavailable), errors.Is(err, usher.ErrNotFound):
			o["conductor"] = nil // an orphan for now; Ironic shows null too
		default:
			return nil, err
		}
	}
	if fields == nil {
		o["ports"] = r.links("nodes/" + n.UUID + "/ports")
		if r.minor >= 14 {
			o["states"] = r.links("nodes/" + n.UUID + "/states")
		}
	}
	return o, nil
}

// oldState spells a state as an older microversion knew it.
func (r *request) oldState(s usher.State) any {
	switch {
	case s == usher.Available && r.minor < 2:
		return nil
	case s == usher.InspectWait && r.minor < 39:
		return string(usher.Inspecting)
	}
	return string(s)
}

// createNode answers POST /v1/nodes.
func (a *API) createNode(w http.ResponseWriter, r *request) error {
	body, err := readJSON(r)
	if err != nil {
		return err
	}
	if body == nil {
		body = object{}
	}
	given, ok := body.(object)
	if !ok {
		return invalid("Schema error for node: %s is not of type 'object'", brief(body))
	}
	n := &usher.Node{UUID: uuid.NewString(), ProvisionState: usher.Enroll}
	if r.minor < 11 {
		n.ProvisionState = usher.Available // as nodes were before enroll
	}
	in := nodeInput{request: r, subject: "node", create: true}
	if err := in.check(given); err != nil {
		return err
	}
	if err := in.apply(n, given); err != nil {
		return err
	}
	if name := given["name"]; name != nil {
		if err := r.checkName(name, "Cannot create node with invalid name"); err != nil {
			return err
		}
	}
	hosts, err := a.Store.Conductors(r.Context())
	if err != nil {
		return err
	}
	if err := a.offersOf(hosts, n.Driver, n.ConductorGroup).settle(n); err != nil {
		return err
	}
	if err := a.Store.CreateNode(r.Context(), n); err != nil {
		return err
	}
	o, err := a.nodeObject(r.Context(), r, n, nil)
	if err != nil {
		return err
	}
	w.Header().Set("Location", r.base+"/v1/nodes/"+n.UUID)
	return answerJSON(w, http.StatusCreated, o)
}

// deleteNode answers DELETE /v1/nodes/{node}.
func (a *API) deleteNode(w http.ResponseWriter, r *request) error {
	n, err := a.node(r.Context(), r, r.PathValue("node"))
	if err != nil {
		return err
	}
	if err := isLocked(n); err != nil {
		return err
	}
	if err := n.Deletable(); err != nil {
		return err
	}
	if err := a.Conductor.DestroyNode(r.Context(), n.UUID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// validateNode answers GET /v1/nodes/{node}/validate and its older form
// /v1/nodes/validate?node=IDENT.
func (a *API) validateNode(w http.ResponseWriter, r *request) error {
	q, err := r.query("node", "node_uuid")
	if err != nil {
		return err
	}
	ident := r.PathValue("node")
	for _, name := range []string{"node", "node_uuid"} {
		if s, _ := q.string(name); s != "" && ident == "" {
			ident = s
		}
	}
	if ident == "" {
		return invalid("Missing mandatory parameter: node")
	}
	n, err := a.node(r.Context(), r, ident)
	if err != nil {
		return err
	}
	results, err := a.Conductor.Validate(r.Context(), n.UUID)
	if err != nil {
		return err
	}
	return answerJSON(w, http.StatusOK, results)
}
