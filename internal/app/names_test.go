package app

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/config"
	"github.com/usher-boot/usher/internal/dispatch"
	"github.com/usher-boot/usher/internal/doctor"
	"github.com/usher-boot/usher/internal/membership"
)

// TestConductorNames: agents and an API that run all the time while Ironic is
// started, upgraded from one release to the next and taken back. Nothing is
// configured for it, and every machine that waits is served.
func TestConductorNames(t *testing.T) {
	for name, site := range map[string]func(*testing.T) *ironicSite{"MariaDB": onMariaDB, "SQLite": onSQLite} {
		t.Run(name, func(t *testing.T) { conductorNames(t, site(t), name == "MariaDB") })
	}
}

func conductorNames(t *testing.T, s *ironicSite, heartbeats bool) {
	var agents []*running
	for _, host := range s.hosts {
		agents = append(agents, s.agent(host))
	}
	api := s.start(Role{API: true}, "api")
	first := s.hosts[0]
	both := fmt.Sprintf("Looked for: %s:6189 and %[1]s. Registered: none.", first)
	agents[0].notReady("this [DEFAULT]host, " + first + ". " + both)
	if !strings.Contains(s.log.String(), both) {
		t.Errorf("the warning at the start does not say %q:\n%s", both, s.log.String())
	}
	ready := func(when string) {
		t.Helper()
		for _, p := range s.programs {
			if got := p.get(DoorAdmin, "/readyz"); got.status != http.StatusOK {
				t.Errorf("%s: %s is not ready: %s", when, p.name, got.body)
			}
		}
	}

	// Ironic 21.4, or later on a message bus: the bare host.
	old, renewed := s.rows("%s", row{created: 60}), s.rows("%s:6189", row{created: 26})
	s.conductors(old...)
	ready("bare names")
	s.served(api, s.each(usher.DeployWait, 1, 0)...)
	s.served(api, s.byRing(usher.CleanWait, 0, old...)...)

	// 2025.1 and later, with JSON-RPC on 6189.
	s.conductors(renewed...)
	ready("host:port")
	s.served(api, s.each(usher.DeployWait, 1, 0)...)
	s.served(api, s.byRing(usher.CleanWait, 0, renewed...)...)

	// In the middle: one is upgraded and its old row still counts, one is
	// upgraded and stopped in good order before, one is yet to be upgraded.
	s.conductors(old[0], row{name: old[1].name, created: 60, stopped: true}, old[2], renewed[0], renewed[1])
	ready("in the middle")
	s.served(api, s.each(usher.DeployWait, 1, 0)...)
	s.served(api, s.node(s.hosts[0], usher.DeployWait, 4, 0), s.node(s.hosts[1], usher.DeployWait, 5, 0))
	s.served(api, s.byRing(usher.RescueWait, 30, old...)...)

	// Upgraded. Ironic 29 never removes the old rows, which say that they are
	// online where a conductor was killed; on SQLite that counts for ever.
	gone := s.rows("%s", row{created: 60, heartbeat: 26, stopped: !heartbeats})
	s.conductors(slices.Concat(gone, renewed)...)
	ready("upgraded")
	s.served(api, s.each(usher.DeployWait, 1, 30)...) // since before the upgrade
	s.served(api, s.each(usher.DeployWait, 4, 1)...)
	s.served(api, s.byRing(usher.CleanWait, 30, old...)...) // the old ring's owner has the file
	s.served(api, s.byRing(usher.CleanWait, 1, renewed...)...)
	s.served(api, s.byRing(usher.InspectWait, 30, old...)...)
	s.toldByDoctor(heartbeats)
	s.explained(s.node(s.hosts[1], usher.DeployWait, 2, 30))
	s.inTheRing()
	s.notMissed(api)

	// A file that lies on another host from an earlier deployment is not served.
	n := s.node(s.hosts[1], usher.DeployWait, 2, 30)
	for _, host := range []string{s.hosts[0], s.hosts[2]} {
		s.write(host, n, s.time(40))
	}
	s.served(api, n)

	// One never came back.
	s.conductors(slices.Concat(gone, renewed[:2])...)
	s.refused(api, s.node(s.hosts[2], usher.DeployWait, 3, 30), dispatch.CauseLost, "on conductor "+s.hosts[2]+" only")
	agents[2].notReady("is not active: " + s.hosts[2] + " (")

	// Taken back to the release of before: the bare names are the younger rows.
	s.conductors(slices.Concat(s.rows("%s:6189", row{created: 60, heartbeat: 26, stopped: !heartbeats}), s.rows("%s", row{created: 26}))...)
	ready("taken back")
	s.served(api, s.each(usher.DeployWait, 1, 30)...)
	s.served(api, s.each(usher.DeployWait, 4, 1)...)

	if heartbeats {
		return
	}
	// Killed, then upgraded: on SQLite the old rows are active for ever, and
	// the ring has both.
	s.conductors(slices.Concat(s.rows("%s", row{created: 60, heartbeat: 26}), renewed)...)
	ready("both for ever")
	s.served(api, s.each(usher.DeployWait, 1, 30)...)
	s.served(api, s.each(usher.DeployWait, 4, 1)...)
}

func (s *ironicSite) load(name string, options ...string) *config.Config {
	s.t.Helper()
	cfg, err := config.Load(config.Sources{Files: []string{s.conf(name, options...)}})
	if err != nil {
		s.t.Fatal(err)
	}
	return cfg
}

func (s *ironicSite) toldByDoctor(heartbeats bool) {
	s.t.Helper()
	var text bytes.Buffer
	for _, c := range Doctor(s.t.Context(), s.load("doctor"), "test", "").Checks {
		fmt.Fprintf(&text, "%s %s: %s\n", c.State, c.Name, c.Detail)
		if c.State != doctor.OK && !strings.Contains(c.Name, "http://") && !strings.Contains(c.Name, "door") {
			s.t.Errorf("%s %s: %s (%s)", c.State, c.Name, c.Detail, c.Fix)
		}
	}
	for _, host := range s.hosts {
		for _, want := range []string{"ok conductor " + host + ": an earlier name of " + host + ":6189", "ok conductor " + host + ":6189: active",
			"ok agent of " + host + ":6189: usher test answers"} {
			if !strings.Contains(text.String(), want) {
				s.t.Errorf("doctor does not say %q:\n%s", want, text.String())
			}
		}
	}
}

func (s *ironicSite) explained(n ironicNode) {
	s.t.Helper()
	r, err := Explain(s.t.Context(), s.load("explain"), ExplainOptions{MAC: n.mac, File: "boot.ipxe", Program: "usher"})
	if err != nil || r.Outcome != dispatch.Served || r.AnsweredBy != n.host+":6189" || len(r.Node.InactiveConductors) != 0 {
		s.t.Errorf("%v, %+v", err, r)
		return
	}
	var affinity string
	for _, step := range r.Steps {
		if step.Name == "affinity" {
			affinity = step.Text
		}
	}
	if want := n.host + " prepared the node last (conductor_affinity), and is called " + n.host + ":6189 now"; affinity != want {
		s.t.Errorf("affinity: %q, want %q", affinity, want)
	}
}

// inTheRing: 'usher ring' takes either name.
func (s *ironicSite) inTheRing() {
	s.t.Helper()
	members, err := OpenMembers(s.t.Context(), s.load("ring"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer members.Close()
	for _, name := range []string{s.hosts[0], s.hosts[0] + ":6189"} {
		rings, err := members.Supposed(s.t.Context(), []string{name}, nil, "", "")
		if err != nil {
			s.t.Fatal(err)
		}
		var left []string
		for _, share := range rings.Shares() {
			left = append(left, share.Host)
		}
		if want := []string{s.hosts[1] + ":6189", s.hosts[2] + ":6189"}; !slices.Equal(left, want) {
			s.t.Errorf("without %s: %v, want %v", name, left, want)
		}
		if rings, err = members.Supposed(s.t.Context(), nil, []string{name}, "", ""); err != nil || len(rings.Shares()) != 3 {
			s.t.Errorf("with %s: %v, %v", name, rings, err)
		}
	}
	if _, err := members.Supposed(s.t.Context(), []string{"nobody:6189"}, nil, "", ""); err == nil {
		s.t.Error("there is no such conductor")
	}
}

// notMissed: a row that an upgrade left behind is no dead conductor on the
// operator's door and in the metrics, which alerts look at.
func (s *ironicSite) notMissed(api *running) {
	s.t.Helper()
	text := api.get(DoorAdmin, "/metrics").body
	for host, want := range map[string]bool{s.hosts[0]: false, s.hosts[0] + ":6189": true} {
		if got := strings.Contains(text, fmt.Sprintf("usher_conductor_active{conductor=%q}", host)); got != want {
			s.t.Errorf("metrics of %s: %t", host, got)
		}
	}
	if shown, err := (fleet{api.reader, api.rings, api.heartbeatTimeout(api.Config()), true}).Conductors(s.t.Context()); err != nil || len(shown) != 3 {
		s.t.Errorf("the page shows %v, %v", shown, err)
	}
}

// TestServeBesideIronic: 'usher serve' asks the agent in its own process by a
// call, whichever name its conductor has, and needs no way to it by RPC.
func TestServeBesideIronic(t *testing.T) {
	s := onMariaDB(t)
	host := s.hosts[0]
	serve := s.start(Role{API: true, Conductor: true}, host) // its RPC door is at 127.0.0.1, not at host
	for _, rows := range [][]row{{{name: host, created: 60}}, {{name: host, created: 60, heartbeat: 26}, {name: host + ":6189", created: 26}}, {{name: host + ":6189"}}} {
		s.conductors(rows...)
		s.served(serve, s.node(host, usher.DeployWait, 1, 30), s.node(host, usher.CleanWait, 0, 0), s.node(host, usher.DeployWait, len(rows), 0))
	}
	// Another conductor of this host's is not the one in this process.
	s.conductors(row{name: host + ":7000"})
	s.refused(serve, s.node(host, usher.DeployWait, 1, 0), dispatch.CauseUnreachable, host+":7000")
}

// TestPortNotKnown: in a container Usher may see nothing of Ironic's
// [json_rpc]port. It finds the conductor by its host, unless there are several.
func TestPortNotKnown(t *testing.T) {
	s := onMariaDB(t)
	host := s.hosts[0]
	agent := s.agent(host, "[json_rpc]port=8089")
	api := s.start(Role{API: true}, "api", "[json_rpc]port=8089")
	s.conductors(row{name: host, created: 60, heartbeat: 26}, row{name: host + ":6189", created: 26})
	s.served(api, s.node(host, usher.DeployWait, 1, 30), s.node(host, usher.DeployWait, 2, 1))
	if got := agent.get(DoorAdmin, "/readyz"); got.status != http.StatusOK {
		t.Errorf("not ready: %s", got.body)
	}
	s.conductors(row{name: host + ":6189"}, row{name: host + ":6190"})
	agent.notReady(fmt.Sprintf("several conductors of Ironic's have this [DEFAULT]host, %s: %[1]s:6189 (active), %[1]s:6190 (active). Set [json_rpc]port", host))
	s.refused(api, s.node(host, usher.DeployWait, 1, 0), dispatch.CauseNotReady, "Set [json_rpc]port")
}

// TestMetal3: contrib/kubernetes gives the agent the address of its node, and
// nothing of the port. The Metal3 image makes these names of the same address,
// with networking.rpcPort and without.
func TestMetal3(t *testing.T) {
	for hostIP, rows := range map[string][]string{
		"192.0.2.1":   {"192.0.2.1:6189", "192.0.2.1:7000", "192.0.2.1"},
		"2001:db8::1": {"[2001:db8::1]:6189", "[2001:db8::1]:7000", "[2001:db8::1]"},
	} {
		cfg, err := config.Load(config.Sources{Files: []string{"../../contrib/kubernetes/usher.conf"}, Environ: []string{
			"OS_DEFAULT__HOST=" + hostIP, "OS_DATABASE__CONNECTION=mysql+pymysql://usher:x@db/ironic"}})
		if err != nil {
			t.Fatal(err)
		}
		name := usher.ConductorName(ironicHost(t.Context(), cfg), cfg.JSONRPC.Port)
		client, err := agentClient(cfg)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			now := time.Now()
			table := fixed{{ID: 1, Hostname: row, Online: true, UpdatedAt: now}, {ID: 2, Hostname: hostIP, Online: true, UpdatedAt: now.AddDate(0, 0, -26)},
				{ID: 3, Hostname: "192.0.2.10:6189", Online: true, UpdatedAt: now}}
			rings := membership.NewRings(table, membership.RingOptions{Algorithm: "sha256", Exponent: 5, HeartbeatTimeout: time.Minute})
			if c, err := rings.Beside(t.Context(), name); c.Hostname != row || err != nil {
				t.Errorf("the agent of %s is beside %q, %v; want %s", hostIP, c.Hostname, err, row)
			}
			if at, err := client.Address(row); at != net.JoinHostPort(hostIP, "8090") || err != nil {
				t.Errorf("the agent of %s is called at %s, %v", row, at, err)
			}
		}
	}
}

// TestNamesWithoutAddress: on a message bus a conductor's name need not lead
// anywhere. The operator says where it is, by either name.
func TestNamesWithoutAddress(t *testing.T) {
	s := onMariaDB(t)
	const name = "rabbit@kolla-1"
	s.agent(s.hosts[0], "[DEFAULT]host="+name, "[deploy]http_root="+s.root(name), "[pxe]tftp_root="+s.root(name))
	at := net.JoinHostPort(s.hosts[0], s.port)
	lost := s.start(Role{API: true}, "lost")
	bare := s.start(Role{API: true}, "bare", "[usher]rpc_addresses="+name+":"+s.hosts[0])
	whole := s.start(Role{API: true}, "whole", "[usher]rpc_addresses="+name+":6189:"+at)
	for _, registered := range []string{name, name + ":6189"} {
		s.conductors(row{name: registered})
		n := s.node(name, usher.DeployWait, 1, 1)
		s.served(bare, n)
		s.served(whole, n)
		s.refused(lost, n, dispatch.CauseUnreachable, "neither an address nor a host name")
		r, err := Explain(t.Context(), s.load("explain"), ExplainOptions{MAC: n.mac, File: "boot.ipxe", Program: "usher"})
		if err != nil || r.Cause != dispatch.CauseUnreachable || !strings.Contains(r.Fix, "[usher]rpc_addresses = "+name+":ADDRESS") {
			t.Errorf("%v, %+v", err, r)
		}
	}
}
