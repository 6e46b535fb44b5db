package management_test

import (
	"slices"
	"strings"
)

// deviation is a step whose answer differs from Ironic's on purpose.
type deviation struct {
	name   string
	status int // what Usher answers; 0 for Ironic's, in words of our own
	why    string
}

// Reasons that several steps share.
const (
	namesField  = "Ironic's schema errors do not name the field; ours do"
	shortWords  = "Ironic prints whole schemas, values or Python objects; the beginning is the same or clearer"
	moreFields  = "later microversions have more fields to name"
	ironicBug   = "Ironic fails with 500 here"
	notReserved = "Usher has no such path; Ironic refuses it in another way"
)

var deviations = []deviation{
	{"root", 0, "the description says that this is Usher"},
	{"version bad", 0, "the headers with the supported range are always there"},
	{"delete nodes", 405, notReserved},
	{"ports delete none", 405, notReserved},
	{"node port one", 404, notReserved},
	{"states unknown", 404, notReserved},
	{"node detail on node", 0, notReserved},
	{"show bad ident", 0, "the headers with the version are there too"},
	{"show json suffix", 404, "an ending .json is part of the name"},
	{"create unknown group", 0, "conductor groups are stored and shown in lower case"},
	{"create wrong type name", 0, namesField},
	{"create wrong type properties", 0, namesField},
	{"create wrong type driver", 0, namesField},
	{"create long description", 0, shortWords},
	{"create long class", 0, shortWords},
	{"create bad json", 400, ironicBug},
	{"patch bad json", 400, ironicBug},
	{"list fields unknown", 400, ironicBug},
	{"list conductor", 0, "the next link keeps the filter, so that the next page is one of the same list"},
	{"node ports limit", 0, "the next link stays with the node, so that the next page is one of the same list"},
	{"node ports by name", 200, "Ironic takes the name for a portgroup's"},
	{"node ports missing", 0, "Ironic says that a portgroup is missing"},
	{"patch remove missing", 0, shortWords},
	{"patch replace missing", 0, shortWords},
	{"patch add into missing", 0, shortWords},
	{"patch bad index", 0, shortWords},
	{"patch into scalar", 0, shortWords},
	{"patch no value", 0, shortWords},
	{"patch not a list", 0, shortWords},
	{"patch no body", 0, shortWords},
	{"patch wrong type", 0, namesField},
	{"patch unknown field", 0, moreFields},
	{"patch read only", 0, moreFields},
	{"patch uuid", 0, moreFields},
	{"patch traits", 0, moreFields},
	{"provision clean bad steps", 0, shortWords},
	{"provision deploy steps bad", 0, shortWords},
	{"provision configdrive unknown key", 0, shortWords},
	{"provision disable_ramdisk elsewhere", 400, ironicBug},
	{"validate keys", 0, "only the interfaces that do something are validated"},
	{"heartbeat other url", 404, "without the token nobody learns that the node exists; Ironic looks at the URL first"},
	{"port mac number", 0, namesField},
	{"port wrong extra", 0, namesField},
	{"port bad link", 0, shortWords},
	{"port long physnet", 0, namesField},
	{"port patch node", 409, ironicBug},
	{"port patch pxe remove", 200, "Ironic fails with 500 here; removed means the default, true"},
	{"port patch uuid", 0, moreFields},
	{"port patch unknown", 0, moreFields},
	{"port patch active pxe", 0, "a port can move between nodes, not between portgroups"},
}

func deviationOf(name string) (deviation, bool) {
	for _, d := range deviations {
		if d.name == name {
			return d, true
		}
	}
	return deviation{}, false
}

// normalize takes out of both answers what differs everywhere.
func normalize(a *answer) {
	if a.Headers["X-Openstack-Ironic-Api-Maximum-Version"] != "" {
		a.Headers["X-Openstack-Ironic-Api-Maximum-Version"] = "MAX"
	}
	if v := a.Headers["X-Openstack-Ironic-Api-Version"]; v == "1.88" {
		a.Headers["X-Openstack-Ironic-Api-Version"] = "1.82" // "latest"
	}
	a.Body = walk(a.Body)
}

// absent are members that only Ironic has: collections and sub-resources that
// do not exist here, so that neither does a link to them.
var absent = []string{"portgroups", "volume", "chassis", "allocations", "events", "deploy_templates", "shards"}

func walk(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			if slices.Contains(absent, k) {
				delete(v, k)
				continue
			}
			v[k] = walk(v[k])
		}
		if token, _ := v["agent_token"].(string); len(token) == 43 {
			v["agent_token"] = "RANDOM"
		}
		if v["reservation"] == host {
			v["reservation"] = nil // Ironic's own lock, held while it answered
		}
		if _, ok := v["provision_updated_at"]; ok {
			v["provision_updated_at"] = "EITHER" // a "set" step moves only ours
		}
		if v["inspect_interface"] == "no-inspect" {
			v["inspect_interface"] = "agent" // 21.4 had no agent inspection, and Usher has no other
		}
		if v["type"] == "dynamic" {
			delete(v, "properties") // a driver's: Usher has no list of them
		}
	case []any:
		var kept []any
		for _, item := range v {
			if s, ok := item.(string); ok && (slices.Contains(absent, s) || s == "properties" && isDriver(v)) {
				continue
			}
			if link, ok := item.(map[string]any); ok && link["rel"] == "describedby" {
				continue // Ironic's documentation
			}
			kept = append(kept, walk(item))
		}
		if kept == nil {
			return []any{}
		}
		return kept
	case string:
		if v == "1.82" || v == "1.88" {
			return "MAX"
		}
		return strings.NewReplacer("1.82].", "MAX].", "1.88].", "MAX].").Replace(v)
	}
	return v
}

// isDriver says whether names of members are those of a driver.
func isDriver(names []any) bool { return slices.Contains(names, any("hosts")) }
