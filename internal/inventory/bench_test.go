package inventory

import (
	"fmt"
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
