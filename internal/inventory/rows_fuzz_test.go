package inventory

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
)

// errNo is what a change says that thinks better of it.
var errNo = errors.New("no")

// mutator does to an inventory of few nodes and ports whatever bytes say.
type mutator struct {
	t     *testing.T
	s     *Store
	bytes []byte
	nodes [4]*usher.Node // nil: there is none
	ports map[usher.MAC]string
	fails bool // the next commit does
}

// next is a number below n.
func (m *mutator) next(n int) int {
	if len(m.bytes) == 0 {
		return 0
	}
	b := m.bytes[0]
	m.bytes = m.bytes[1:]
	return int(b) % n
}

func (m *mutator) mac() usher.MAC { return numbered(m.next(6)) }

// node is an existing node's UUID, or that of none.
func (m *mutator) node() (i int, uuid string) {
	i = m.next(len(m.nodes))
	if m.nodes[i] == nil {
		return i, "11111111-2222-3333-4444-555555555555"
	}
	return i, m.nodes[i].UUID
}

// step does one thing, which may fail for good reasons.
func (m *mutator) step() error {
	ctx := m.t.Context()
	switch m.next(13) {
	case 0:
		i, _ := m.node()
		if m.nodes[i] != nil {
			return errNo
		}
		n := &usher.Node{Name: fmt.Sprintf("n%d", i), Driver: "manual-management"}
		err := m.s.CreateNode(ctx, n)
		if err == nil {
			m.nodes[i] = n
		}
		return err
	case 1:
		_, uuid := m.node()
		p := &usher.Port{NodeUUID: uuid, Address: m.mac(), PXEEnabled: true}
		err := m.s.CreatePort(ctx, p)
		if err == nil {
			m.ports[p.Address] = p.UUID
		}
		return err
	case 2:
		mac := m.mac()
		return m.s.DeletePort(ctx, m.ports[mac])
	case 3:
		mac, to := m.mac(), m.mac()
		_, err := m.s.UpdatePort(ctx, m.ports[mac], func(p *usher.Port) error { p.Address = to; return nil })
		if err == nil {
			m.ports[mac], m.ports[to] = "", m.ports[mac]
		}
		return err
	case 4:
		_, uuid := m.node()
		_, err := m.s.UpdatePort(ctx, m.ports[m.mac()], func(p *usher.Port) error {
			p.NodeUUID, p.PXEEnabled = uuid, !p.PXEEnabled
			return nil
		})
		return err
	case 5:
		i, uuid := m.node()
		err := m.s.DeleteNode(ctx, uuid, "")
		if err == nil {
			m.nodes[i] = nil
		}
		return err
	case 6:
		_, uuid := m.node()
		_, err := m.s.ReserveNode(ctx, uuid, "h")
		return err
	case 7:
		_, err := m.s.ReleaseReservations(ctx, "h")
		return err
	case 8:
		m.fails = true
		return nil
	case 9:
		_, uuid := m.node()
		_, err := m.s.UpdateNode(ctx, uuid, "", func(n *usher.Node) error { n.ProvisionState = usher.Active; return errNo })
		return err
	case 10:
		m.s.rows.forget()
		_, err := m.s.keepRows(ctx)
		return err
	case 11:
		_, one := m.node()
		_, two := m.node()
		return m.s.SetAffinity(ctx, []string{one, two}, int64(m.next(2)))
	default:
		_, uuid := m.node()
		what, value := m.next(8), m.next(3)
		_, err := m.s.UpdateNode(ctx, uuid, "", func(n *usher.Node) error {
			text := []string{"", "a", "b"}[value]
			switch what {
			case 0:
				n.Name = text
			case 1:
				n.Driver = text
			case 2:
				n.BootInterface = text
			case 3:
				n.ConductorGroup = text
			case 4:
				n.ConductorAffinity = int64(value) % 2
			case 5:
				n.ProvisionUpdatedAt = []time.Time{{}, time.Unix(0, 0), time.Now()}[value]
			default:
				n.ProvisionState = usher.WaitStates()[value]
			}
			return nil
		})
		return err
	}
}

func (m *mutator) run() {
	onCommit(m.t, m.s, func() error {
		if m.fails {
			return errNo
		}
		return nil
	})
	for len(m.bytes) > 0 {
		failing := m.fails
		err := m.step()
		if failing {
			m.fails = false
		}
		for i := range 6 {
			mac := numbered(i)
			got, gotErr := m.s.BootNodeByMAC(m.t.Context(), mac)
			want, wantErr := m.s.Reader.BootNodeByMAC(m.t.Context(), mac)
			if diff := cmp.Diff(want, got); diff != "" || fmt.Sprint(gotErr) != fmt.Sprint(wantErr) {
				m.t.Fatalf("after %v: %s: %v, SELECT says %v\n%s", err, mac, gotErr, wantErr, diff)
			}
		}
	}
	m.fails = false
	if _, err := m.s.RegisterConductor(m.t.Context(), usher.Conductor{Hostname: "last"}); err != nil {
		m.t.Fatal(err)
	}
	loadRowsOf(m.t, m.s)
	sameRows(m.t, m.s)
}

func mutate(t *testing.T, bytes []byte) {
	s := openStore(t, sqliteURL(t))
	if _, err := s.w.ExecContext(t.Context(), "PRAGMA synchronous = OFF"); err != nil { // no crash is played here
		t.Fatal(err)
	}
	if _, err := s.RegisterConductor(t.Context(), usher.Conductor{Hostname: "one"}); err != nil { // for affinities
		t.Fatal(err)
	}
	(&mutator{t: t, s: s, bytes: bytes, ports: map[usher.MAC]string{}}).run()
}

// FuzzRows: whatever was written, and whichever commits failed, memory tells
// what SELECT tells.
func FuzzRows(f *testing.F) {
	f.Add([]byte{0, 0, 1, 0, 0, 1, 0, 1, 11, 0, 6, 1, 3, 0, 2, 5, 0})
	f.Add([]byte{0, 0, 0, 1, 1, 0, 0, 8, 4, 1, 0, 4, 1, 0, 8, 2, 0, 2, 0, 10, 5, 1})
	f.Fuzz(func(t *testing.T, bytes []byte) {
		if len(bytes) > 300 {
			t.Skip("longer ones find nothing more")
		}
		mutate(t, bytes)
	})
}

// TestRowsRandom is FuzzRows with other bytes each time.
func TestRowsRandom(t *testing.T) {
	for range 10 {
		seed := rand.Uint64()
		r := rand.New(rand.NewPCG(seed, 0))
		bytes := make([]byte, 800)
		for i := range bytes {
			bytes[i] = byte(r.Uint32())
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) { mutate(t, bytes) })
	}
}
