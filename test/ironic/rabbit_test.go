package ironic

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-boot/usher/internal/testenv"
)

// rabbit is a RabbitMQ of a release of Debian.
type rabbit struct{ url string }

// startRabbit starts one that nobody else meets: Erlang's own name server, which
// its nodes are found by, and all ports are the test's.
func startRabbit(t *testing.T, r release, address string) *rabbit {
	t.Helper()
	dir := t.TempDir()
	script := filepath.Join(dir, "run")
	port := testenv.FreePort(t, address)
	settings := strings.NewReplacer("{dir}", dir, "{ip}", address, "{erlang ip}", strings.ReplaceAll(address, ".", ","), "{port}", port,
		"{dist port}", testenv.FreePort(t, address), "{epmd port}", testenv.FreePort(t, "127.0.0.1"))
	if err := os.WriteFile(script, []byte(settings.Replace(rabbitScript)), 0o755); err != nil {
		t.Fatal(err)
	}
	newProcess(t, "rabbitmq", r.command(dir, "/bin/sh", script)...).start("Server startup complete")
	return &rabbit{url: fmt.Sprintf("rabbit://guest:guest@%s:%s/", address, port)}
}

const rabbitScript = `
export HOME={dir} ERL_EPMD_ADDRESS={ip} ERL_EPMD_PORT={epmd port}
epmd &
export RABBITMQ_NODENAME=usher@localhost RABBITMQ_NODE_IP_ADDRESS={ip} RABBITMQ_NODE_PORT={port} RABBITMQ_DIST_PORT={dist port}
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {{erlang ip}}"
export RABBITMQ_MNESIA_BASE={dir}/data RABBITMQ_LOG_BASE={dir} RABBITMQ_LOGS=- RABBITMQ_PID_FILE={dir}/pid RABBITMQ_ENABLED_PLUGINS_FILE={dir}/plugins
exec /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server
`

// TestMessageBus has RabbitMQ between Ironic's processes, as most sites do, and
// conductors whose names lead nowhere.
func TestMessageBus(t *testing.T) {
	t.Parallel()
	eachRelease(t, laterSuites(), func(t *testing.T, r release) {
		l := layout{number: 15 + r.number, rpcPort: "8089", algorithm: "md5", exponent: 5}
		l.bus = startRabbit(t, r, testenv.Loopback(10*l.number+9))
		s := newSite(t, r, l)
		s.start()
		nodes := s.fleet()
		s.enroll(nodes)
		s.doctor()
		s.served("over a message bus", nodes)
		s.sameOwners("over a message bus", nodes, nobody)
		s.explained("over a message bus", nodes...)
		s.telemetry()
		s.unnamed(nodes)
		s.ironic[0].kill()
		s.lost("a conductor is killed", nodes, 0)
		s.ironic[0].launch()
		s.returned("a kill", nodes)
		s.served("after a kill", nodes)
	})
}

// unnamed: without [usher]rpc_addresses, the option is named to the operator.
func (s *site) unnamed(nodes []*node) {
	s.tb.Helper()
	const without = "OS_USHER__RPC_ADDRESSES="
	api := s.newAPI("true", s.hosts[0]+":0")
	api.env = append(api.env, without)
	api.start()
	n := find(nodes, (*node).waits)
	if d := api.askNode(n); d.status != http.StatusServiceUnavailable || d.Cause != "conductor_unreachable" || !strings.Contains(d.Error, n.home) {
		s.tb.Errorf("without rpc_addresses: %+v", d)
	}
	api.stop()
	out, code := s.runs([]string{without}, append([]string{"doctor"}, s.mine[0]...)...)
	if code == 0 || strings.Count(out, "[usher]rpc_addresses") < conductors {
		s.tb.Errorf("doctor without rpc_addresses: exit code %d\n%s", code, out)
	}
}
