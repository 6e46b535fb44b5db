package explanation

import (
	"context"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
)

// seen stands between dispatch and the parts, and notes what they said and how
// long it took.
type seen struct {
	o Options

	looked  bool
	mac     usher.MAC
	node    usher.BootNode
	nodeErr error
	took    time.Duration

	hosts   []string
	ringErr error
	ring    time.Duration

	calls []*Call
}

// look finds the node once.
func (s *seen) look(ctx context.Context, mac usher.MAC) {
	start := time.Now()
	s.node, s.nodeErr = s.o.Dispatch.Nodes.BootNodeByMAC(ctx, mac)
	s.looked, s.mac, s.took = true, mac, time.Since(start)
}

// BootNodeByMAC is dispatch.Nodes.
func (s *seen) BootNodeByMAC(ctx context.Context, mac usher.MAC) (usher.BootNode, error) {
	if !s.looked || s.mac != mac {
		s.look(ctx, mac)
	}
	return s.node, s.nodeErr
}

type rings struct{ *seen }

// Owners is dispatch.Rings.
func (s rings) Owners(ctx context.Context, group, driver, key string) ([]string, error) {
	start := time.Now()
	s.hosts, s.ringErr = s.o.Dispatch.Rings.Owners(ctx, group, driver, key)
	s.ring = time.Since(start)
	return s.hosts, s.ringErr
}

type conductors struct{ *seen }

// GetBootConfig is dispatch.Conductors: evidence in place of the file.
func (s conductors) GetBootConfig(ctx context.Context, host string, node usher.BootNode, file string) (string, error) {
	call := &Call{Host: host}
	s.calls = append(s.calls, call)
	var err error
	if call.Address, err = s.o.Conductors.Address(host); err != nil {
		call.Address = ""
	}
	start := time.Now()
	var found bootiface.Evidence
	found, call.err = s.o.Conductors.Evidence(ctx, host, node, file)
	call.Took = seconds(time.Since(start))
	if call.err == nil {
		call.Evidence, call.err = &found, found.Problem.Err()
	}
	if call.err != nil {
		call.Error = call.err.Error()
	}
	return "", call.err
}
