package inventory

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/testenv"
)

// BenchmarkBootNodeByMAC is the query behind every boot request, among 1,000
// nodes.
func BenchmarkBootNodeByMAC(b *testing.B) {
	for _, engine := range []struct {
		name string
		url  func(testing.TB) string
	}{{"sqlite", sqliteURL}, {"mariadb", testenv.MariaDB}, {"postgresql", testenv.PostgreSQL}} {
		b.Run(engine.name, func(b *testing.B) {
			s := openStore(b, engine.url(b))
			macs := make([]usher.MAC, 1000)
			for i := range macs {
				n := &usher.Node{Name: fmt.Sprintf("n%d", i), Driver: "manual-management", BootInterface: "ipxe"}
				if err := s.CreateNode(b.Context(), n); err != nil {
					b.Fatal(err)
				}
				macs[i] = usher.MAC{2, 0, 0, 0, byte(i >> 8), byte(i)}
				if err := s.CreatePort(b.Context(), &usher.Port{NodeUUID: n.UUID, Address: macs[i], PXEEnabled: true}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := s.BootNodeByMAC(b.Context(), macs[i%len(macs)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRows is what `usher serve` does instead, among 100,000 nodes.
func BenchmarkRows(b *testing.B) {
	const nodes = 100_000
	s := openClosing(b, sqliteURL(b))
	defer s.Close()
	fillPorts(b, s, nodes)
	loadRowsOf(b, s)
	for name, first := range map[string]int{"known": 0, "unknown": nodes} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for i := rand.N(nodes); pb.Next(); i += 7919 {
					if _, err := s.BootNodeByMAC(b.Context(), numbered(first+i%nodes)); (err == nil) != (first == 0) {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// BenchmarkUpdateNode is a change of state of a node with one port. SQLite does
// not wait for the disk here.
func BenchmarkUpdateNode(b *testing.B) {
	s := openStore(b, sqliteURL(b))
	if _, err := s.w.ExecContext(b.Context(), "PRAGMA synchronous = OFF"); err != nil {
		b.Fatal(err)
	}
	n := createNode(b, s, "n")
	createPort(b, s, n, "02:00:00:00:00:01")
	states := usher.WaitStates()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := s.UpdateNode(b.Context(), n.UUID, "", func(n *usher.Node) error {
			n.ProvisionState = states[i%len(states)]
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
}
