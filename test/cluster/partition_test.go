package cluster

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/usher-boot/usher/internal/testenv"
	"github.com/usher-boot/usher/test/netboot"
)

// TestPartition cuts the network between one API and one conductor, which
// both go on running and both reach the database: packets vanish, in the
// middle of connections, and nobody is told. The other API still reaches
// that conductor.
//
// The lonely API lives in a network namespace of its own, all others in a
// second one; the database is reached by its socket, which is a file.
func TestPartition(t *testing.T) {
	t.Parallel()
	testenv.NeedProgram(t, "ip")
	server := testenv.SharedMariaDB(t)
	url := server.SocketURL(server.Database(t))
	here, lonely := netboot.New(t), netboot.New(t)
	join(t, here, lonely)

	st := newSite(t, settings{conductors: 3, apis: 2, database: url, inside: here.Do,
		options:   map[string]string{"[conductor]heartbeat_timeout": "60"},
		addresses: []string{"10.88.0.1", "10.88.0.2", "10.88.0.3", "10.88.0.4", "10.88.0.9"}})
	st.apis[1].inside = lonely.Do
	st.http.Transport = &http.Transport{DialContext: here.Dial}
	st.up()
	st.enrol(url, 90)
	through := st.management[0]
	st.deployAll(st.nodes, through)

	c := newCheckerBy(st, func(ctx context.Context, network, address string) (net.Conn, error) {
		if strings.HasPrefix(address, "10.88.0.9:") {
			return lonely.Dial(ctx, network, address)
		}
		return here.Dial(ctx, network, address)
	}, st.doors...)
	ctx, cancel := context.WithCancel(t.Context())
	var load sync.WaitGroup
	load.Go(func() { c.run(ctx) })
	t.Cleanup(func() { cancel(); load.Wait() })
	c.recovered("nothing", time.Now().Add(-recovery), 2*time.Second)

	// What the lonely API sends to the first conductor goes to an Ethernet
	// address that nobody has.
	for round := range 2 {
		failed := time.Now()
		ip(t, lonely, "neigh replace 10.88.0.1 lladdr 02:00:00:00:00:99 dev far nud permanent")
		time.Sleep(time.Second)
		// The conductor is alive and deploys its nodes anew for the other API,
		// so copies that were made elsewhere are outdated at once.
		st.deployAll(st.nodes[:20], through)
		c.recovered(fmt.Sprintf("partition %d between an API and a conductor", round+1), failed, 3*time.Second)
		failed = time.Now()
		ip(t, lonely, "neigh del 10.88.0.1 dev far")
		st.deployAll(st.nodes[:20], through)
		c.recovered(fmt.Sprintf("end of partition %d", round+1), failed, time.Second)
	}
}

// join links two namespaces: 10.88.0.1 to .4 in the first, .9 in the second.
func join(t *testing.T, first, second *netboot.Site) {
	t.Helper()
	var thread int
	if err := second.Do(func() error { thread = syscall.Gettid(); return nil }); err != nil {
		t.Fatal(err)
	}
	ip(t, first, fmt.Sprintf("link add near type veth peer name far netns %d", thread))
	for i := 1; i <= 4; i++ {
		ip(t, first, fmt.Sprintf("addr add 10.88.0.%d/24 dev near", i))
	}
	ip(t, second, "addr add 10.88.0.9/24 dev far")
	ip(t, first, "link set near up")
	ip(t, second, "link set far up")
}

func ip(t *testing.T, s *netboot.Site, args string) {
	t.Helper()
	err := s.Do(func() error {
		out, err := exec.Command(testenv.NeedProgram(t, "ip")[0], strings.Fields(args)...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip %s: %w: %s", args, err, out)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
