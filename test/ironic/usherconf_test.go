package ironic

import (
	"fmt"
	"strings"
)

// usherConf is what is added to ironic.conf for Usher's processes of a host. Where
// there is a message bus, it has credentials of Usher's own, since Ironic's are
// for Keystone at most sites.
func (s *site) usherConf(i int) string {
	rpc := ""
	if s.layout.bus != nil {
		rpc = "[json_rpc]\nauth_strategy = http_basic\nusername = usher\npassword = s3cret\nhttp_basic_auth_user_file = " + s.htpasswd("usher") + "\n"
	}
	return fmt.Sprintf("[DEFAULT]\nuse_json = true\n[database]\nconnection = %s\n"+
		"[usher]\nrpc_listen = %s\nrpc_addresses = %s\nadmin_listen = %[4]s:0\nfiles_listen = %[4]s:0\nrpc_timeout = 5\n",
		s.sidecarURL(), s.agentAddress(i), s.addresses(), s.hosts[i]) + rpc
}

// agentAddress is where an agent listens: the last elsewhere than the others.
func (s *site) agentAddress(i int) string {
	if i == conductors-1 {
		return s.hosts[i] + ":" + s.lastPort
	}
	return s.hosts[i] + ":" + s.agentPort
}

// addresses is [usher]rpc_addresses: the agents that are not found by the name of
// their conductor.
func (s *site) addresses() string {
	last := conductors - 1
	all := []string{s.host(last) + ":" + s.agentAddress(last)}
	if s.layout.bus != nil {
		for i := range last {
			all = append(all, s.host(i)+":"+s.hosts[i])
		}
	}
	return strings.Join(all, ",")
}
