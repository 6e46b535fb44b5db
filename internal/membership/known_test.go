package membership

import (
	"fmt"
	"testing"
	"time"

	"github.com/usher-boot/usher"
)

// TestKnown: whoever of the known conductors is active, the owner is the first
// active one of Known, so it tells every owner that there may have been.
func TestKnown(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for alive := 1; alive < 1<<5; alive++ {
		rows := []usher.Conductor{row(9, "elsewhere", "rack", now, "ipmi"), row(8, "other", "", now, "redfish")}
		active := map[string]bool{}
		for i := range 5 {
			c := row(int64(i+1), fmt.Sprintf("127.0.0.%d", 11+i), "", now, "ipmi")
			if alive&(1<<i) == 0 {
				c.UpdatedAt = now.Add(-time.Hour)
			}
			active[c.Hostname] = alive&(1<<i) != 0
			rows = append(rows, c)
		}
		r := NewRings(&fakeTable{rows: rows}, options())
		for n := range 20 {
			key := fmt.Sprintf("node-%d", n)
			owners, err := r.Owners(t.Context(), "", "ipmi", key)
			if err != nil {
				t.Fatal(err)
			}
			known, err := r.Known(t.Context(), "", "ipmi", key)
			if err != nil || len(known) != 5 {
				t.Fatalf("Known: %v, %v", known, err)
			}
			for _, c := range known {
				if active[c.Hostname] {
					if c.Hostname != owners[0] {
						t.Errorf("alive %05b, %s: first active one known is %s, owner %s", alive, key, c.Hostname, owners[0])
					}
					break
				}
			}
		}
	}
	stopped := row(2, "stopped", "", now)
	stopped.Online = false
	r := NewRings(&fakeTable{rows: []usher.Conductor{row(1, "a", "", now, "ipmi"), stopped, row(3, "b", "rack", now, "ipmi")}}, options())
	if known, err := r.Known(t.Context(), "", "ipmi", "key"); len(known) != 2 || err != nil {
		t.Errorf("one that stopped in good order has no interfaces any more: %v, %v", known, err)
	}
	if known, err := r.Known(t.Context(), "rack", "ipmi", "key"); len(known) != 1 || err != nil {
		t.Errorf("it was of another group: %v, %v", known, err)
	}
	if known, err := NewRings(&fakeTable{}, options()).Known(t.Context(), "", "ipmi", "key"); known != nil || err != nil {
		t.Errorf("without conductors: %v, %v", known, err)
	}
}
