package doctor

import (
	"context"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/agent"
)

// TestNames: Ironic registers a conductor as host or as host:port, and agents of
// several ages tell their names differently.
func TestNames(t *testing.T) {
	mine := agent.Settings{Version: "v2", Algorithm: "md5", Exponent: 5, HeartbeatTimeout: 60}
	type row struct {
		host  string
		stale bool
	}
	for _, c := range []struct {
		name    string
		rows    []row
		status  agent.Status // Host, Names, Problem
		own     bool         // an inventory of our own
		healthy bool
		says    []string
	}{
		{name: "by the bare name", rows: []row{{"h", false}}, healthy: true,
			status: agent.Status{Host: "h", Names: []string{"h:6189", "h"}}, says: []string{"ok agent of h: usher v2 answers"}},
		{name: "by host and port", rows: []row{{"h:6189", false}}, healthy: true,
			status: agent.Status{Host: "h:6189", Names: []string{"h:6189", "h"}}, says: []string{"ok agent of h:6189: usher v2 answers"}},
		{name: "an agent without the port", rows: []row{{"h:6189", false}}, healthy: true,
			status: agent.Status{Host: "h:6189", Names: []string{"h"}}, says: []string{"ok agent of h:6189"}},
		{name: "upgraded", rows: []row{{"h", true}, {"h:6189", false}}, healthy: true,
			status: agent.Status{Host: "h:6189", Names: []string{"h:6189", "h"}},
			says:   []string{"ok conductor h: an earlier name of h:6189, which is active", "ok conductor h:6189: active"}},
		{name: "being upgraded", rows: []row{{"h", false}, {"h:6189", false}}, healthy: true,
			status: agent.Status{Host: "h:6189", Names: []string{"h:6189", "h"}}, says: []string{"ok agent of h:", "ok agent of h:6189:"}},
		{name: "both gone", rows: []row{{"h", true}, {"h:6189", true}},
			says: []string{"warning conductor h: not active", "warning conductor h:6189: not active", "failed conductors: none of 2 is active"}},
		{name: "the agent of another port", rows: []row{{"h:1", false}},
			status: agent.Status{Host: "h:2", Names: []string{"h:2", "h"}},
			says:   []string{`failed agent of h:1: who answers there is the agent of "h:2"`, "[json_rpc]port of the conductor"}},
		{name: "an agent that does not know its row", rows: []row{{"h:1", false}, {"h:2", false}},
			status: agent.Status{Host: "h", Names: []string{"h"}, Problem: "several conductors"},
			says:   []string{"failed agent of h:1: it answers, but does not know which conductor it is beside: several conductors"}},
		{name: "an older agent", rows: []row{{"h", false}}, healthy: true, status: agent.Status{Host: "h"}, says: []string{"ok agent of h"}},
		{name: "an older agent, upgraded", rows: []row{{"h", true}, {"h:6189", false}}, status: agent.Status{Host: "h"},
			says: []string{`failed agent of h:6189: usher v2 there knows its conductor as "h" only, and Ironic has registered it as "h:6189"`, "upgrade Usher"}},
		{name: "an older agent that was told", rows: []row{{"h:6189", false}}, healthy: true, status: agent.Status{Host: "h:6189"},
			says: []string{"ok agent of h:6189"}},
		{name: "of our own inventory, where h:1 is another one", own: true, rows: []row{{"h", true}, {"h:1", false}}, status: agent.Status{Host: "h"},
			says: []string{"warning conductor h: not active", `failed agent of h:1: who answers there is the agent of "h"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				site := Site{HeartbeatTimeout: time.Minute, Mine: mine, Ironic: !c.own, RPC: ":8090", Program: "its ironic-conductor"}
				all := agents{}
				for i, r := range c.rows {
					row := usher.Conductor{ID: int64(i + 1), Hostname: r.host, Online: true, UpdatedAt: time.Now()}
					if r.stale {
						row.UpdatedAt = row.UpdatedAt.AddDate(0, 0, -26)
					}
					site.Conductors = append(site.Conductors, row)
					c.status.Settings, c.status.Clock = mine, time.Now()
					c.status.Roots = []agent.Root{{Option: "[deploy]http_root", Path: "/httpboot"}}
					all[r.host] = c.status
				}
				site.Agents = all
				r := Of(site.Check(t.Context())...)
				text := said(r)
				if r.Healthy != c.healthy {
					t.Errorf("healthy: %t\n%s", r.Healthy, text)
				}
				for _, words := range c.says {
					if !strings.Contains(text, words) {
						t.Errorf("it does not say %q:\n%s", words, text)
					}
				}
			})
		})
	}
}

func said(r Report) string {
	var text strings.Builder
	for _, c := range r.Checks {
		text.WriteString(string(c.State) + " " + c.Name + ": " + c.Detail + "\n  fix: " + c.Fix + "\n")
	}
	return text.String()
}

// nobody is where no agent can be reached.
type nobody struct{ err error }

func (n nobody) Status(context.Context, string) (agent.Status, error) { return agent.Status{}, n.err }

// TestUnreachable: with a message bus a conductor's name need not be an address.
func TestUnreachable(t *testing.T) {
	for _, c := range []struct {
		err  error
		host string
		says string
	}{
		{&net.DNSError{Err: "no such host", Name: "kolla-1", IsNotFound: true}, "kolla-1", "[usher]rpc_addresses = kolla-1:ADDRESS here (commas between several), or make the name resolvable"},
		{&net.DNSError{Err: "no such host", Name: "kolla-1", IsNotFound: true}, "kolla-1:6189", "[usher]rpc_addresses = kolla-1:ADDRESS here (commas between several), or make the name resolvable"},
		{&net.AddrError{Err: "neither an address nor a host name", Addr: "rabbit@1"}, "rabbit@1", "[usher]rpc_addresses = rabbit@1:ADDRESS"},
		{&net.OpError{Op: "dial", Err: context.DeadlineExceeded}, "kolla-1", "run 'usher conductor' on that host"},
	} {
		site := Site{Conductors: []usher.Conductor{{Hostname: c.host, Online: true, UpdatedAt: time.Now()}}, Agents: nobody{c.err}, Ironic: true, RPC: ":8090"}
		if text := said(Of(site.Check(t.Context())...)); !strings.Contains(text, "failed agent of "+c.host) || !strings.Contains(text, c.says) {
			t.Errorf("it does not say %q:\n%s", c.says, text)
		}
	}
}
