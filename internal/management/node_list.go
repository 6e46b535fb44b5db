package management

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/usher-boot/usher"
)

// nodeFilters are the filters of a list of nodes with their microversions.
var nodeFilters = map[string]int{
	"chassis_uuid": 0, "instance_uuid": 0, "associated": 0, "maintenance": 0, "provision_state": 9, "driver": 16,
	"resource_class": 21, "fault": 42, "conductor_group": 46, "conductor": 49, "owner": 50, "description_contains": 0,
	"retired": 0, "lessee": 65, "project": 0, "shard": 82, "sharded": 82, "parent_node": 83, "include_children": 83,
}

// listNodes answers GET /v1/nodes.
func (a *API) listNodes(w http.ResponseWriter, r *request) error {
	return a.nodeList(w, r, "nodes", "fields", "detail")
}

// listNodesDetail answers GET /v1/nodes/detail.
func (a *API) listNodesDetail(w http.ResponseWriter, r *request) error {
	return a.nodeList(w, r, "nodes/detail")
}

func (a *API) nodeList(w http.ResponseWriter, r *request, path string, more ...string) error {
	names := append(more, pageArguments...)
	filters := make([]string, 0, len(nodeFilters))
	for name := range nodeFilters {
		filters = append(filters, name)
	}
	slices.Sort(filters)
	q, err := r.query(append(names, filters...)...)
	if err != nil {
		return err
	}
	var fields []string
	if len(more) > 0 {
		asked, err := q.list("fields")
		if err != nil {
			return err
		}
		if err := r.checkNodeFields(asked); err != nil {
			return err
		}
		if fields, err = r.returnFields(q, shortNode); err != nil {
			return err
		}
	}
	p, err := a.page(q, nodeColumn, "properties", "driver_info", "extra", "instance_info", "driver_internal_info",
		"clean_step", "deploy_step", "raid_config", "target_raid_config", "traits", "network_data", "service_step")
	if err != nil {
		return err
	}
	p.keep(q, append(filters, "detail")...)
	f, keep, err := a.nodeFilter(r, q)
	if err != nil {
		return err
	}
	if p.Marker, err = q.uuid("marker"); err != nil {
		return err
	}
	nodes, err := a.nodePage(r.Context(), f, p, keep)
	if err != nil {
		return err
	}
	items, markers := make([]object, len(nodes)), make([]string, len(nodes))
	for i, n := range nodes {
		if items[i], err = a.nodeObject(r.Context(), r, n, fields); err != nil {
			return err
		}
		markers[i] = n.UUID
	}
	if q.has("instance_uuid") {
		p.Limit = 0 // at most one: there is no next page
	}
	return answerJSON(w, http.StatusOK, r.collection("nodes", path, items, markers, p, fields))
}

// nodePage reads one page. What no column can filter is filtered here, before
// the page is cut, so that pages are full.
func (a *API) nodePage(ctx context.Context, f usher.NodeFilter, p page, keep func(context.Context, *usher.Node) (bool, error)) ([]*usher.Node, error) {
	f.Page = p.Page
	if keep != nil {
		f.Limit = 0
	}
	nodes, err := a.Store.Nodes(ctx, f)
	if err != nil || keep == nil {
		return nodes, err
	}
	kept := nodes[:0]
	for _, n := range nodes {
		ok, err := keep(ctx, n)
		if err != nil {
			return nil, err
		}
		if ok && len(kept) < p.Limit {
			kept = append(kept, n)
		}
	}
	return kept, nil
}

// nodeFilter reads the filters of a list.
func (a *API) nodeFilter(r *request, q arguments) (usher.NodeFilter, func(context.Context, *usher.Node) (bool, error), error) {
	var f usher.NodeFilter
	fail := func(err error) (usher.NodeFilter, func(context.Context, *usher.Node) (bool, error), error) {
		return f, nil, err
	}
	for name, since := range nodeFilters {
		if q.has(name) && r.minor < since {
			if name == "provision_state" {
				since = 0 // Ironic does not say which
			}
			return fail(notAcceptable(since))
		}
	}
	var err error
	bools := map[string]**bool{"associated": &f.Associated, "maintenance": &f.Maintenance}
	for name, to := range bools {
		if *to, err = q.boolean(name); err != nil {
			return fail(err)
		}
	}
	if f.InstanceUUID, err = q.uuid("instance_uuid"); err != nil {
		return fail(err)
	}
	f.Driver, f.ResourceClass = str(q["driver"]), str(q["resource_class"])
	f.Owner, f.Lessee = str(q["owner"]), str(q["lessee"])
	if q.has("conductor_group") {
		group := strings.ToLower(str(q["conductor_group"]))
		f.ConductorGroup = &group
	}
	if s := usher.State(str(q["provision_state"])); q.has("provision_state") {
		if !s.Known() {
			return fail(invalid("Provision state \"%.255s\" is not valid", s))
		}
		f.ProvisionStates = []usher.State{s}
	}
	chassis, err := q.uuid("chassis_uuid")
	if err != nil {
		return fail(err)
	}
	if chassis != "" {
		return fail(usher.Errorf(usher.ErrNotFound, "Chassis %s could not be found.", chassis).WithClass("ChassisNotFound"))
	}
	nothing, err := filtersAll(q)
	if err != nil {
		return fail(err)
	}
	return f, a.keepNodes(q, nothing), nil
}

// filtersAll reads filters on what is the same for every node here: they let
// all nodes through or none.
func filtersAll(q arguments) (bool, error) {
	nothing := false
	for _, name := range []string{"retired", "sharded", "include_children"} {
		b, err := q.boolean(name)
		if err != nil {
			return false, err
		}
		if name != "include_children" {
			nothing = nothing || b != nil && *b
		}
	}
	switch fault := str(q["fault"]); fault {
	case "":
	case "power failure", "clean failure", "rescue abort failure":
		nothing = true
	default:
		return false, invalid("Unrecognized fault \"%.255s\" is specified, allowed faults are ('power failure', "+
			"'clean failure', 'rescue abort failure')", fault)
	}
	return nothing || q.has("shard") || q.has("parent_node"), nil
}

// keepNodes is nil when no filter is left to apply.
func (a *API) keepNodes(q arguments, nothing bool) func(context.Context, *usher.Node) (bool, error) {
	host, words, project := str(q["conductor"]), strings.ToLower(str(q["description_contains"])), str(q["project"])
	if !nothing && host == "" && words == "" && project == "" {
		return nil
	}
	return func(ctx context.Context, n *usher.Node) (bool, error) {
		if nothing || words != "" && !strings.Contains(strings.ToLower(n.Description), words) ||
			project != "" && n.Owner != project && n.Lessee != project {
			return false, nil
		}
		if host == "" {
			return true, nil
		}
		owner, err := a.Owner(ctx, n)
		if errors.Is(err, usher.ErrUnavailable) || errors.Is(err, usher.ErrNotFound) {
			return false, nil // an orphan is nobody's
		}
		return owner == host, err
	}
}
