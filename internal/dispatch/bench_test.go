package dispatch

import (
	"context"
	"testing"
	"time"

	"github.com/usher-boot/usher"
)

// prompt is a world that answers at once and keeps nothing.
type prompt struct{ owners []string }

func (prompt) BootNodeByMAC(_ context.Context, mac usher.MAC) (usher.BootNode, error) {
	if mac[0] != 2 {
		return usher.BootNode{}, usher.ErrNotFound
	}
	return usher.BootNode{UUID: "u1", ProvisionState: usher.DeployWait, Driver: "manual-management"}, nil
}

func (p prompt) Owners(context.Context, string, string, string) ([]string, error) {
	return p.owners, nil
}

func (prompt) GetBootConfig(context.Context, string, usher.BootNode, string) (string, error) {
	return "#!ipxe\nboot\n", nil
}

// BenchmarkDecide is what a decision costs beside what it asks others for.
func BenchmarkDecide(b *testing.B) {
	p := prompt{owners: []string{"a", "b", "c"}}
	d := New(Options{Nodes: p, Rings: p, Conductors: p, Restrict: true, RPCTimeout: 3 * time.Second, Failover: true})
	for _, bench := range []struct {
		name, mac string
		cause     Cause
	}{
		{"known", "02-00-00-00-00-01", CauseServed},
		{"unknown", "04-00-00-00-00-01", CauseUnknownMAC},
	} {
		b.Run(bench.name, func(b *testing.B) {
			request := Request{RequestID: "req-1", Remote: "192.0.2.1", MAC: bench.mac, File: "boot.ipxe"}
			b.ReportAllocs()
			for b.Loop() {
				if dec := d.Decide(b.Context(), request); dec.Cause != bench.cause {
					b.Fatal(dec.Cause, dec.Err)
				}
			}
		})
	}
}
