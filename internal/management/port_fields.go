package management

import (
	"encoding/hex"
	"reflect"
	"slices"
	"strings"

	"github.com/usher-boot/usher"
)

// portField is one member of a port.
type portField struct {
	name   string
	since  int
	show   func(*usher.Port) any
	column string // to sort by
	// set stores a checked value; nil for what clients cannot set.
	set func(*usher.Port, any)
	// clean checks a value that is not null.
	clean      func(subject string, v any) (any, error)
	required   bool
	createOnly bool
}

var portFields = []portField{
	{name: "uuid", column: "uuid", createOnly: true, show: func(p *usher.Port) any { return p.UUID },
		clean: cleanUUID("uuid"), set: func(p *usher.Port, v any) {
			if s := str(v); s != "" {
				p.UUID = s
			}
		}},
	{name: "created_at", column: "created_at", show: func(p *usher.Port) any { return showTime(p.CreatedAt) }},
	{name: "updated_at", column: "updated_at", show: func(p *usher.Port) any { return showTime(p.UpdatedAt) }},
	{name: "address", column: "address", required: true, show: func(p *usher.Port) any { return p.Address.String() },
		clean: cleanMAC, set: func(p *usher.Port, v any) { p.Address, _ = v.(usher.MAC) }},
	{name: "extra", show: func(p *usher.Port) any { return shown(p.Extra) },
		clean: cleanObject("extra"), set: func(p *usher.Port, v any) { p.Extra = obj(v) }},
	{name: "internal_info", since: 18, show: func(*usher.Port) any { return object{} }},
	{name: "pxe_enabled", since: 19, column: "pxe_enabled", show: func(p *usher.Port) any { return p.PXEEnabled },
		clean: cleanBool("pxe_enabled"), set: func(p *usher.Port, v any) { b, ok := v.(bool); p.PXEEnabled = b || !ok }},
	{name: "local_link_connection", since: 19, show: func(p *usher.Port) any { return shown(p.LocalLinkConn) },
		clean: cleanLink, set: func(p *usher.Port, v any) { p.LocalLinkConn = obj(v) }},
	{name: "portgroup_uuid", since: 24, show: func(*usher.Port) any { return nil },
		clean: cleanPortgroup, set: func(*usher.Port, any) {}},
	{name: "physical_network", since: 34, column: "physical_network", show: func(p *usher.Port) any { return nullable(p.PhysicalNetwork) },
		clean: cleanPhysicalNetwork, set: func(p *usher.Port, v any) { p.PhysicalNetwork = str(v) }},
	{name: "is_smartnic", since: 53, column: "is_smartnic", show: func(p *usher.Port) any { return p.IsSmartNIC },
		clean: cleanBool("is_smartnic"), set: func(p *usher.Port, v any) { p.IsSmartNIC, _ = v.(bool) }},
	{name: "name", since: 88, column: "name", show: func(p *usher.Port) any { return nullable(p.Name) },
		clean: cleanPortName, set: func(p *usher.Port, v any) { p.Name = str(v) }},
	{name: "node_uuid", required: true, show: func(p *usher.Port) any { return p.NodeUUID },
		clean: cleanUUID("node_uuid"), set: func(p *usher.Port, v any) { p.NodeUUID = str(v) }},
}

var shortPort = []string{"uuid", "address"}

func portFieldNamed(name string) (portField, bool) {
	i := slices.IndexFunc(portFields, func(f portField) bool { return f.name == name })
	if i < 0 {
		return portField{}, false
	}
	return portFields[i], true
}

// checkPortFields refuses what a client may not ask for in its microversion.
func (r *request) checkPortFields(fields []string) error {
	if fields != nil && r.minor < 8 {
		return notAcceptable(0)
	}
	for _, name := range fields {
		if f, _ := portFieldNamed(name); r.minor < f.since {
			return notAcceptable(0)
		}
	}
	return nil
}

func portColumn(key string) (string, bool) {
	if key == "id" {
		return key, true
	}
	f, ok := portFieldNamed(key)
	return f.column, ok && f.column != ""
}

func cleanUUID(name string) func(string, any) (any, error) {
	return func(subject string, v any) (any, error) {
		if !isString(v) {
			return nil, wrongType(subject, name, v, "'string'")
		}
		u, ok := canonicalUUID(str(v))
		if !ok {
			return nil, invalid("Expected UUID for %s: %.255s", name, str(v))
		}
		return u, nil
	}
}

func cleanObject(name string) func(string, any) (any, error) {
	return func(subject string, v any) (any, error) {
		if !isObject(v) {
			return nil, wrongType(subject, name, v, string(mapping))
		}
		return v, nil
	}
}

func cleanBool(name string) func(string, any) (any, error) {
	return func(subject string, v any) (any, error) {
		switch v.(type) {
		case bool, string:
			return parseBool(name, v)
		}
		return nil, wrongType(subject, name, v, string(boolean))
	}
}

func wrongType(subject, name string, v any, types string) error {
	return invalid("Schema error for %s: %s: %s is not of type %s", subject, name, brief(v), strings.TrimSpace(types))
}

// cleanMAC takes only Ironic's spelling, so that a client notices here and
// not on another Ironic; the letter case is free.
func cleanMAC(subject string, v any) (any, error) {
	if !isString(v) {
		return nil, wrongType(subject, "address", v, "'string'")
	}
	m, ok := colonMAC(str(v))
	if !ok {
		return nil, invalid("Expected valid MAC address for address: %.64s", str(v))
	}
	return m, nil
}

func colonMAC(s string) (usher.MAC, bool) {
	if len(s) != 17 || s[2] != ':' {
		return usher.MAC{}, false
	}
	m, err := usher.ParseMAC(s)
	return m, err == nil
}

func cleanPhysicalNetwork(subject string, v any) (any, error) {
	s, ok := v.(string)
	if !ok {
		return nil, wrongType(subject, "physical_network", v, string(text))
	}
	if s == "" {
		return nil, invalid("A non-empty value is required when setting physical_network")
	}
	return s, checkText(subject, "physical_network", s, 64)
}

func cleanPortName(subject string, v any) (any, error) {
	s, ok := v.(string)
	if !ok {
		return nil, wrongType(subject, "name", v, string(text))
	}
	if _, isUUID := canonicalUUID(s); s != "" && (isUUID || !logicalName.MatchString(s)) {
		return nil, invalid("Cannot set invalid name '%.255s' on a port", s)
	}
	return s, nil
}

func cleanPortgroup(subject string, v any) (any, error) {
	u, err := cleanUUID("portgroup_uuid")(subject, v)
	if err != nil {
		return nil, err
	}
	return nil, usher.Errorf(usher.ErrInvalid, "Portgroup %s could not be found.", u).WithClass("PortgroupNotFound")
}

// cleanLink checks where a port is plugged in: an empty object, or a switch
// and its port, or a host and its port, or only that nobody manages it.
func cleanLink(subject string, v any) (any, error) {
	o, ok := v.(object)
	if !ok {
		return nil, wrongType(subject, "local_link_connection", v, "'null', 'object'")
	}
	clean := object{}
	for name, value := range o {
		switch name {
		case "port_id", "switch_id", "hostname", "switch_info", "network_type":
		default:
			return nil, invalid("Schema error for local_link_connection: Additional properties are not allowed (%s was unexpected)", brief(name))
		}
		if !isString(value) {
			return nil, invalid("Schema error for local_link_connection: %s: %s is not of type 'string'", name, brief(value))
		}
		clean[name] = value
	}
	if kind, ok := clean["network_type"]; ok && kind != "managed" && kind != "unmanaged" {
		return nil, invalid("Schema error for local_link_connection: network_type: %s is not one of ['managed', 'unmanaged']", brief(kind))
	}
	if id, ok := clean["switch_id"]; ok {
		normal, ok := switchID(str(id))
		if !ok {
			return nil, invalid("Expected a MAC address or OpenFlow datapath ID but received %.255s.", str(id)).WithClass("InvalidSwitchID")
		}
		clean["switch_id"] = normal
	}
	has := func(name string) bool { _, ok := clean[name]; return ok }
	if len(clean) == 0 || clean["network_type"] == "unmanaged" || has("port_id") && (has("switch_id") || has("hostname")) {
		return clean, nil
	}
	return nil, invalid("Schema error for local_link_connection: %s is not valid: it needs port_id, and switch_id or hostname", brief(v))
}

// switchID takes a MAC or the sixteen digits of an OpenFlow datapath.
func switchID(s string) (string, bool) {
	if m, ok := colonMAC(s); ok {
		return m.String(), true
	}
	digits := strings.TrimPrefix(strings.ToLower(s), "0x")
	_, err := hex.DecodeString(digits)
	return "0x" + digits, err == nil && len(digits) == 16 && digits != strings.ToLower(s)
}

// sameJSON compares two JSON objects, for which nil is empty.
func sameJSON(x, y map[string]any) bool {
	return reflect.DeepEqual(shown(x), shown(y))
}
