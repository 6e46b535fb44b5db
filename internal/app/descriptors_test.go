package app

import (
	"net"
	"testing"
)

func TestBudget(t *testing.T) {
	for _, c := range []struct {
		limit    uint64
		machines int
		want     budget
		enough   bool
	}{
		{524288, 4096, budget{4096, 512, 1024, 128}, true},
		{4096 + 512 + 1024 + 128 + 128, 4096, budget{4096, 512, 1024, 128}, true},
		{4096, 4096, budget{2945, 315, 630, 78}, false},
		{1024, 4096, budget{642, 78, 157, 19}, false},
		{1024, 64, budget{64, 78, 157, 19}, true},
		{256, 4096, budget{158, 19, 39, 8}, false},
		{32, 4096, budget{16, 8, 8, 8}, false},
	} {
		got, enough := budgetFor(c.limit, c.machines)
		if got != c.want || enough != c.enough {
			t.Errorf("%d descriptors for %d machines: %+v, %v; want %+v, %v", c.limit, c.machines, got, enough, c.want, c.enough)
		}
		if used := got.machines + got.management + got.rpc + got.admin; c.limit >= 64 && uint64(used) >= c.limit {
			t.Errorf("%d descriptors for %d machines: %d are shared out", c.limit, c.machines, used)
		}
	}
}

// TestSilentConnections: who connects to a listener and says nothing keeps
// nobody else out, however many they are.
func TestSilentConnections(t *testing.T) {
	a := newSite(t).run()
	for _, c := range []struct {
		door, path string
		most       int
	}{{DoorAdmin, "/healthz", adminConnections}, {DoorManagement, "/v1", managementConnections}} {
		for range c.most + 10 {
			conn, err := net.Dial("tcp", a.Addr(c.door))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
		if got := a.get(c.door, c.path); got.status != 200 {
			t.Errorf("%s: %d", c.door, got.status)
		}
	}
}
