package management

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/usher-boot/usher"
)

// nodeWritable is one member of a node that clients may set.
type nodeWritable struct {
	name  string
	kind  kind
	limit int // characters; 0 means 255, what the columns hold
	// set stores a checked value. nil for what Usher does not store: then
	// only the value that it always shows, or null, is taken.
	set func(*usher.Node, any)
	// get is the current value for a patch to work on, unmasked.
	get        func(*usher.Node) any
	createOnly bool
}

type kind string

const (
	text    kind = "'string', 'null'"
	mapping kind = "'object', 'null'"
	boolean kind = "'string', 'boolean', 'null'"
	id      kind = "'string', 'null' "
)

// nodeWritables are what Ironic lets clients set. Those without set are
// things that Usher does not have: to take them in silence would promise what
// never happens, so any other value than the one shown is refused by name.
var nodeWritables = []nodeWritable{
	{name: "uuid", kind: id, createOnly: true, set: func(n *usher.Node, v any) {
		if s := str(v); s != "" {
			n.UUID = s
		}
	}},
	{name: "automated_clean", kind: boolean},
	{name: "bios_interface", kind: text},
	{name: "boot_interface", kind: text, set: func(n *usher.Node, v any) { n.BootInterface = str(v) }, get: func(n *usher.Node) any { return nullable(n.BootInterface) }},
	{name: "boot_mode", kind: text, createOnly: true},
	{name: "chassis_uuid", kind: id},
	{name: "conductor_group", kind: text, set: func(n *usher.Node, v any) { n.ConductorGroup = strings.ToLower(str(v)) }, get: func(n *usher.Node) any { return n.ConductorGroup }},
	{name: "console_enabled", kind: boolean, createOnly: true},
	{name: "console_interface", kind: text},
	{name: "deploy_interface", kind: text, set: func(n *usher.Node, v any) { n.DeployInterface = str(v) }, get: func(n *usher.Node) any { return nullable(n.DeployInterface) }},
	{name: "description", kind: text, limit: 4096, set: func(n *usher.Node, v any) { n.Description = str(v) }, get: func(n *usher.Node) any { return nullable(n.Description) }},
	{name: "driver", kind: text, set: func(n *usher.Node, v any) { n.Driver = str(v) }, get: func(n *usher.Node) any { return n.Driver }},
	{name: "driver_info", kind: mapping, set: func(n *usher.Node, v any) { n.DriverInfo = obj(v) }, get: func(n *usher.Node) any { return shown(n.DriverInfo) }},
	{name: "extra", kind: mapping, set: func(n *usher.Node, v any) { n.Extra = obj(v) }, get: func(n *usher.Node) any { return shown(n.Extra) }},
	{name: "firmware_interface", kind: text},
	{name: "inspect_interface", kind: text},
	{name: "instance_info", kind: mapping, set: func(n *usher.Node, v any) { n.InstanceInfo = obj(v) }, get: func(n *usher.Node) any { return shown(n.InstanceInfo) }},
	{name: "instance_uuid", kind: id, set: func(n *usher.Node, v any) { n.InstanceUUID = str(v) }, get: func(n *usher.Node) any { return nullable(n.InstanceUUID) }},
	{name: "lessee", kind: text, set: func(n *usher.Node, v any) { n.Lessee = str(v) }, get: func(n *usher.Node) any { return nullable(n.Lessee) }},
	{name: "maintenance", kind: boolean, set: func(n *usher.Node, v any) {
		n.Maintenance, _ = v.(bool)
		if !n.Maintenance {
			n.MaintenanceReason = ""
		}
	}, get: func(n *usher.Node) any { return n.Maintenance }},
	{name: "management_interface", kind: text},
	{name: "name", kind: text, set: func(n *usher.Node, v any) { n.Name = str(v) }, get: func(n *usher.Node) any { return nullable(n.Name) }},
	{name: "network_data", kind: mapping},
	{name: "network_interface", kind: text},
	{name: "owner", kind: text, set: func(n *usher.Node, v any) { n.Owner = str(v) }, get: func(n *usher.Node) any { return nullable(n.Owner) }},
	{name: "parent_node", kind: id},
	{name: "power_interface", kind: text},
	{name: "properties", kind: mapping, set: func(n *usher.Node, v any) { n.Properties = obj(v) }, get: func(n *usher.Node) any { return shown(n.Properties) }},
	{name: "protected", kind: boolean},
	{name: "protected_reason", kind: text},
	{name: "raid_interface", kind: text},
	{name: "rescue_interface", kind: text},
	{name: "resource_class", kind: text, limit: 80, set: func(n *usher.Node, v any) { n.ResourceClass = str(v) }, get: func(n *usher.Node) any { return nullable(n.ResourceClass) }},
	{name: "retired", kind: boolean},
	{name: "retired_reason", kind: text},
	{name: "secure_boot", kind: boolean, createOnly: true},
	{name: "shard", kind: text},
	{name: "storage_interface", kind: text},
	{name: "vendor_interface", kind: text},
}

func str(v any) string {
	s, _ := v.(string)
	return s
}

func obj(v any) map[string]any {
	o, _ := v.(map[string]any)
	return o
}

func writableNamed(name string) (nodeWritable, bool) {
	i := slices.IndexFunc(nodeWritables, func(f nodeWritable) bool { return f.name == name })
	if i < 0 {
		return nodeWritable{}, false
	}
	return nodeWritables[i], true
}

func (f nodeWritable) since() int {
	shown, _ := nodeFieldNamed(f.name)
	return shown.since
}

// nodeInput checks and stores what a client gives of a node.
type nodeInput struct {
	*request
	subject string // "node" or "patch", for messages
	create  bool
}

// check refuses unknown members, and members of a newer microversion unless
// they are empty.
func (in nodeInput) check(given object) error {
	for name, v := range given {
		f, ok := writableNamed(name)
		if !ok || in.create && (name == "protected" || name == "protected_reason") {
			return invalid("Schema error for %s: Additional properties are not allowed (%s was unexpected)",
				in.subject, brief(name))
		}
		if in.minor < f.since() && v != nil && v != "" {
			return notAcceptable(0)
		}
	}
	if given["driver"] == nil {
		if _, ok := given["driver"]; ok {
			return invalid("Schema error for %s: driver: null is not of type 'string'", in.subject)
		}
		return invalid("Schema error for %s: 'driver' is a required property", in.subject)
	}
	return nil
}

// apply checks the types of values and stores them in n.
func (in nodeInput) apply(n *usher.Node, given object) error {
	for _, f := range nodeWritables {
		v, ok := given[f.name]
		if !ok {
			continue
		}
		v, err := f.clean(in.subject, v)
		if err != nil {
			return err
		}
		if f.set != nil {
			f.set(n, v)
			continue
		}
		constant, _ := nodeFieldNamed(f.name)
		if v != nil && !reflect.DeepEqual(v, constant.constant) {
			return invalid("Field %s can not be set to %s: Usher does not have it, and it can only be null or %s.",
				f.name, brief(v), brief(constant.constant))
		}
	}
	return nil
}

// clean checks one value's type and turns it into its stored form.
func (f nodeWritable) clean(subject string, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	wrongType := func() error {
		return invalid("Schema error for %s: %s: %s is not of type %s", subject, f.name, brief(v),
			strings.TrimSpace(string(f.kind)))
	}
	switch f.kind {
	case mapping:
		if !isObject(v) {
			return nil, wrongType()
		}
		return v, nil
	case boolean:
		if _, isNumber := v.(json.Number); isNumber || isObject(v) {
			return nil, wrongType()
		}
		if _, isList := v.([]any); isList {
			return nil, wrongType()
		}
		return parseBool(f.name, v)
	}
	s, ok := v.(string)
	if !ok {
		return nil, wrongType()
	}
	if f.kind == id {
		u, ok := canonicalUUID(s)
		if !ok {
			return nil, invalid("Expected UUID for %s: %.255s", f.name, s)
		}
		return u, nil
	}
	return s, checkText(subject, f.name, s, f.limit)
}

// checkText refuses text that a column cannot hold.
func checkText(subject, name, s string, limit int) error {
	if limit == 0 {
		limit = 255
	}
	if utf8.RuneCountInString(s) > limit {
		return invalid("Schema error for %s: %s: %s is too long", subject, name, brief(s))
	}
	if strings.ContainsRune(s, 0) {
		return invalid("Schema error for %s: %s must not contain a NUL character", subject, name)
	}
	return nil
}
