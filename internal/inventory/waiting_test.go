package inventory

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/testenv"
)

// addWaiting makes a node that has been in a state since a time.
func addWaiting(tb testing.TB, s *Store, name string, state usher.State, since time.Time) {
	tb.Helper()
	if err := s.CreateNode(tb.Context(), &usher.Node{Name: name, ProvisionState: state, ProvisionUpdatedAt: since}); err != nil {
		tb.Fatal(err)
	}
}

func testWaiting(t *testing.T, s *Store) {
	begin := time.Date(2026, 11, 22, 16, 0, 0, 0, time.UTC)
	addWaiting(t, s, "unknown", usher.CleanWait, time.Time{})
	addWaiting(t, s, "second", usher.DeployWait, begin.Add(time.Minute))
	addWaiting(t, s, "third", usher.DeployWait, begin.Add(time.Hour))
	addWaiting(t, s, "first", usher.ServiceWait, begin)
	addWaiting(t, s, "also second", usher.RescueWait, begin.Add(time.Minute))
	addWaiting(t, s, "at rest", usher.Active, begin.Add(-time.Hour))
	addWaiting(t, s, "", usher.InspectWait, begin.Add(2*time.Hour))

	counts, err := s.CountWaiting(t.Context())
	want := map[usher.State]int{usher.DeployWait: 2, usher.CleanWait: 1, usher.ServiceWait: 1, usher.RescueWait: 1, usher.InspectWait: 1}
	if diff := cmp.Diff(want, counts); err != nil || diff != "" {
		t.Errorf("counts: %v\n%s", err, diff)
	}
	for _, c := range []struct {
		offset, limit int
		want          []string
	}{
		{0, 100, []string{"first", "second", "also second", "third", "", "unknown"}},
		{0, 2, []string{"first", "second"}},
		{2, 2, []string{"also second", "third"}},
		{6, 2, nil},
	} {
		nodes, err := s.Waiting(t.Context(), c.offset, c.limit)
		var names []string
		for _, n := range nodes {
			names = append(names, n.Name)
		}
		if diff := cmp.Diff(c.want, names); err != nil || diff != "" {
			t.Errorf("from %d, %d: %v\n%s", c.offset, c.limit, err, diff)
		}
	}
}

// waitingInIronic reads the two nodes of the tables that Ironic made.
func waitingInIronic(t *testing.T, r *Reader) {
	counts, err := r.CountWaiting(t.Context())
	if diff := cmp.Diff(map[usher.State]int{usher.DeployWait: 1}, counts); err != nil || diff != "" {
		t.Errorf("waiting nodes of Ironic: %v\n%s", err, diff)
	}
	nodes, err := r.Waiting(t.Context(), 0, 10)
	if err != nil || len(nodes) != 1 || nodes[0].Name != "ipxe-1" || nodes[0].ProvisionState != usher.DeployWait {
		t.Errorf("waiting nodes of Ironic: %v, %v", nodes, err)
	}
}

// BenchmarkWaiting is what a live page asks at most once a heartbeat, among
// nodes of which a part, or in a storm each one, waits.
func BenchmarkWaiting(b *testing.B) {
	for _, engine := range []struct {
		name string
		url  func(testing.TB) string
	}{{"sqlite", sqliteURL}, {"mariadb", testenv.MariaDB}, {"postgresql", testenv.PostgreSQL}} {
		for _, every := range []int{1000, 1} {
			const nodes = 20000
			b.Run(fmt.Sprintf("%s/nodes=%d/waiting=%d", engine.name, nodes, nodes/every), func(b *testing.B) {
				s := openStore(b, engine.url(b))
				begin := time.Now()
				for i := range nodes {
					state := usher.Active
					if i%every == 0 {
						state = usher.DeployWait
					}
					addWaiting(b, s, fmt.Sprintf("n%d", i), state, begin.Add(time.Duration(i*7919%nodes)*time.Second))
				}
				if s.d.name == "postgres" { // as its autovacuum would, after a while
					if _, err := s.w.ExecContext(b.Context(), "ANALYZE nodes"); err != nil {
						b.Fatal(err)
					}
				}
				for b.Loop() {
					if _, err := s.CountWaiting(b.Context()); err != nil {
						b.Fatal(err)
					}
					if _, err := s.Waiting(b.Context(), 0, 200); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
