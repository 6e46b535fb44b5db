package cluster

import (
	"context"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/usher-boot/usher/internal/testenv"
)

const (
	allNodes    = 300
	movingNodes = 24 // those that are deployed anew after each failure
)

// TestFailuresMariaDB takes one part away after the other. heartbeat_timeout
// is so long that nothing here can wait for it.
func TestFailuresMariaDB(t *testing.T) {
	t.Parallel()
	server := testenv.NewMariaDB(t)
	failures(t, server, settings{offset: 10, options: map[string]string{
		"[conductor]heartbeat_timeout": "60",
	}})
}

// TestFailuresPostgreSQL is the same with a ring that changes soon after each
// failure, and with an RPC door that wants credentials and certificates.
func TestFailuresPostgreSQL(t *testing.T) {
	t.Parallel()
	server := testenv.NewPostgreSQL(t)
	options := mutualTLS(t, 6, 30)
	options["[conductor]heartbeat_timeout"] = "4"
	options["[DEFAULT]hash_ring_reset_interval"] = "2"
	failures(t, server, settings{offset: 30, options: options})
}

// failures is the list, under constant load. Each answer is judged.
func failures(t *testing.T, server *testenv.Server, s settings) {
	s.conductors, s.apis, s.database = 3, 2, server.URL(server.Database(t))
	st := newSite(t, s)
	st.up()
	st.enrol(s.database, allNodes)
	moving := st.nodes[:movingNodes]
	began := time.Now()
	st.deployAll(st.nodes, st.management...)
	t.Logf("%d nodes deployed in %v", allNodes, time.Since(began).Round(time.Millisecond))

	door := newBalancer(t, testenv.Loopback(s.offset+9), strings.TrimPrefix(st.doors[0], "http://"), strings.TrimPrefix(st.doors[1], "http://"))
	c := newChecker(st, st.doors...)
	ctx, cancel := context.WithCancel(t.Context())
	var load sync.WaitGroup
	load.Go(func() { c.run(ctx) })
	t.Cleanup(func() { cancel(); load.Wait() })

	// again makes copies that a fail-over left behind outdated: the old
	// parameters must not come back with the next failure.
	again := func() { st.deployAll(moving, st.management...) }

	c.recovered("nothing", time.Now().Add(-recovery), 2*time.Second)

	failed := time.Now()
	st.conductors[0].kill()
	st.deployAll(moving[:6], st.management...) // verbs go on
	c.recovered("kill -9 of a conductor", failed, 2*time.Second)
	failed = time.Now()
	st.conductors[0].start()
	again()
	c.recovered("its restart", failed, time.Second)

	failed = time.Now()
	st.conductors[0].signal(syscall.SIGSTOP)
	c.recovered("SIGSTOP of a conductor", failed, 2*time.Second)
	failed = time.Now()
	st.conductors[0].signal(syscall.SIGCONT)
	again()
	c.recovered("SIGCONT", failed, time.Second)

	failed = time.Now()
	st.conductors[2].stop()
	c.recovered("clean stop of a conductor", failed, time.Second)
	st.conductors[2].start()
	again()

	server.Stop(t)
	time.Sleep(time.Second)
	server.Start(t)
	c.recovered("restart of the database", time.Now(), time.Second)
	server.Kill(t)
	server.Start(t)
	c.recovered("crash of the database", time.Now(), time.Second)
	again()

	c.aim(door.url())
	failed = time.Now()
	for _, p := range append(st.conductors, st.apis...) {
		at := time.Now()
		p.stop()
		down := time.Since(at)
		p.start()
		t.Logf("%s stopped in %v, was up again after %v", p.name, down.Round(time.Millisecond), time.Since(at).Round(time.Millisecond))
	}
	t.Logf("rolling restart took %v", time.Since(failed).Round(time.Millisecond))
	c.recovered("rolling restart of everything", time.Now(), time.Second)
	again()

	c.allowUnanswered(true)
	failed = time.Now()
	st.apis[0].kill()
	time.Sleep(time.Second)
	c.allowUnanswered(false)
	st.deployAll(moving[:6], st.management[1])
	c.recovered("kill -9 of an API behind a balancer", failed, time.Second)
}
