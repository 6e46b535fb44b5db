package explanation

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/bootiface"
	"github.com/usher-boot/usher/internal/dispatch"
)

const (
	asked = "52:54:00:12:34:56"
	uuid  = "8733b875-30ea-5929-9b3b-8c04ada0b065"
)

func parse(s string) usher.MAC {
	mac, err := usher.ParseMAC(s)
	if err != nil {
		panic(err)
	}
	return mac
}

// world is a site with one node, all of whose parts answer as told.
type world struct {
	node      usher.BootNode
	nodeErr   error
	hosts     []string
	ringErr   error
	evidence  map[string]func(ctx context.Context) (bootiface.Evidence, error)
	rows      []usher.Conductor
	condition usher.NodeCondition
	ports     []usher.KnownAddress
	portsErr  error
	near      []usher.KnownAddress // of ports, at any address
	groups    []usher.KnownAddress
	groupsErr error
	requests  []Request
	stranger  *Stranger
	journal   error
	disk      *bootiface.Evidence
}

func (w *world) BootNodeByMAC(context.Context, usher.MAC) (usher.BootNode, error) {
	if w.nodeErr != nil {
		return usher.BootNode{}, w.nodeErr
	}
	return w.node, nil
}

func (w *world) Owners(context.Context, string, string, string) ([]string, error) {
	return w.hosts, w.ringErr
}

func (w *world) Evidence(ctx context.Context, host string, _ usher.BootNode, _ string) (bootiface.Evidence, error) {
	return w.evidence[host](ctx)
}

func (w *world) Address(host string) (string, error) { return host + ":8089", nil }

func (w *world) PortsOf(context.Context, string, int) ([]usher.KnownAddress, error) {
	return w.ports, w.portsErr
}

func (w *world) NodeCondition(context.Context, string) (usher.NodeCondition, error) {
	return w.condition, nil
}

func (w *world) Conductors(context.Context) ([]usher.Conductor, error) { return w.rows, nil }

func (w *world) PortsAt(_ context.Context, at []usher.MAC) (found []usher.KnownAddress, err error) {
	for _, k := range w.near {
		if slices.Contains(at, k.Address) {
			found = append(found, k)
		}
	}
	return found, nil
}

func (w *world) PortsBeside(context.Context, usher.MAC, int) ([]usher.KnownAddress, error) {
	return w.near, nil
}

func (w *world) PortgroupsAt(_ context.Context, at []usher.MAC) (found []usher.KnownAddress, err error) {
	for _, k := range w.groups {
		if slices.Contains(at, k.Address) {
			found = append(found, k)
		}
	}
	return found, w.groupsErr
}

func (w *world) Requests(context.Context, usher.MAC, int) ([]Request, error) {
	return w.requests, w.journal
}

func (w *world) Stranger(context.Context, usher.MAC) (*Stranger, error) { return w.stranger, w.journal }

func serves(types ...string) (rows []usher.HardwareInterface) {
	for _, t := range types {
		rows = append(rows, usher.HardwareInterface{HardwareType: t, Type: "boot", Name: "ipxe"})
	}
	return rows
}

// there is a conductor that has the file.
func there(host string) func(context.Context) (bootiface.Evidence, error) {
	return func(context.Context) (bootiface.Evidence, error) {
		return bootiface.Evidence{Host: host, Path: "/httpboot/" + uuid + "/config", Found: true, Size: 812,
			Written: time.Now().Add(-3 * time.Minute), Servers: []string{"http://10.0.0.1:6386"}}, nil
	}
}

// says is a conductor that would answer with an error.
func says(err error) func(context.Context) (bootiface.Evidence, error) {
	return func(context.Context) (bootiface.Evidence, error) {
		return bootiface.Evidence{Host: "c1", Path: "/httpboot/" + uuid + "/config", Problem: bootiface.ProblemOf(err)}, nil
	}
}

// silent is a conductor that cannot be reached.
func silent(err error) func(context.Context) (bootiface.Evidence, error) {
	return func(context.Context) (bootiface.Evidence, error) {
		return bootiface.Evidence{}, fmt.Errorf("%w: call usher_explain on conductor c1: %w", usher.ErrUnavailable, err)
	}
}

func newWorld() *world {
	return &world{
		node: usher.BootNode{UUID: uuid, Name: "n1", Driver: "ipmi", BootInterface: "ipxe", ProvisionState: usher.DeployWait,
			ProvisionUpdatedAt: time.Now().Add(-3 * time.Minute)},
		hosts:    []string{"c1", "c2"},
		evidence: map[string]func(context.Context) (bootiface.Evidence, error){"c1": there("c1"), "c2": there("c2")},
		rows: []usher.Conductor{
			{ID: 1, Hostname: "c1", Online: true, UpdatedAt: time.Now(), Interfaces: serves("ipmi")},
			{ID: 2, Hostname: "c2", Online: true, UpdatedAt: time.Now(), Interfaces: serves("ipmi")},
		},
		ports: []usher.KnownAddress{{Address: parse(asked), PortUUID: "p1", PXEEnabled: true}},
	}
}

func (w *world) explain(ctx context.Context, q Question, change ...func(*Options)) *Report {
	o := Options{Dispatch: dispatch.Options{Nodes: w, Rings: w, Restrict: true, RPCTimeout: 3 * time.Second, Failover: true},
		Conductors: w, Inventory: w, Addresses: w, Journal: w, HeartbeatTimeout: time.Minute,
		Site: Site{Program: "usher", RPC: "[json_rpc]port = 8089", Door: "http://127.0.0.1:6386", Admin: "http://127.0.0.1:6387",
			Limits: Limits{Allowed: true}}}
	if w.disk != nil {
		o.Disk = func(string, usher.BootNode, string) (bootiface.Evidence, bool) { return *w.disk, true }
	}
	for _, f := range change {
		f(&o)
	}
	if q.MAC == "" {
		q.MAC = asked
	}
	return Explain(ctx, o, q)
}

// text is a report as it is printed, without marks and times.
func (r *Report) text() string {
	var b strings.Builder
	for _, s := range r.Steps {
		fmt.Fprintf(&b, "%s %s: %s\n", s.Mark, s.Name, strings.Join(append([]string{s.Text}, s.More...), "\n  "))
	}
	return b.String() + r.Explanation + "\nfix: " + r.Fix
}

func ironic(o *Options) {
	o.Site.Ironic, o.Dispatch.Failover, o.Site.RPC = true, false, "[usher]rpc_listen = [::]:8090"
}

// TestCauses goes through what can be wrong: the cause is dispatch's, and the
// text says what is the matter and how to mend it.
func TestCauses(t *testing.T) {
	unavailable := func(class, message string) error {
		return usher.Errorf(usher.ErrUnavailable, "%s", message).WithClass(class)
	}
	proven := map[dispatch.Cause]bool{}
	for _, c := range []struct {
		name   string
		q      Question
		world  func(*world)
		option func(*Options)
		cause  dispatch.Cause
		exit   error
		says   []string // each in the text
		never  string
	}{
		{name: "served", cause: dispatch.CauseServed, says: []string{"ok mac: 52:54:00:12:34:56\n", "ok node: n1, " + uuid, "pxe_enabled = true",
			`ok state: "wait call-back" for 3 min: waits for its ramdisk`, "ok group: hardware type ipmi without a conductor group: 2 active",
			"ok ring: owner c1, then c2", "ok rpc: c1 at c1:8089", "812 bytes, written 3 min ago, names http://10.0.0.1:6386",
			"52:54:00:12:34:56 gets boot.ipxe of node n1 from c1, 812 bytes", "its request does not arrive here"}},
		{name: "served, it has asked", cause: dispatch.CauseServed, never: "does not arrive",
			world: func(w *world) {
				w.requests = []Request{{Time: time.Now().Add(-time.Hour), Remote: "10.0.0.7", File: "boot.ipxe", Outcome: dispatch.NotNow, Cause: dispatch.CauseTimeout, AnsweredBy: "c2"},
					{Time: time.Now(), Remote: "10.0.0.8", File: "boot.ipxe", Outcome: dispatch.Served, Cause: dispatch.CauseServed}}
			}, says: []string{"ok asked: 0 s ago, from 10.0.0.8, for boot.ipxe: served\n  1.0 h ago, from 10.0.0.7, for boot.ipxe: conductor_timeout, by c2"}},
		{name: "served, the journal is silent", cause: dispatch.CauseServed, world: func(w *world) { w.journal = errors.New("no process answers") },
			says: []string{"note asked: not known: no process answers"}, never: "does not arrive"},
		{name: "served, nobody listens here", cause: dispatch.CauseServed, option: func(o *Options) { o.Site.DoorErr = errors.New("connection refused") },
			says: []string{"warning door: nothing answers machines on this host: connection refused", "start 'usher api' here"}},
		{name: "served by the next", cause: dispatch.CauseServed, world: func(w *world) {
			w.evidence["c1"] = silent(syscall.ECONNREFUSED)
		}, says: []string{"failed rpc: c1 at c1:8089, gives no answer: connection refused\n", "ok rpc: c2 at", "ok next: ", "from c2, 812 bytes, in place of the owner c1", "look at c1, which gives no answer"}},
		{name: "not prepared", cause: dispatch.CauseServed, world: func(w *world) {
			w.evidence["c1"] = func(context.Context) (bootiface.Evidence, error) {
				return bootiface.Evidence{Host: "c1", WouldPrepare: true}, nil
			}
		}, says: []string{"note answer: not prepared yet: the first request makes c1 do it", "which prepares it at the first request"}},
		{name: "prepared for an earlier state", cause: dispatch.CauseServed, world: func(w *world) {
			w.evidence["c1"] = func(context.Context) (bootiface.Evidence, error) {
				return bootiface.Evidence{Host: "c1", WouldPrepare: true, Stamp: time.Unix(2, 0), PreparedFor: time.Unix(1, 0)}, nil
			}
		}, says: []string{"prepared for an earlier state of the node"}},
		{name: "an older conductor", cause: dispatch.CauseServed, world: func(w *world) {
			w.evidence["c1"] = func(context.Context) (bootiface.Evidence, error) {
				return bootiface.Evidence{Host: "c1", Plain: true, Found: true, Size: 5}, nil
			}
		}, says: []string{"ok answer: 5 bytes\n  it knows no usher_explain"}},
		{name: "GRUB by its boot interface", cause: dispatch.CauseServed, world: func(w *world) { w.node.BootInterface = "pxe" },
			says: []string{"ok file: grub.cfg, as boot interface pxe answers", "gets grub.cfg"}},
		{name: "any state", cause: dispatch.CauseServed, world: func(w *world) { w.node.ProvisionState = usher.Active },
			option: func(o *Options) { o.Dispatch.Restrict = false }, says: []string{`"active" for 3 min: may boot, since [api]restrict_boot_config = false`}},
		{name: "another port", cause: dispatch.CausePXEDisabled, exit: usher.ErrNotFound, world: func(w *world) {
			w.node.PXEDisabled = true
			w.ports = []usher.KnownAddress{{Address: parse("52:54:00:00:00:01"), PortUUID: "p0", PXEEnabled: true}, {Address: parse(asked), PortUUID: "p1"}}
		}, says: []string{"failed port: p1, pxe_enabled = false: it is not answered; also answered: 52:54:00:00:00:01", "note then: the port decides",
			"fix: nothing, where the machine is to boot from 52:54:00:00:00:01, for which it asks as well; " +
				"to let it boot from this port: openstack baremetal port set p1 --pxe-enabled"}},
		{name: "no port to boot from", cause: dispatch.CausePXEDisabled, exit: usher.ErrNotFound, world: func(w *world) {
			w.node.PXEDisabled = true
			w.ports = []usher.KnownAddress{{Address: parse("52:54:00:00:00:01"), PortUUID: "p0"}, {Address: parse(asked), PortUUID: "p1"}}
		}, says: []string{"fix: openstack baremetal port set p1 --pxe-enabled", "; no other port of the node is answered either"}, never: "also answered"},
		{name: "all ports are answered", cause: dispatch.CauseServed, option: func(o *Options) { o.Dispatch.AllPorts = true }, world: func(w *world) {
			w.node.PXEDisabled = true
			w.ports = []usher.KnownAddress{{Address: parse("52:54:00:00:00:01"), PortUUID: "p0"}, {Address: parse(asked), PortUUID: "p1"}}
		}, says: []string{"ok port: p1, pxe_enabled = false, and [neutron]add_all_ports = true has it answered all the same; also answered: 52:54:00:00:00:01"}},
		{name: "no right to ports", cause: dispatch.CauseServed, world: func(w *world) { w.portsErr = errors.New("SELECT denied") },
			says: []string{"note port: pxe_enabled = true; more is not known: SELECT denied; 'usher db grants'"}},
		{name: "no right to ports, and not to boot from", cause: dispatch.CausePXEDisabled, exit: usher.ErrNotFound, world: func(w *world) {
			w.node.PXEDisabled, w.portsErr = true, errors.New("SELECT denied")
		}, says: []string{"failed port: pxe_enabled = false: it is not answered; more is not known"}, never: "no other port"},
		{name: "let in", cause: dispatch.CauseServed, option: func(o *Options) {
			o.Site.Limits = Limits{From: "10.0.0.7", Allowed: true, Networks: []string{"10.0.0.0/8"}, Rate: 50, Burst: 32, Connections: 20}
		}, says: []string{"ok limits: 10.0.0.7 is let in: 50 requests/s of one source, 32 at once; 20 connections of one source; only from 10.0.0.0/8"}},

		{name: "no MAC", q: Question{MAC: "52:54"}, cause: dispatch.CauseBadMAC, exit: usher.ErrInvalid, says: []string{"failed mac:", "write six octets"}},
		{name: "multicast", q: Question{MAC: "01005e000001"}, world: func(w *world) { w.nodeErr = usher.Errorf(usher.ErrNotFound, "none") },
			cause: dispatch.CauseUnknownMAC, exit: usher.ErrNotFound, says: []string{"01:00:5e:00:00:01, written 01005e000001; a multicast address"}},
		{name: "no boot file", q: Question{File: "vmlinuz"}, cause: dispatch.CauseUnknownFile, exit: usher.ErrNotFound,
			says: []string{`no boot interface answers "vmlinuz"`, "ask for boot.ipxe (iPXE) or grub.cfg (GRUB)"}},
		{name: "unknown", world: func(w *world) {
			w.nodeErr = usher.Errorf(usher.ErrNotFound, "none")
			w.stranger = &Stranger{Count: 7, Remote: "10.0.0.7", First: time.Now().Add(-time.Hour), Last: time.Now().Add(-time.Minute)}
		}, cause: dispatch.CauseUnknownMAC, exit: usher.ErrNotFound, says: []string{"failed node: no port of any node has 52:54:00:12:34:56",
			"nor of the same vendor (52:54:00)", "ok asked: 7 times, from 10.0.0.7, the last time 1 min ago, the first time 1.0 h ago",
			"fix: usher node add NAME --mac 52:54:00:12:34:56 --kernel URL --ramdisk URL"}},
		{name: "unknown, mistyped", world: func(w *world) {
			w.nodeErr = usher.Errorf(usher.ErrNotFound, "none")
			w.near = []usher.KnownAddress{{Address: parse("52:54:00:12:34:57"), NodeUUID: uuid, NodeName: "n1", State: usher.Active}}
		}, cause: dispatch.CauseUnknownMAC, exit: usher.ErrNotFound,
			says: []string{"52:54:00:12:34:57 of n1 (active): one digit differs, the next one", "for a mistyped 52:54:00:12:34:57, correct it",
				"for another NIC of n1, openstack baremetal port create --node " + uuid + " 52:54:00:12:34:56"}},
		{name: "unknown, a bond's, beside Ironic", option: ironic, world: func(w *world) {
			w.nodeErr = usher.Errorf(usher.ErrNotFound, "none")
			w.groups = []usher.KnownAddress{{Address: parse(asked), NodeUUID: uuid, NodeName: "n1", State: usher.Active, Portgroup: "bond0"}}
		}, cause: dispatch.CauseUnknownMAC, exit: usher.ErrNotFound,
			says: []string{"52:54:00:12:34:56 of port group bond0 of n1 (active): the same address",
				"fix: the port group bond0 of n1 has this address, but none of its ports: openstack baremetal port create"}},
		{name: "unknown, no right to port groups", option: ironic, world: func(w *world) {
			w.nodeErr, w.groupsErr = usher.Errorf(usher.ErrNotFound, "none"), errors.New("SELECT denied")
			w.near = []usher.KnownAddress{{Address: parse("52:54:00:12:34:66"), NodeUUID: uuid, State: usher.Active}}
		}, cause: dispatch.CauseUnknownMAC, exit: usher.ErrNotFound, says: []string{"one digit differs", "openstack baremetal port create --node NODE"}},
		{name: "available", world: func(w *world) { w.node.ProvisionState = usher.Available }, cause: dispatch.CauseWrongState, exit: usher.ErrNotFound,
			says: []string{`failed state: "available"`, "verbs that make it wait for one: deploy", "not asked",
				"fix: usher node deploy n1, which writes its disk anew (or [api]restrict_boot_config = false answers in every state)"}},
		{name: "enrolled, beside Ironic", option: ironic, world: func(w *world) { w.node.ProvisionState, w.node.Name = usher.Enroll, "" },
			cause: dispatch.CauseWrongState, exit: usher.ErrNotFound,
			says: []string{"verbs on the way to waiting for one: manage, then provide (may erase its disks by cleaning), then deploy\n", "fix: openstack baremetal node manage " + uuid +
				", then openstack baremetal node provide " + uuid + ", then openstack baremetal node deploy " + uuid +
				", which may erase its disks by cleaning and writes its disk anew (or"}},
		{name: "failed", world: func(w *world) {
			w.node.ProvisionState, w.condition.LastError, w.condition.Maintenance = usher.DeployFailed, "no kernel", true
		}, cause: dispatch.CauseWrongState, exit: usher.ErrNotFound,
			says: []string{"last_error: no kernel", "in maintenance", "fix: mend what last_error says, then usher node deploy n1"}},
		{name: "at work", world: func(w *world) { w.node.ProvisionState, w.condition.Reservation = usher.Deploying, "c1" },
			cause: dispatch.CauseWrongState, exit: usher.ErrNotFound, says: []string{"locked by c1", "fix: wait: conductor c1 is at work"}},
		{name: "active", world: func(w *world) { w.node.ProvisionState = usher.Active }, cause: dispatch.CauseWrongState, exit: usher.ErrNotFound,
			says: []string{"verbs that make it wait for one: rebuild (writes its disk anew), rescue, service",
				"fix: nothing, where it is to boot its own disk; to deploy it anew: openstack baremetal node rebuild n1, which writes its disk anew"}},
		{name: "service failed", world: func(w *world) { w.node.ProvisionState = usher.ServiceFailed }, cause: dispatch.CauseWrongState, exit: usher.ErrNotFound,
			says: []string{"fix: openstack baremetal node service n1 --service-steps '[...]'; to deploy it anew instead: usher node abort n1, " +
				"then openstack baremetal node rebuild n1, which writes its disk anew"}},
		{name: "unrescue failed", world: func(w *world) { w.node.ProvisionState = usher.UnrescueFailed }, cause: dispatch.CauseWrongState, exit: usher.ErrNotFound,
			says: []string{"fix: openstack baremetal node unrescue n1; to deploy it anew instead: openstack baremetal node unrescue n1, " +
				"then openstack baremetal node rebuild n1, which writes its disk anew"}},
		{name: "active ramdisk", world: func(w *world) { w.node.ProvisionState, w.condition.DeployInterface = usher.Active, "ramdisk" },
			cause: dispatch.CauseWrongState, exit: usher.ErrNotFound, says: []string{"fix: a ramdisk deployment boots from the network while active"}},
		{name: "another file", q: Question{File: "grub.cfg"}, cause: dispatch.CauseUnsupported, exit: usher.ErrNotFound,
			world: func(w *world) { w.evidence["c1"] = says(usher.Errorf(usher.ErrUnsupported, "no")) },
			says: []string{"failed file: grub.cfg; boot interface ipxe answers boot.ipxe", "let the machine's firmware load iPXE",
				"openstack baremetal node set n1 --boot-interface pxe"}},
		{name: "foreign boot interface", cause: dispatch.CauseUnsupported, exit: usher.ErrNotFound, world: func(w *world) {
			w.node.BootInterface = "redfish-virtual-media"
			w.evidence["c1"] = says(usher.Errorf(usher.ErrUnsupported, "no"))
		}, says: []string{`boot interface "redfish-virtual-media" of node n1 has no boot file`, "(ipxe, http-ipxe)"}},
		{name: "no file", option: ironic, cause: dispatch.CauseNoFile, exit: usher.ErrNotFound,
			world: func(w *world) { w.evidence["c1"] = says(usher.Errorf(usher.ErrNotFound, "none here.")) },
			says: []string{"nothing at /httpboot/" + uuid + "/config", "conductor c1 has no boot file for node n1: none here\n",
				"openstack baremetal node undeploy n1, which deletes its instance and may erase its disks by cleaning, and begin anew", "only the owner has the files"}},
		{name: "no file, cleaning", option: ironic, cause: dispatch.CauseNoFile, exit: usher.ErrNotFound,
			world: func(w *world) {
				w.node.ProvisionState, w.evidence["c1"] = usher.CleanWait, says(usher.Errorf(usher.ErrNotFound, "none"))
			}, says: []string{"openstack baremetal node abort n1"}},
		{name: "no file, inspection", option: ironic, cause: dispatch.CauseNoFile, exit: usher.ErrNotFound,
			world: func(w *world) {
				w.node.ProvisionState, w.evidence["c1"] = usher.InspectWait, says(usher.Errorf(usher.ErrNotFound, "none"))
			}, says: []string{"then openstack baremetal node abort n1, and begin anew"}},
		{name: "no file, inspection by ironic-inspector", cause: dispatch.CauseNoFile, exit: usher.ErrNotFound,
			option: func(o *Options) {
				ironic(o)
				managed := false
				o.Dispatch.Elsewhere = &dispatch.Elsewhere{Members: gone{}, RequireManagedBoot: &managed}
			}, world: func(w *world) {
				w.node.ProvisionState, w.evidence["c1"] = usher.InspectWait, says(usher.Errorf(usher.ErrNotFound, "none"))
			}, says: []string{"[pxe]ipxe_fallback_script", "[inspector]require_managed_boot = true"}},
		{name: "no file, at rest", cause: dispatch.CauseNoFile, exit: usher.ErrNotFound, option: func(o *Options) { o.Dispatch.Restrict = false },
			world: func(w *world) {
				w.node.ProvisionState, w.evidence["c1"] = usher.Available, says(usher.Errorf(usher.ErrNotFound, "none"))
			}, says: []string{"in this state there is nothing to boot: usher node deploy n1"}},
		{name: "not let in", cause: dispatch.CauseNotAllowed, exit: usher.ErrNotFound, option: func(o *Options) {
			o.Site.Limits = Limits{From: "192.0.2.1", Networks: []string{"10.0.0.0/8"}}
		}, says: []string{"failed limits: 192.0.2.1 is not let in: only from 10.0.0.0/8", "ok ring", "add its network to [usher]boot_allowed_networks"}},

		{name: "database down", cause: dispatch.CauseDatabase, exit: usher.ErrUnavailable,
			world: func(w *world) { w.nodeErr = usher.Errorf(usher.ErrUnavailable, "find node by MAC: connection refused") },
			option: func(o *Options) {
				o.Inventory, o.Addresses, o.Conductors, o.Dispatch.Rings = nil, nil, nil, nil
			}, says: []string{"failed node: find node by MAC: connection refused", "the database gives no answer", "'usher doctor' tells"}},
		{name: "database empty", cause: dispatch.CauseDatabase, exit: usher.ErrUnavailable, option: func(o *Options) { o.Site.Empty = true },
			world: func(w *world) { w.nodeErr = usher.Errorf(usher.ErrUnavailable, "it holds no tables") },
			says:  []string{"it holds no tables\nfix: run 'usher db upgrade', or 'usher serve'"}},
		{name: "database foreign", cause: dispatch.CauseDatabase, exit: usher.ErrUnavailable,
			world: func(w *world) { w.nodeErr = errors.New("column nodes.x is missing") },
			says:  []string{"the database cannot be used: column nodes.x is missing", "'usher db grants'"}},
		{name: "database of another account", cause: dispatch.CauseDatabase, exit: usher.ErrUnavailable,
			option: func(o *Options) { o.Site.Barred = os.ErrPermission },
			world:  func(w *world) { w.nodeErr = os.ErrPermission },
			says:   []string{"failed node: permission denied", "cannot be told, since this account may not", "fix: run it as root, or as the account"}},
		{name: "database goes down", cause: dispatch.CauseDatabase, exit: usher.ErrUnavailable,
			world: func(w *world) { w.hosts, w.ringErr = nil, usher.Errorf(usher.ErrUnavailable, "read conductors: gone") },
			says:  []string{"failed ring: read conductors: gone"}},
		{name: "all conductors gone", cause: dispatch.CauseNoConductor, exit: usher.ErrUnavailable, world: func(w *world) {
			w.hosts, w.ringErr = nil, unavailable("NoValidHost", "No valid host was found.")
			w.rows[0].UpdatedAt, w.rows[1].Online, w.rows[1].Interfaces = time.Now().Add(-time.Hour), false, nil
		}, says: []string{"failed group: hardware type ipmi without a conductor group: no active conductor serves it\n  c1 is silent for 1.0 h\n  c2 stopped 0 s ago",
			"fix: start 'usher conductor' on c1, c2; where it runs, compare the clocks"}},
		{name: "all conductors gone, beside Ironic", option: ironic, cause: dispatch.CauseNoConductor, exit: usher.ErrUnavailable, world: func(w *world) {
			w.hosts, w.ringErr = nil, unavailable("NoValidHost", "No valid host was found.")
			w.rows = w.rows[:1]
			w.rows[0].UpdatedAt = time.Now().Add(-time.Hour)
		}, says: []string{"fix: start ironic-conductor on c1"}},
		{name: "one process that is gone", option: func(o *Options) { o.Site.Alone = true }, cause: dispatch.CauseNoConductor, exit: usher.ErrUnavailable,
			world: func(w *world) { w.hosts, w.ringErr = nil, unavailable("NoValidHost", "No valid host was found.") },
			says:  []string{"fix: start 'usher serve' on this host"}},
		{name: "hardware type of nobody", cause: dispatch.CauseNoConductor, exit: usher.ErrUnavailable, world: func(w *world) {
			w.hosts, w.ringErr = nil, unavailable("NoValidHost", "No valid host was found.")
			w.node.Driver, w.node.ConductorGroup = "redfish", "rack1"
			w.rows[1].Group = "rack2"
		}, says: []string{"hardware type redfish of conductor group rack1", "c1 serves ipmi\n", "c2 serves ipmi of group rack2",
			"fix: add redfish to [DEFAULT]enabled_hardware_types of a conductor with [conductor]conductor_group = rack1"}},
		{name: "unreachable", option: ironic, cause: dispatch.CauseUnreachable, exit: usher.ErrUnavailable,
			world: func(w *world) {
				w.evidence["c1"] = silent(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED})
				w.disk = &bootiface.Evidence{Path: "/httpboot/u/config", Found: true, Size: 9, Written: time.Now()}
			}, says: []string{"failed rpc: c1 at c1:8089, gives no answer", "note disk: on this host's disk: /httpboot/u/config, 9 bytes, written 0 s ago",
				"conductor c1 cannot be reached\n",
				"start 'usher conductor' on c1: nothing listens at c1:8089 ([usher]rpc_listen = [::]:8090 here)"}},
		{name: "all unreachable", cause: dispatch.CauseUnreachable, exit: usher.ErrUnavailable, world: func(w *world) {
			w.evidence["c1"], w.evidence["c2"] = silent(context.DeadlineExceeded), silent(syscall.ECONNREFUSED)
		}, says: []string{"c1 at c1:8089, gives no answer within [usher]rpc_timeout = 3 s", "conductors c1 and c2 cannot be reached"}},
		{name: "no such host", option: ironic, cause: dispatch.CauseUnreachable, exit: usher.ErrUnavailable,
			world: func(w *world) {
				w.evidence["c1"] = silent(&net.DNSError{Err: "no such host", Name: "c1"})
				w.disk = &bootiface.Evidence{Path: "/httpboot/u/config"}
			}, says: []string{"nothing at /httpboot/u/config", "[usher]rpc_addresses = c1:ADDRESS"}},
		{name: "locked by the bare name of a conductor with a port", option: ironic, cause: dispatch.CauseServed, world: func(w *world) {
			w.upgrade()
			w.condition.Reservation = "c1"
		}, says: []string{"locked by c1, registered as c1:6189: a lock that it held when it was killed Ironic does not free\n"}},
		{name: "locked by a conductor that is there", option: ironic, cause: dispatch.CauseServed,
			world: func(w *world) { w.condition.Reservation = "c1" }, says: []string{"locked by c1\n"}},
		{name: "locked by a conductor that is gone", option: ironic, cause: dispatch.CauseServed, world: func(w *world) {
			w.condition.Reservation, w.rows[1].UpdatedAt = "c2:6189", time.Now().Add(-time.Hour)
		}, says: []string{"locked by c2:6189, which is silent for 1.0 h\n"}},
		{name: "locked by nobody who is known", option: ironic, cause: dispatch.CauseServed,
			world: func(w *world) { w.condition.Reservation = "c9" }, says: []string{"locked by c9, which is no conductor's name\n"}},
		{name: "a name that is no address", option: ironic, cause: dispatch.CauseUnreachable, exit: usher.ErrUnavailable,
			world: func(w *world) {
				w.hosts = []string{"kolla-1:6189"}
				w.evidence["kolla-1:6189"] = silent(&net.DNSError{Err: "no such host", Name: "kolla-1", IsNotFound: true})
			}, says: []string{"fix: its name does not lead to an address: set [usher]rpc_addresses = kolla-1:ADDRESS here"}},
		{name: "a name that nothing can be called by", option: ironic, cause: dispatch.CauseUnreachable, exit: usher.ErrUnavailable,
			world: func(w *world) {
				w.hosts = []string{"rabbit@c1"}
				w.evidence["rabbit@c1"] = silent(&net.AddrError{Err: "neither an address nor a host name", Addr: "rabbit@c1"})
			}, says: []string{"[usher]rpc_addresses = rabbit@c1:ADDRESS"}},
		{name: "upgraded: the owner prepared it by its old name", option: ironic, cause: dispatch.CauseServed, world: func(w *world) {
			w.upgrade()
			w.node.ConductorAffinity = 1
		}, says: []string{"hardware type ipmi without a conductor group: 2 active\n", "note affinity: c1 prepared the node last (conductor_affinity), and is called c1:6189 now\n"},
			never: "silent"},
		{name: "upgraded: another one prepared it by its old name", option: func(o *Options) {
			ironic(o)
			o.Dispatch.Elsewhere = &dispatch.Elsewhere{Members: renamed{}, HeartbeatTimeout: time.Minute}
		}, cause: dispatch.CauseServed, world: func(w *world) {
			w.upgrade()
			w.node.ConductorAffinity, w.evidence["c1:6189"] = 2, says(usher.Errorf(usher.ErrNotFound, "none"))
		}, says: []string{"and is called c2:6189 now\n", "from c2:6189", "in place of the owner c1:6189"}},
		{name: "certificate", option: ironic, cause: dispatch.CauseUnreachable, exit: usher.ErrUnavailable,
			world: func(w *world) {
				w.evidence["c1"] = silent(&tls.CertificateVerificationError{Err: errors.New("unknown authority")})
			}, says: []string{"[json_rpc]cafile"}},
		{name: "credentials", option: ironic, cause: dispatch.CauseUnreachable, exit: usher.ErrUnavailable,
			world: func(w *world) { w.evidence["c1"] = silent(errors.New("credentials refused (HTTP 401)")) },
			says:  []string{"[json_rpc]username and password"}},
		{name: "no route", option: ironic, cause: dispatch.CauseUnreachable, exit: usher.ErrUnavailable,
			world: func(w *world) { w.evidence["c1"] = silent(errors.New("no route to host")) }, says: []string{"may connect to it"}},
		{name: "hung", option: ironic, cause: dispatch.CauseTimeout, exit: usher.ErrUnavailable,
			world: func(w *world) {
				w.evidence["c1"] = func(ctx context.Context) (bootiface.Evidence, error) {
					<-ctx.Done()
					return bootiface.Evidence{}, fmt.Errorf("%w: %w", usher.ErrUnavailable, ctx.Err())
				}
			}, says: []string{"conductor c1 did not answer within [usher]rpc_timeout = 3 s", "the process hangs"}},
		{name: "one gone, one hung", cause: dispatch.CauseTimeout, exit: usher.ErrUnavailable, world: func(w *world) {
			w.evidence["c1"] = silent(syscall.ECONNREFUSED)
			w.evidence["c2"] = func(ctx context.Context) (bootiface.Evidence, error) {
				<-ctx.Done()
				return bootiface.Evidence{}, fmt.Errorf("%w: %w", usher.ErrUnavailable, ctx.Err())
			}
		}, says: []string{"conductor c2 did not answer within [usher]rpc_timeout = 3 s, and c1 cannot be reached\n", "fix: look at c2 and its log"}},
		{name: "stopping", option: ironic, cause: dispatch.CauseStopping, exit: usher.ErrUnavailable,
			world: func(w *world) {
				w.evidence["c1"] = says(unavailable("ServiceUnavailable", "this conductor is stopping"))
			},
			says: []string{"wait until it is up again"}},
		{name: "its disk is broken", option: ironic, cause: dispatch.CauseStopping, exit: usher.ErrUnavailable,
			world: func(w *world) { w.evidence["c1"] = says(unavailable("ServiceUnavailable", "input/output error")) },
			says:  []string{"conductor c1 cannot do it just now: input/output error", "mend what it says, on that host"}},
		{name: "being prepared", cause: dispatch.CauseNotReady, exit: usher.ErrUnavailable,
			world: func(w *world) {
				w.evidence["c1"] = says(unavailable("TemporaryFailure", "A task is at work on node n1."))
			},
			says: []string{"conductor c1 is not ready: A task is at work on node n1\n", "fix: wait;"}},
		{name: "being fetched", cause: dispatch.CauseNotReady, exit: usher.ErrUnavailable, option: func(o *Options) { o.Dispatch.Failover = false },
			world: func(w *world) {
				w.evidence["c1"] = func(context.Context) (bootiface.Evidence, error) {
					return bootiface.Evidence{Host: "c1", WouldPrepare: true, Sources: []string{"http://images"},
						Problem: bootiface.ProblemOf(unavailable("NoFreeConductorWorker", "The boot files of node n1 are still being prepared."))}, nil
				}
			}, says: []string{"its kernel and ramdisk come from http://images", "Where it stays so, see that c1 can fetch from http://images"}},
		{name: "cannot be prepared", cause: dispatch.CauseNotReady, exit: usher.ErrUnavailable,
			world: func(w *world) {
				w.evidence["c1"] = says(unavailable("TemporaryFailure", "set driver_info/deploy_kernel"))
			},
			says: []string{"each request tries again"}},
		{name: "not readable", option: ironic, cause: dispatch.CauseNotReady, exit: usher.ErrUnavailable,
			world: func(w *world) { w.evidence["c1"] = says(unavailable("TemporaryFailure", "permission denied")) },
			says:  []string{"mend what it says, on that host"}},
		{name: "half", option: ironic, cause: dispatch.CauseNotReady, exit: usher.ErrUnavailable,
			world: func(w *world) {
				w.evidence["c1"] = says(unavailable("TemporaryFailure", "is empty, incomplete or still being written"))
			}, says: []string{"mend what it says"}},
		{name: "unusable", option: ironic, cause: dispatch.CauseBadFile, exit: usher.ErrUnavailable,
			world: func(w *world) {
				w.evidence["c1"] = says(unavailable("IncorrectConfiguration", "The boot file /httpboot/n1/config on c1 is no script."))
			}, says: []string{"conductor c1 has a file that it cannot give to the machine: The boot file /httpboot/n1/config on c1 is no script\n", "fix: correct the template"}},
		{name: "error", cause: dispatch.CauseConductor, exit: usher.ErrUnavailable,
			world: func(w *world) { w.evidence["c1"] = says(errors.New("Unexpected error")) },
			says:  []string{"answers with an error of its own: Unexpected error", "read the log"}},
		{name: "lost", cause: dispatch.CauseLost, exit: usher.ErrUnavailable, option: func(o *Options) {
			ironic(o)
			o.Dispatch.Elsewhere = &dispatch.Elsewhere{Members: gone{}, HeartbeatTimeout: time.Minute}
		}, world: func(w *world) {
			w.node.ConductorAffinity, w.evidence["c1"] = 2, says(usher.Errorf(usher.ErrNotFound, "none"))
			w.rows[1].UpdatedAt = time.Now().Add(-time.Hour)
		}, says: []string{"note affinity: c2 prepared the node last (conductor_affinity), and is silent for 1.0 h\n", "are on conductor c2 only", "fix: start that conductor again; where it is gone for good, openstack baremetal node undeploy n1, which deletes its instance"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				if c.world != nil {
					c.world(w)
				}
				options := []func(*Options){}
				if c.option != nil {
					options = append(options, c.option)
				}
				r := w.explain(t.Context(), c.q, options...)
				text := r.text()
				if r.Cause != c.cause || !errors.Is(r.Exit(), c.exit) || r.Outcome != dispatch.Causes()[c.cause] {
					t.Errorf("%s, %s, exit %v; want %s, exit %v", r.Outcome, r.Cause, r.Exit(), c.cause, c.exit)
				}
				for _, want := range c.says {
					if !strings.Contains(text, want) {
						t.Errorf("no %q in\n%s", want, text)
					}
				}
				if c.never != "" && strings.Contains(text, c.never) {
					t.Errorf("%q in\n%s", c.never, text)
				}
			})
		})
		proven[c.cause] = true
	}
	for cause := range dispatch.Causes() {
		switch cause {
		case dispatch.CauseGone, dispatch.CauseRateLimited: // nothing here meets them
		default:
			if !proven[cause] && cause != "overloaded" {
				t.Errorf("no case for %s", cause)
			}
		}
	}
}

// TestAdviceSaysWhatItDestroys goes through all states: whoever reads a command
// that erases or writes disks, or deletes an instance, reads that it does so.
func TestAdviceSaysWhatItDestroys(t *testing.T) {
	costs := map[string]string{
		"node rebuild":  "writes its disk anew",
		"node deploy ":  "writes its disk anew",
		"node undeploy": "deletes its instance",
		"node provide":  "may erase its disks by cleaning",
		"node clean":    "may erase its disks by cleaning",
		"rebuild":       "writes its disk anew", // also as the name of a verb
		"provide":       "may erase its disks by cleaning",
	}
	seen := map[string]bool{}
	none := says(usher.Errorf(usher.ErrNotFound, "none"))
	for _, state := range []usher.State{
		usher.Enroll, usher.Verifying, usher.Manageable, usher.Available, usher.Deploying, usher.DeployWait,
		usher.DeployFailed, usher.Active, usher.Deleting, usher.ErrorState, usher.Cleaning, usher.CleanWait,
		usher.CleanFailed, usher.Inspecting, usher.InspectWait, usher.InspectFailed, usher.Adopting, usher.AdoptFailed,
		usher.Rescuing, usher.RescueWait, usher.RescueFailed, usher.Rescue, usher.Unrescuing, usher.UnrescueFailed,
		usher.Servicing, usher.ServiceWait, usher.ServiceFailed,
	} {
		for _, restrict := range []bool{true, false} {
			for _, site := range []func(*Options){ironic, func(*Options) {}} {
				w := newWorld()
				w.node.ProvisionState, w.evidence["c1"] = state, none
				text := w.explain(t.Context(), Question{}, site, func(o *Options) { o.Dispatch.Restrict = restrict }).text()
				for command, cost := range costs {
					if !strings.Contains(text, command) {
						continue
					}
					seen[command] = true
					if !strings.Contains(text, cost) {
						t.Errorf("%q, restrict %t: %q without %q in\n%s", state, restrict, command, cost, text)
					}
				}
			}
		}
	}
	delete(costs, "node clean") // only as the name of a verb
	if len(seen) < len(costs) {
		t.Errorf("seen only %v", seen)
	}
	w := newWorld()
	w.node.ProvisionState, w.condition.DeployInterface = usher.DeployFailed, "ramdisk"
	if text := w.explain(t.Context(), Question{}).text(); strings.Contains(text, "disk anew") {
		t.Errorf("a ramdisk deployment writes no disk:\n%s", text)
	}
}

// gone are members of which the second has died.
type gone struct{}

func (gone) Known(context.Context, string, string, string) ([]usher.Conductor, error) {
	return nil, nil
}

func (gone) Conductor(context.Context, int64) (usher.Conductor, bool, error) {
	return usher.Conductor{ID: 2, Hostname: "c2"}, false, nil
}

func (gone) ActiveAs(context.Context, string) ([]usher.Conductor, error) { return nil, nil }

// renamed are members of which the second is registered by another name now.
type renamed struct{ gone }

func (renamed) ActiveAs(context.Context, string) ([]usher.Conductor, error) {
	return []usher.Conductor{{ID: 4, Hostname: "c2:6189"}}, nil
}

// upgrade registers the conductors by their other name, as Ironic 2025.1 does.
func (w *world) upgrade() {
	for i, host := range []string{"c1:6189", "c2:6189"} {
		renamed := w.rows[i]
		renamed.ID, renamed.Hostname = int64(3+i), host
		w.rows[i].UpdatedAt = time.Now().AddDate(0, 0, -26)
		w.rows, w.hosts[i], w.evidence[host] = append(w.rows, renamed), host, there(host)
	}
}

// TestEveryCause holds the table of advice against dispatch's list, and tries
// each row where nothing is known.
func TestEveryCause(t *testing.T) {
	for cause := range dispatch.Causes() {
		row, ok := rows[cause]
		if !ok || row.says == nil {
			t.Errorf("%s has no explanation", cause)
			continue
		}
		for _, site := range []Site{{}, {Ironic: true}, {Alone: true}} {
			e := &explainer{Options: Options{Site: site}, r: &Report{File: "boot.ipxe", Node: &Node{}}, dec: &dispatch.Decision{}}
			if row.says(e) == "" && cause != dispatch.CauseLost {
				t.Errorf("%s is not explained", cause)
			}
			if row.fix == nil && cause != dispatch.CauseGone {
				t.Errorf("%s has no fix", cause)
			} else if row.fix != nil && cause != dispatch.CauseServed && row.fix(e) == "" {
				t.Errorf("%s has an empty fix", cause)
			}
		}
	}
	for cause := range rows {
		if _, ok := dispatch.Causes()[cause]; !ok {
			t.Errorf("%s is no cause of dispatch's", cause)
		}
	}
}

// TestNodeIsReadOnce: the boot interface, which tells the file, is of the same
// row as the decision.
func TestNodeIsReadOnce(t *testing.T) {
	w := newWorld()
	counted := &counting{world: w}
	r := w.explain(t.Context(), Question{}, func(o *Options) { o.Dispatch.Nodes = counted })
	if counted.n != 1 || r.Cause != dispatch.CauseServed {
		t.Errorf("read %d times, %s", counted.n, r.Cause)
	}
}

type counting struct {
	*world
	n int
}

func (c *counting) BootNodeByMAC(ctx context.Context, mac usher.MAC) (usher.BootNode, error) {
	c.n++
	return c.world.BootNodeByMAC(ctx, mac)
}

func TestVerbs(t *testing.T) {
	for _, name := range []string{"manage", "provide", "active", "rebuild", "deleted", "inspect", "clean", "rescue", "unrescue", "service",
		"abort", "adopt"} {
		if e, ok := usher.VerbEvent(name); !ok || !slices.Contains(verbs(), e) {
			t.Errorf("the verb %s is missing", name)
		}
	}
	for state, want := range map[usher.State]string{
		usher.Enroll: "manage provide deploy", usher.Manageable: "provide deploy", usher.Available: "deploy",
		usher.Active: "rebuild", usher.DeployFailed: "deploy", usher.ErrorState: "rebuild", usher.CleanFailed: "manage provide deploy",
		usher.InspectFailed: "manage provide deploy", usher.AdoptFailed: "adopt rebuild", usher.Rescue: "unrescue rebuild",
		usher.RescueFailed: "unrescue rebuild", usher.UnrescueFailed: "unrescue rebuild", usher.ServiceFailed: "abort rebuild",
	} {
		if got := strings.Join(words(toDeployment(state)), " "); got != want {
			t.Errorf("from %q: %s, want %s", state, got, want)
		}
	}
	for state, want := range map[usher.State]string{usher.Manageable: "inspect clean", usher.Active: "rebuild rescue service",
		usher.Available: "deploy", usher.Enroll: "", usher.Rescue: "rescue"} {
		if got := strings.Join(words(booting(state)), " "); got != want {
			t.Errorf("from %q: %q, want %q", state, got, want)
		}
	}
	own, beside := Site{Program: "usher"}, Site{Program: "usher", Ironic: true}
	for _, c := range []struct{ got, want string }{
		{own.command(usher.EventDelete, "n"), "usher node undeploy n"},
		{beside.command(usher.EventDelete, "n"), "openstack baremetal node undeploy n"},
		{own.command(usher.EventManage, "n"), "openstack baremetal node manage n"},
		{beside.command(usher.EventClean, "n"), "openstack baremetal node clean n --clean-steps '[...]'"},
	} {
		if c.got != c.want {
			t.Errorf("%s, want %s", c.got, c.want)
		}
	}
}

func TestNearest(t *testing.T) {
	w := newWorld()
	for _, s := range []string{"52:54:00:12:34:57", "52:54:00:12:34:65", "52:54:00:12:34:60", "52:54:00:12:35:00", "52:54:00:99:00:00", "52:54:00:98:00:00", "d2:54:00:12:34:56"} {
		w.near = append(w.near, usher.KnownAddress{Address: parse(s)})
	}
	w.groups = []usher.KnownAddress{{Address: parse(asked), Portgroup: "bond0"}, {Address: parse("52:54:00:12:34:06"), Portgroup: "-"}}
	found, err := nearest(t.Context(), w, parse(asked))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, k := range found {
		got = append(got, strings.Join(strings.Fields(fmt.Sprint(k.Address, " ", k.Portgroup, " ", k.relation, " ", k.distance)), " "))
	}
	want := []string{"52:54:00:12:34:56 bond0 same 0", "d2:54:00:12:34:56 one_digit 0", "52:54:00:12:34:57 one_digit 1",
		"52:54:00:12:34:06 - one_digit -80", "52:54:00:12:34:65 swapped 15", "52:54:00:12:34:60 beside 10",
		"52:54:00:12:35:00 vendor 170", "52:54:00:98:00:00 vendor 8768426"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("nearest (-want +got):\n%s", diff)
	}
	candidates := alike(parse(asked))
	if len(candidates) > 12*15+12*11/2 || len(candidates) < 12*15 || slices.Contains(candidates, parse(asked)) {
		t.Errorf("%d candidates", len(candidates))
	}
	seen := map[usher.MAC]bool{}
	for _, c := range candidates {
		if relation := relate(parse(asked), c); seen[c] || relation != relationDigit && relation != relationSwap {
			t.Errorf("%v: %s, twice: %t", c, relation, seen[c])
		}
		seen[c] = true
	}
	down := usher.Errorf(usher.ErrUnavailable, "down")
	w.groupsErr = down
	if _, err := nearest(t.Context(), w, parse(asked)); !errors.Is(err, down) {
		t.Errorf("database down: %v", err)
	}
}
