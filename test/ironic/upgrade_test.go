package ironic

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/usher-boot/usher/internal/testenv"
)

// TestUpgrade: the Ironic of this machine becomes a later one, conductor by
// conductor. Those get other names, since JSON-RPC is not on its usual port; the
// rows of the old names stay, and nodes go on waiting for what the old
// conductors wrote.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	eachRelease(t, laterSuites(), func(t *testing.T, later release) {
		s := newSite(t, findRelease(t, "host"), layout{number: 10 + later.number, rpcPort: "6189", algorithm: "md5", exponent: 5})
		s.start()
		nodes := s.fleet()
		s.enroll(nodes)
		s.upgrade(later, nodes)
	})
}

func (s *site) upgrade(r release, nodes []*node) {
	s.tb.Helper()
	old := s.names
	s.answered("before the upgrade", nodes, old[:]...)
	s.dbsync(r, "upgrade")
	s.answered("with new tables", nodes, old[:]...)

	s.ironic[0].stop()
	s.install(0, r)
	s.ironic[0].launch()
	s.answered("with one new conductor", nodes, s.names[0], old[1], old[2])

	s.ironic[1].kill() // its row stays as if it were online
	s.install(1, r)
	s.ironic[1].launch()
	s.answered("with one old conductor", nodes, s.names[0], s.names[1], old[2])

	s.ironic[2].stop()
	s.install(2, r)
	s.ironic[2].launch()
	s.api.stop()
	s.installAPI(r)
	s.api.launch()
	s.answered("after the upgrade", nodes, s.names[:]...)

	later := []*node{
		{name: "later-deploy", uuid: s.uuidOf("", s.names[0]), home: s.names[0], boot: "ipxe", deploy: "custom-agent", goal: (*node).deployWait},
		{name: "later-clean", uuid: s.uuidOf("", s.names[1]), home: s.names[1], boot: "http", deploy: "custom-agent", goal: (*node).cleanWait},
	}
	testenv.Until(s.tb, patience, "the new API answers", func() bool { return len(s.alive()) == conductors })
	s.enroll(later)
	s.served("after the upgrade", later)
	s.sameOwners("after the upgrade", later, nobody)
	s.telemetry()
	s.doctor()

	// Weeks later Usher is started again, some nodes wait as they did, and Ironic
	// 29 has deleted no row.
	s.usher.stop()
	s.server.Admin(s.tb, s.database,
		"UPDATE nodes SET provision_updated_at = provision_updated_at - INTERVAL 26 DAY WHERE name NOT LIKE 'later%'",
		"UPDATE conductors SET online = 1, created_at = created_at - INTERVAL 26 DAY, updated_at = updated_at - INTERVAL 26 DAY WHERE hostname NOT LIKE '%:%'")
	s.usher.start()
	s.answered("weeks after the upgrade", nodes, s.names[:]...)
	s.served("weeks after the upgrade", later)
}

// answered waits until these conductors are active and no others, and wants each
// waiting node answered with the file that the conductor of its host wrote, under
// whatever name that runs now.
func (s *site) answered(when string, nodes []*node, active ...string) {
	s.tb.Helper()
	active = slices.Sorted(slices.Values(active))
	testenv.Until(s.tb, patience, "the active conductors are "+strings.Join(active, ", "), func() bool {
		var names string
		err := s.rows.QueryRowContext(s.tb.Context(), "SELECT COALESCE(GROUP_CONCAT(hostname ORDER BY hostname SEPARATOR ', '), '') FROM conductors "+
			"WHERE online AND updated_at >= UTC_TIMESTAMP() - INTERVAL 8 SECOND").Scan(&names)
		if err != nil {
			s.tb.Fatal(err)
		}
		return names == strings.Join(active, ", ")
	})
	ring := s.ring(active...)
	for _, n := range nodes {
		if !n.waits() {
			continue
		}
		owner := ring.Owners(n.uuid)[0]
		testenv.Until(s.tb, patience, n.name+" is answered "+when, func() bool {
			d := s.usher.askNode(n)
			if d.status != http.StatusOK && d.status != http.StatusServiceUnavailable {
				s.tb.Fatalf("%s: %s: %+v", when, n.name, d)
			}
			return d.Owner == owner && d.status == http.StatusOK && s.is(d.body, s.names[n.host], n)
		})
		s.explained(when, n)
	}
}
