package inventory

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
)

func names(nodes []*usher.Node) string {
	var out []string
	for _, n := range nodes {
		out = append(out, n.Name)
	}
	return strings.Join(out, " ")
}

func testFilters(t *testing.T, s *Store) {
	ctx := t.Context()
	const instance = "0c8ee4d5-6f63-4b3c-9d51-30c3f4f0a0ab"
	before := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	a := &usher.Node{Name: "a", ProvisionUpdatedAt: before, Driver: "ipmi", ProvisionState: usher.Active, InstanceUUID: instance, ConductorGroup: "rack1", Owner: "me"}
	b := &usher.Node{Name: "b", Driver: "ipmi", Maintenance: true, Reservation: "host", Lessee: "you"}
	c := &usher.Node{Name: "c", Driver: "fake-hardware", ProvisionState: usher.DeployWait, ResourceClass: "big", DeployInterface: "ramdisk",
		ProvisionUpdatedAt: before.Add(time.Hour)}
	for _, n := range []*usher.Node{a, b, c} {
		if err := s.CreateNode(ctx, n); err != nil {
			t.Fatal(err)
		}
	}
	mac := createPort(t, s, a, "52:54:00:00:00:0a").Address
	createPort(t, s, a, "52:54:00:00:00:1a")
	second := createPort(t, s, c, "52:54:00:00:00:0c")
	yes, no, none, rack := true, false, "", "RACK1"
	for _, tt := range []struct {
		want   string
		filter usher.NodeFilter
	}{
		{"a b c", usher.NodeFilter{}},
		{"a c", usher.NodeFilter{UUIDs: []string{c.UUID, a.UUID}}},
		{"a c", usher.NodeFilter{Addresses: []usher.MAC{mac, second.Address, parseMAC(t, "52:54:00:00:00:1a")}}},
		{"a", usher.NodeFilter{InstanceUUID: instance}},
		{"a", usher.NodeFilter{Associated: &yes}},
		{"b c", usher.NodeFilter{Associated: &no}},
		{"b", usher.NodeFilter{Maintenance: &yes}},
		{"a c", usher.NodeFilter{Maintenance: &no}},
		{"b", usher.NodeFilter{Reserved: &yes}},
		{"a c", usher.NodeFilter{Reserved: &no}},
		{"b", usher.NodeFilter{ReservedBy: "host"}},
		{"a c", usher.NodeFilter{ProvisionStates: []usher.State{usher.Active, usher.DeployWait}}},
		{"a c", usher.NodeFilter{UpdatedBefore: before.Add(2 * time.Hour)}}, // and not b, of which nothing is known
		{"a", usher.NodeFilter{UpdatedBefore: before.Add(time.Hour)}},
		{"", usher.NodeFilter{UpdatedBefore: before}},
		{"a b", usher.NodeFilter{Driver: "ipmi"}},
		{"a", usher.NodeFilter{ConductorGroup: &rack}},
		{"b c", usher.NodeFilter{ConductorGroup: &none}},
		{"c", usher.NodeFilter{ResourceClass: "big"}},
		{"c", usher.NodeFilter{DeployInterface: "ramdisk"}},
		{"a", usher.NodeFilter{Owner: "me"}},
		{"b", usher.NodeFilter{Lessee: "you"}},
		{"", usher.NodeFilter{Owner: "me' OR '1'='1"}},
		{"a", usher.NodeFilter{Driver: "ipmi", Maintenance: &no}},
	} {
		got, err := s.Nodes(ctx, tt.filter)
		if err != nil || names(got) != tt.want {
			t.Errorf("%+v: %q, %v, want %q", tt.filter, names(got), err, tt.want)
		}
	}

	ports, err := s.Ports(ctx, usher.PortFilter{NodeUUID: a.UUID})
	if err != nil || len(ports) != 2 || ports[0].Address != mac || ports[0].NodeUUID != a.UUID {
		t.Errorf("ports of a: %v, %v", ports, err)
	}
	ports, err = s.Ports(ctx, usher.PortFilter{Address: &second.Address})
	if diff := cmp.Diff([]*usher.Port{second}, ports, equateEmptyMaps); err != nil || diff != "" {
		t.Errorf("port by address: %v\n%s", err, diff)
	}
}

// testPages reads lists page by page in each order and compares with the
// whole list, also where the key is null or not unique.
func testPages(t *testing.T, s *Store) {
	ctx := t.Context()
	for i := range 9 {
		n := &usher.Node{Name: fmt.Sprintf("n%d", i), Driver: "d", ResourceClass: []string{"", "x", "", "y", "x", "", "y", "x", ""}[i]}
		if err := s.CreateNode(ctx, n); err != nil {
			t.Fatal(err)
		}
		createPort(t, s, n, fmt.Sprintf("52:54:00:00:00:%02x", 99-i))
	}
	orders := map[string]string{
		"resource_class asc":  "n0 n2 n5 n8 n1 n4 n7 n3 n6", // null first, ties by id
		"resource_class desc": "n6 n3 n7 n4 n1 n8 n5 n2 n0",
		"name desc":           "n8 n7 n6 n5 n4 n3 n2 n1 n0",
	}
	for _, key := range nodeSortKeys() {
		for _, desc := range []bool{false, true} {
			all, err := s.Nodes(ctx, usher.NodeFilter{Page: usher.Page{SortKey: key, Desc: desc}})
			if err != nil || len(all) != 9 {
				t.Fatalf("by %s: %d nodes, %v", key, len(all), err)
			}
			if want, ok := orders[key+map[bool]string{false: " asc", true: " desc"}[desc]]; ok && names(all) != want {
				t.Errorf("by %s, desc=%v: %s, want %s", key, desc, names(all), want)
			}
			var paged []*usher.Node
			for page := (usher.Page{SortKey: key, Desc: desc, Limit: 2}); ; {
				some, err := s.Nodes(ctx, usher.NodeFilter{Driver: "d", Page: page})
				if err != nil {
					t.Fatal(err)
				}
				if len(some) == 0 || len(paged) > 9 {
					break
				}
				paged = append(paged, some...)
				page.Marker = some[len(some)-1].UUID
			}
			if names(paged) != names(all) {
				t.Errorf("by %s, desc=%v: pages %s, whole %s", key, desc, names(paged), names(all))
			}
		}
	}
	for _, key := range portSortKeys() {
		if ports, err := s.Ports(ctx, usher.PortFilter{Page: usher.Page{SortKey: key, Limit: 3}}); err != nil || len(ports) != 3 {
			t.Errorf("ports by %s: %d, %v", key, len(ports), err)
		}
	}
	ports, err := s.Ports(ctx, usher.PortFilter{Page: usher.Page{SortKey: "address"}})
	if err != nil || !slices.IsSortedFunc(ports, func(a, b *usher.Port) int { return slices.Compare(a.Address[:], b.Address[:]) }) {
		t.Errorf("ports by address: %v, %v", ports, err)
	}

	_, err = s.Nodes(ctx, usher.NodeFilter{Page: usher.Page{SortKey: "driver_info"}})
	wantError(t, err, usher.ErrInvalid, "InvalidParameterValue", `The sort_key value "driver_info" is an invalid field for sorting`)
	const nobody = "00000000-0000-0000-0000-000000000000"
	_, err = s.Nodes(ctx, usher.NodeFilter{Page: usher.Page{Marker: nobody}})
	wantError(t, err, usher.ErrNotFound, "NodeNotFound", "Node "+nobody+" could not be found.")
	if _, err = s.Ports(ctx, usher.PortFilter{Page: usher.Page{Marker: nobody}}); !errors.Is(err, usher.ErrNotFound) {
		t.Errorf("unknown marker of ports: %v", err)
	}
}
