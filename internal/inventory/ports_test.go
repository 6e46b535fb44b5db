package inventory

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
)

func createNode(t testing.TB, s *Store, name string) *usher.Node {
	t.Helper()
	n := &usher.Node{Name: name, Driver: "manual-management", BootInterface: "ipxe"}
	if err := s.CreateNode(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	return n
}

func createPort(t testing.TB, s *Store, n *usher.Node, mac string) *usher.Port {
	t.Helper()
	p := &usher.Port{NodeUUID: n.UUID, Address: parseMAC(t, mac), PXEEnabled: true}
	if err := s.CreatePort(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	return p
}

func testPorts(t *testing.T, s *Store) {
	ctx := t.Context()
	one, two := createNode(t, s, "one"), createNode(t, s, "two")
	p := &usher.Port{
		NodeUUID: one.UUID, Address: parseMAC(t, "52:54:00:AA:00:01"), Name: "eth0", PXEEnabled: true,
		PhysicalNetwork: "lab", IsSmartNIC: true,
		LocalLinkConn: map[string]any{"switch_id": "0a:1b"}, Extra: map[string]any{"vif": "x"},
	}
	if err := s.CreatePort(ctx, p); err != nil {
		t.Fatal(err)
	}
	if p.NodeID != one.ID || p.ID == 0 || p.UUID == "" {
		t.Errorf("not filled in: %+v", p)
	}
	byUUID, err := s.Port(ctx, p.UUID)
	if err != nil {
		t.Fatal(err)
	}
	byAddress, err := s.PortByAddress(ctx, p.Address)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, byUUID); diff != "" {
		t.Errorf("Port (-created +read):\n%s", diff)
	}
	if diff := cmp.Diff(p, byAddress); diff != "" {
		t.Errorf("PortByAddress (-created +read):\n%s", diff)
	}

	wantError(t, s.CreatePort(ctx, &usher.Port{NodeUUID: two.UUID, Address: p.Address}), usher.ErrConflict,
		"MACAlreadyExists", "A port with MAC address 52:54:00:aa:00:01 already exists.")
	wantError(t, s.CreatePort(ctx, &usher.Port{NodeUUID: two.UUID, Name: "eth0"}), usher.ErrConflict,
		"PortDuplicateName", "A port with name eth0 already exists.")
	wantError(t, s.CreatePort(ctx, &usher.Port{NodeUUID: two.UUID, UUID: p.UUID}), usher.ErrConflict,
		"PortAlreadyExists", "A port with UUID "+p.UUID+" already exists.")
	const nobody = "00000000-0000-0000-0000-000000000000"
	wantError(t, s.CreatePort(ctx, &usher.Port{NodeUUID: nobody}), usher.ErrNotFound,
		"NodeNotFound", "Node "+nobody+" could not be found.")

	other := createPort(t, s, two, "52:54:00:aa:00:02")
	_, err = s.UpdatePort(ctx, other.UUID, func(p *usher.Port) error { p.Address[5] = 1; return nil })
	wantError(t, err, usher.ErrConflict, "MACAlreadyExists", "A port with MAC address 52:54:00:aa:00:01 already exists.")

	moved, err := s.UpdatePort(ctx, p.UUID, func(p *usher.Port) error {
		p.NodeUUID, p.PXEEnabled, p.Extra = two.UUID, false, nil
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if moved.NodeID != two.ID || moved.PXEEnabled || moved.UpdatedAt.IsZero() || !moved.CreatedAt.Equal(p.CreatedAt) {
		t.Errorf("moved: %+v", moved)
	}
	mine := errors.New("mine")
	if _, err := s.UpdatePort(ctx, p.UUID, func(p *usher.Port) error { p.Name = "lost"; return mine }); err != mine {
		t.Errorf("error of change came back as %v", err)
	}
	if got, err := s.Port(ctx, p.UUID); err != nil || got.Name != "eth0" {
		t.Errorf("after a refused change: %+v, %v", got, err)
	}

	if err := s.DeletePort(ctx, p.UUID); err != nil {
		t.Fatal(err)
	}
	wantError(t, s.DeletePort(ctx, p.UUID), usher.ErrNotFound, "PortNotFound", "Port "+p.UUID+" could not be found.")
	if err := s.DeleteNode(ctx, two.UUID, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := s.PortByAddress(ctx, other.Address); !errors.Is(err, usher.ErrNotFound) {
		t.Errorf("a deleted node's port: %v", err)
	}
}

// testPXEEnabled: each of a node's ports says for itself whether it is one to
// boot from. Null is yes, as in a row that is older than Ironic's column.
func testPXEEnabled(t *testing.T, s *Store) {
	n := createNode(t, s, "n")
	for i, c := range []struct {
		column  string
		enabled bool
	}{{"TRUE", true}, {"FALSE", false}, {"NULL", true}} {
		p := createPort(t, s, n, fmt.Sprintf("52:54:00:00:00:%02x", i))
		if _, err := s.w.ExecContext(t.Context(), "UPDATE ports SET pxe_enabled = "+c.column+" WHERE id = "+fmt.Sprint(p.ID)); err != nil {
			t.Fatal(err)
		}
		if s.rows != nil { // what another program wrote
			s.rows.forget()
			loadRowsOf(t, s)
		}
		for range 2 {
			got, err := s.BootNodeByMAC(t.Context(), p.Address)
			if err != nil || got.UUID != n.UUID || got.PXEDisabled == c.enabled {
				t.Errorf("%s: %+v, %v", c.column, got, err)
			}
		}
		if !s.d.embedded {
			together, err := s.findByMACs(t.Context(), []usher.MAC{p.Address, {}})
			if err != nil || together[p.Address].PXEDisabled == c.enabled {
				t.Errorf("%s, together with another: %+v, %v", c.column, together, err)
			}
		}
		if byDriver, err := s.bootNodeByMAC(t.Context(), p.Address); err != nil || byDriver.PXEDisabled == c.enabled {
			t.Errorf("%s, by the driver: %+v, %v", c.column, byDriver, err)
		}
		of, err := s.PortsAt(t.Context(), []usher.MAC{p.Address})
		if err != nil || len(of) != 1 || of[0].PXEEnabled != c.enabled {
			t.Errorf("%s: PortsAt: %+v, %v", c.column, of, err)
		}
		if port, err := s.Port(t.Context(), p.UUID); err != nil || port.PXEEnabled != c.enabled {
			t.Errorf("%s: Port: %+v, %v", c.column, port, err)
		}
	}
	if got, err := s.BootNode(t.Context(), n.UUID); err != nil || got.PXEDisabled {
		t.Errorf("by UUID: %+v, %v", got, err)
	}
}
