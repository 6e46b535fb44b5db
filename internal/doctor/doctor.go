// Package doctor checks an installation as an operator would, and says of each
// thing that is wrong how to mend it. It changes nothing, and guesses nothing:
// every finding is something that it has read, asked or fetched.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/agent"
)

// State says how a check ended.
type State string

// The states of a check. Warnings leave an installation healthy.
const (
	OK      State = "ok"
	Warning State = "warning"
	Failed  State = "failed"
)

// Check is one thing that was looked at.
type Check struct {
	Name   string `json:"name"`
	State  State  `json:"state"`
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"`
}

// Report is all checks of an installation.
type Report struct {
	Healthy bool    `json:"healthy"`
	Checks  []Check `json:"checks"`
}

// Of makes a report.
func Of(checks ...Check) Report {
	r := Report{Healthy: true, Checks: checks}
	for _, c := range checks {
		r.Healthy = r.Healthy && c.State != Failed
	}
	return r
}

// Agents asks the process beside a conductor how it is set up.
type Agents interface {
	Status(ctx context.Context, host string) (agent.Status, error)
}

// Site is what this host's configuration says of all conductors.
type Site struct {
	Conductors       []usher.Conductor
	HeartbeatTimeout time.Duration // 0: online is enough
	Agents           Agents        // nil where there is no RPC
	Mine             agent.Settings
	Ironic           bool // they are Ironic's, which has two names for each: usher.SameConductor
	// Program is what runs a conductor here, for advice.
	Program string
	// RPC names what a process must listen on, for advice.
	RPC string
}

// Check checks the conductors: who is active, and whether each one's agent
// would name the same owners as this host.
func (s Site) Check(ctx context.Context) []Check {
	now := time.Now()
	var checks []Check
	active := 0
	for _, c := range s.Conductors {
		name := "conductor " + c.Hostname
		if present := s.presentName(c, now); present != "" {
			checks = append(checks, Check{Name: name, State: OK, Detail: fmt.Sprintf("an earlier name of %s, which is active; "+
				"Ironic keeps the row: last heartbeat %s", present, c.UpdatedAt.Format(time.RFC3339))})
			continue
		}
		if !c.Active(now, s.HeartbeatTimeout) {
			checks = append(checks, Check{name, Warning,
				fmt.Sprintf("not active; last heartbeat %s (%s ago)", c.UpdatedAt.Format(time.RFC3339), now.Sub(c.UpdatedAt).Round(time.Second)),
				"start " + s.Program + " on that host, or leave it out of mind if it is gone for good"})
			continue
		}
		active++
		checks = append(checks, s.heartbeat(name, c, now))
		if s.Agents != nil {
			checks = append(checks, s.agent(ctx, c)...)
		}
	}
	if active == 0 {
		checks = append(checks, Check{"conductors", Failed, fmt.Sprintf("none of %d is active", len(s.Conductors)),
			"start a conductor; if they run, compare the clocks of their hosts and of this one"})
	}
	return checks
}

// presentName is the name by which a conductor that is not active by this one
// is; empty where it is by none. In an inventory of our own there is one name.
func (s Site) presentName(c usher.Conductor, now time.Time) string {
	if !s.Ironic {
		return ""
	}
	return c.PresentName(s.Conductors, now, s.HeartbeatTimeout)
}

// heartbeat looks for a clock that is ahead: one that is behind looks like a
// late heartbeat.
func (s Site) heartbeat(name string, c usher.Conductor, now time.Time) Check {
	if ahead := c.UpdatedAt.Sub(now); s.HeartbeatTimeout > 0 && ahead > max(s.HeartbeatTimeout/3, time.Second) {
		return Check{name, Failed, fmt.Sprintf("its heartbeat is %s in the future", ahead.Round(time.Second)),
			"synchronise the clocks of that host and of this one (chrony, ntpd): a clock that is off makes conductors look dead"}
	}
	return Check{Name: name, State: OK, Detail: "active, last heartbeat " + c.UpdatedAt.Format(time.RFC3339)}
}

// agent asks one conductor's agent.
func (s Site) agent(ctx context.Context, c usher.Conductor) []Check {
	name := "agent of " + c.Hostname
	before := time.Now()
	st, err := s.Agents.Status(ctx, c.Hostname)
	took := time.Since(before)
	if err != nil {
		return []Check{{name, Failed, err.Error(), s.reach(c.Hostname, err)}}
	}
	checks := []Check{{Name: name, State: OK, Detail: fmt.Sprintf("usher %s answers in %s", st.Version, took.Round(time.Millisecond))}}
	switch {
	case st.Is(c.Hostname) && st.Problem != "":
		checks[0] = Check{name, Failed, "it answers, but does not know which conductor it is beside: " + st.Problem, "mend that on its host"}
	case st.Is(c.Hostname):
	case s.Ironic && len(st.Names) == 0 && usher.SameConductor(st.Host, c.Hostname):
		checks[0] = Check{name, Failed, fmt.Sprintf("usher %s there knows its conductor as %q only, and Ironic has registered it as %q",
			st.Version, st.Host, c.Hostname), "upgrade Usher on that host"}
	default:
		checks[0] = Check{name, Failed, fmt.Sprintf("who answers there is the agent of %q", st.Host),
			"give that agent the [DEFAULT]host and [json_rpc]port of the conductor beside it, or correct [usher]rpc_addresses"}
	}
	if st.Algorithm != s.Mine.Algorithm || st.Exponent != s.Mine.Exponent {
		checks = append(checks, Check{"hash ring of " + c.Hostname, Failed,
			fmt.Sprintf("hash_ring_algorithm = %s and hash_partition_exponent = %d there, %s and %d here: nodes have different owners on the two hosts",
				st.Algorithm, st.Exponent, s.Mine.Algorithm, s.Mine.Exponent),
			"make [DEFAULT]hash_ring_algorithm and hash_partition_exponent the same in every ironic.conf"})
	} else {
		checks = append(checks, Check{Name: "hash ring of " + c.Hostname, State: OK,
			Detail: fmt.Sprintf("%s, exponent %d, as here", st.Algorithm, st.Exponent)})
	}
	if st.HeartbeatTimeout != s.Mine.HeartbeatTimeout {
		checks = append(checks, Check{"heartbeat_timeout of " + c.Hostname, Warning,
			fmt.Sprintf("%g s there, %g s here: after a failure the two disagree for a while", st.HeartbeatTimeout, s.Mine.HeartbeatTimeout),
			"make [conductor]heartbeat_timeout the same everywhere"})
	}
	checks = append(append(checks, s.clock(c.Hostname, st.Clock.Sub(before.Add(took/2)))), roots(c.Hostname, st)...)
	return append(checks, bootFiles(ctx, c.Hostname, st)...)
}

// reach is the fix where a conductor's agent could not be asked.
func (s Site) reach(host string, err error) string {
	_, unresolved := errors.AsType[*net.DNSError](err)
	_, unusable := errors.AsType[*net.AddrError](err)
	if unresolved || unusable {
		// As with rpc_transport = oslo, where a name is all that a conductor needs.
		return "set [usher]rpc_addresses = " + usher.ConductorHost(host) + ":ADDRESS here (commas between several), or make the name resolvable"
	}
	return "run 'usher conductor' on that host and let this host reach it at " + s.RPC +
		"; where the conductor's name is not its address, set [usher]rpc_addresses = " + usher.ConductorHost(host) + ":ADDRESS"
}

// clock judges how far a host's clock is off.
func (s Site) clock(host string, off time.Duration) Check {
	name, detail := "clock of "+host, fmt.Sprintf("%+.1f s from this host's", off.Seconds())
	const fix = "synchronise both clocks (chrony, ntpd): heartbeats are judged by the clock of who reads them"
	switch limit := s.HeartbeatTimeout / 3; {
	case limit > 0 && off.Abs() > limit:
		return Check{name, Failed, detail + ", more than a third of heartbeat_timeout", fix}
	case off.Abs() > 2*time.Second:
		return Check{name, Warning, detail, fix}
	}
	return Check{Name: name, State: OK, Detail: detail}
}

// roots tells which folders an agent cannot read. One of two is enough for a
// conductor that has nodes of one kind only.
func roots(host string, st agent.Status) []Check {
	var checks []Check
	unreadable := 0
	for _, r := range st.Roots {
		name := r.Option + " of " + host
		if r.Problem == "" {
			checks = append(checks, Check{Name: name, State: OK, Detail: r.Path + " is readable"})
			continue
		}
		unreadable++
		checks = append(checks, Check{name, Warning, r.Problem, fmt.Sprintf("let the account %s read %s (docs/ironic.md, \"File access\"); "+
			"harmless where no node needs this root", st.Account, r.Path)})
	}
	if unreadable == len(checks) {
		for i := range checks {
			checks[i].State = Failed
		}
	}
	return checks
}
