package ironic

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"regexp"
)

// refusals: who has no credentials gets no boot file from an agent, an agent
// that could not ask for any does not start, and 'usher serve' beside Ironic
// answers machines from its own agent and from others'.
func (s *site) refusals(nodes []*node) {
	s.tb.Helper()
	alone := &usherAPI{s: s, process: s.agents[0]}
	alone.url = machinesDoor.FindStringSubmatch(alone.said())[1]
	for _, n := range nodes {
		if d := alone.askNode(n); n.waits() && (d.status != http.StatusOK || !s.is(d.body, d.Owner, n)) {
			s.tb.Errorf("usher serve, %s: %+v", n.name, d)
		}
	}
	n := find(nodes, func(n *node) bool { return n.waits() && n.home == s.names[1] })
	for name, env := range map[string]string{
		"without TLS": "OS_JSON_RPC__USE_SSL=false", "without the authority": "OS_JSON_RPC__CAFILE=",
		"with a wrong password": "OS_JSON_RPC__PASSWORD=wrong", "without credentials": "OS_JSON_RPC__USERNAME=nobody",
	} {
		other := s.newAPI("true", s.hosts[0]+":0")
		other.env = append(other.env, env)
		other.start()
		if d := other.askNode(n); d.status != http.StatusServiceUnavailable || d.Cause != "conductor_unreachable" {
			s.tb.Errorf("an API %s: %+v", name, d)
		}
		other.stop()
	}
	for _, role := range []string{"conductor", "serve"} {
		if out, code := s.runs([]string{"OS_JSON_RPC__AUTH_STRATEGY=keystone", "OS_USHER__RPC_LISTEN=" + s.hosts[1] + ":0",
			"OS_USHER__BOOT_LISTEN=" + s.hosts[1] + ":0"}, append([]string{role}, s.mine[1]...)...); code != 2 {
			s.tb.Errorf("usher %s with keystone: exit code %d\n%s", role, code, out)
		}
	}
}

// versionsOfTLS: [json_rpc]server_tls_minimum_version counts for an agent as it
// does for Ironic's conductor beside it, in releases that know it.
func (s *site) versionsOfTLS() {
	s.tb.Helper()
	if !s.release.current() {
		return
	}
	pem, err := os.ReadFile(s.cert)
	if err != nil {
		s.tb.Fatal(err)
	}
	authority := x509.NewCertPool()
	authority.AppendCertsFromPEM(pem)
	takes := func(address string, version uint16) bool {
		conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: authority, MaxVersion: version})
		if err == nil {
			conn.Close()
		}
		return err == nil
	}
	agent := regexp.MustCompile(`RPC +(\S+:\d+)`).FindStringSubmatch(s.agents[1].said())[1]
	if takes(agent, tls.VersionTLS12) || !takes(agent, tls.VersionTLS13) {
		s.tb.Errorf("the agent takes TLS 1.2: %t, 1.3: %t", takes(agent, tls.VersionTLS12), takes(agent, tls.VersionTLS13))
	}
	conductor := s.hosts[1] + ":" + s.layout.rpcPort
	if s.release.major > 29 && (takes(conductor, tls.VersionTLS12) || !takes(conductor, tls.VersionTLS13)) {
		s.tb.Errorf("Ironic takes TLS 1.2: %t, 1.3: %t", takes(conductor, tls.VersionTLS12), takes(conductor, tls.VersionTLS13))
	}
}
