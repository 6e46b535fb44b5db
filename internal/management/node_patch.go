package management

import (
	"net/http"
	"slices"
	"strings"

	"github.com/usher-boot/usher"
)

func patchableNodeFields() []string {
	var names []string
	for _, f := range nodeWritables {
		if !f.createOnly {
			names = append(names, f.name)
		}
	}
	return names
}

// patchNode answers PATCH /v1/nodes/{node}.
func (a *API) patchNode(w http.ResponseWriter, r *request) error {
	q, err := r.query("reset_interfaces")
	if err != nil {
		return err
	}
	reset, err := q.boolean("reset_interfaces")
	if err != nil {
		return err
	}
	if reset != nil && r.minor < 45 {
		return notAcceptable(0)
	}
	ops, err := readPatch(r, patchableNodeFields())
	if err != nil {
		return err
	}
	p := nodePatch{api: a, request: r, ops: ops, reset: reset != nil && *reset}
	if err := p.check(); err != nil {
		return err
	}
	n, err := a.node(r.Context(), r, r.PathValue("node"))
	if err != nil {
		return err
	}
	// Read before the transaction: some databases have only one writer.
	if p.conductors, err = a.Store.Conductors(r.Context()); err != nil {
		return err
	}
	if n, err = a.Store.UpdateNode(r.Context(), n.UUID, "", p.change); err != nil {
		return err
	}
	o, err := a.nodeObject(r.Context(), r, n, nil)
	if err != nil {
		return err
	}
	return answerJSON(w, http.StatusOK, o)
}

// nodePatch is a patch on its way into a node.
type nodePatch struct {
	api *API
	*request
	ops        []patchOp
	reset      bool // interfaces that the patch does not name fall back to the driver's defaults
	conductors []usher.Conductor
}

// check refuses what needs no node to be refused.
func (p *nodePatch) check() error {
	for _, op := range p.ops {
		f, _ := writableNamed(op.path[0])
		if p.minor < f.since() && op.op != "remove" {
			return notAcceptable(0)
		}
	}
	if p.reset && given(p.ops, "driver") == nil {
		return usher.Errorf(usher.ErrInvalid, "The reset_interfaces parameter can only be used when changing the "+
			"node's driver.").WithClass("Invalid")
	}
	for _, v := range given(p.ops, "description") {
		if len([]rune(str(v))) > 4096 {
			return usher.Errorf(usher.ErrInvalid, "Cannot update node with description exceeding 4096 characters").
				WithClass("Invalid")
		}
	}
	for _, name := range given(p.ops, "name") {
		if name == nil {
			continue
		}
		err := p.checkName(name, "Node "+p.PathValue("node")+": Cannot change name to invalid name")
		if err != nil {
			return err
		}
	}
	return nil
}

// change applies the patch to the node's current row.
func (p *nodePatch) change(n *usher.Node) error {
	if err := p.allowedNow(n); err != nil {
		return err
	}
	before := *n
	doc := object{}
	for _, f := range nodeWritables {
		switch {
		case f.createOnly:
		case f.get != nil:
			doc[f.name] = f.get(n)
		default:
			constant, _ := nodeFieldNamed(f.name)
			doc[f.name] = constant.constant
		}
	}
	if err := applyPatch(doc, p.ops); err != nil {
		return err
	}
	if err := checkSize(doc); err != nil {
		return err
	}
	if doc["driver"] == nil {
		return invalid("Schema error for patch: 'driver' is a required property")
	}
	in := nodeInput{request: p.request, subject: "patch"}
	if err := in.apply(n, doc); err != nil {
		return err
	}
	return p.checkChanges(&before, n)
}

// updatableInTransition are the states between two others in which a node may
// be changed all the same.
var updatableInTransition = []usher.State{usher.DeployFailed, usher.Inspecting, usher.InspectFailed, usher.InspectWait,
	usher.CleanFailed, usher.ErrorState, usher.Verifying, usher.AdoptFailed, usher.RescueFailed, usher.UnrescueFailed,
	usher.ServiceFailed}

func (p *nodePatch) allowedNow(n *usher.Node) error {
	freesInstance := len(p.ops) == 1 && p.ops[0].op == "remove" && p.ops[0].path[0] == "instance_uuid"
	switch {
	case n.Maintenance && freesInstance:
		return nil
	case n.TargetProvisionState != "" && !slices.Contains(updatableInTransition, n.ProvisionState):
		return invalidState("Node %s can not be updated while a state transition is in progress.", p.PathValue("node"))
	case n.ProvisionState == usher.Inspecting && p.minor >= 39:
		return invalidState("Cannot update node \"%s\" while it is in state \"inspecting\".", n.UUID)
	}
	return nil
}

// restful are the states in which a node's interfaces and resource class may
// change.
var restful = []usher.State{usher.Enroll, usher.Inspecting, usher.InspectWait, usher.Manageable, usher.Available}

// checkChanges compares the node with what it was.
func (p *nodePatch) checkChanges(before, n *usher.Node) error {
	atRest := slices.Contains(restful, before.ProvisionState)
	if p.reset && n.Driver != before.Driver {
		for _, f := range []struct {
			name  string
			value *string
		}{{"boot_interface", &n.BootInterface}, {"deploy_interface", &n.DeployInterface}} {
			if !touches(p.ops, f.name) {
				*f.value = ""
			}
		}
	}
	driverChanged := n.Driver != before.Driver || n.ConductorGroup != before.ConductorGroup
	if driverChanged || n.BootInterface != before.BootInterface || n.DeployInterface != before.DeployInterface {
		if err := p.api.offersOf(p.conductors, n.Driver, n.ConductorGroup).settle(n); err != nil {
			return err
		}
	}
	if !atRest && !before.Maintenance {
		for _, f := range []struct{ name, was, is string }{
			{"boot_interface", before.BootInterface, n.BootInterface},
			{"deploy_interface", before.DeployInterface, n.DeployInterface},
		} {
			if f.was != f.is {
				return invalidState("Node %s can not have %s updated unless it is in one of allowed (%s) states or in "+
					"maintenance mode.", n.UUID, f.name, restfulWords())
			}
		}
	}
	if before.InstanceUUID != "" && n.InstanceUUID != "" && n.InstanceUUID != before.InstanceUUID {
		return usher.Errorf(usher.ErrConflict, "Node %s is associated with instance %s.", n.UUID, before.InstanceUUID).
			WithClass("NodeAssociated")
	}
	if before.ResourceClass != "" && n.ResourceClass != before.ResourceClass && !atRest {
		return invalidState("Node %s can not have resource_class updated unless it is in one of allowed (%s) states.",
			n.UUID, restfulWords())
	}
	return nil
}

func restfulWords() string {
	words := make([]string, len(restful))
	for i, s := range restful {
		words[i] = string(s)
	}
	return strings.Join(words, ", ")
}
