package conductor_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usher-boot/usher"
	"github.com/usher-boot/usher/internal/conductor"
)

// cleaning turns [conductor]automated_clean on.
func cleaning(o *conductor.Options) { o.Settings.AutomatedClean = true }

func deployInterface(name string) func(*usher.Node) {
	return func(n *usher.Node) { n.DeployInterface = name }
}

// TestVerbs walks nodes through the state machine, one verb or heartbeat
// after the other, and looks at what is prepared in each state.
func TestVerbs(t *testing.T) {
	const beat = "(heartbeat)"
	type step struct {
		verb string
		want usher.State
		file string // a word of the boot file; empty: there must be none
	}
	instance := func(info map[string]any) func(*world, *usher.Node) {
		return func(w *world, n *usher.Node) {
			n.DeployInterface, n.InstanceInfo = "ramdisk", map[string]any{}
			for k, v := range info {
				n.InstanceInfo[k] = w.images.URL + v.(string)
			}
		}
	}
	for _, c := range []struct {
		name   string
		from   usher.State
		node   func(*world, *usher.Node)
		option func(*conductor.Options)
		steps  []step
	}{
		{name: "direct, without cleaning", from: usher.Enroll, steps: []step{
			{"manage", usher.Manageable, ""}, {"provide", usher.Available, ""},
			{"active", usher.DeployWait, "deploy_kernel"}, {beat, usher.Active, "sanboot --no-describe"},
			{"rebuild", usher.DeployWait, "deploy_kernel"}, {beat, usher.Active, "local disk"},
			{"deleted", usher.Available, ""}, {"manage", usher.Manageable, ""}}},
		{name: "custom-agent, with cleaning", from: usher.Enroll, option: cleaning,
			node: func(_ *world, n *usher.Node) { n.DeployInterface = "custom-agent" }, steps: []step{
				{"manage", usher.Manageable, ""}, {"provide", usher.CleanWait, "deploy_kernel"}, {beat, usher.Available, ""},
				{"active", usher.DeployWait, "deploy_kernel"}, {beat, usher.Active, "local disk"},
				{"deleted", usher.CleanWait, "deploy_kernel"}, {beat, usher.Available, ""}}},
		{name: "ramdisk of kernel and ramdisk", from: usher.Available, node: instance(map[string]any{"kernel": "/ik", "ramdisk": "/ir"}),
			steps: []step{{"active", usher.Active, "/kernel root=/dev/ram0"}, {"rebuild", usher.Active, "/kernel root=/dev/ram0"},
				{"rescue", usher.RescueWait, "rescue_kernel"}, {beat, usher.Rescue, ""}, {"unrescue", usher.Active, "/kernel root=/dev/ram0"},
				{"deleted", usher.Available, ""}}},
		{name: "ramdisk of an ISO", from: usher.Available, node: instance(map[string]any{"boot_iso": "/iso"}),
			steps: []step{{"active", usher.Active, "/boot_iso"}, {"deleted", usher.Available, ""}}},
		{name: "rescue", from: usher.Active, steps: []step{
			{"rescue", usher.RescueWait, "rescue_ramdisk"}, {beat, usher.Rescue, ""}, {"rescue", usher.RescueWait, "rescue_kernel"},
			{"abort", usher.RescueFailed, ""}, {"unrescue", usher.Active, "local disk"},
			{"rescue", usher.RescueWait, "rescue_kernel"}, {"deleted", usher.Available, ""}}},
		{name: "clean by hand", from: usher.Manageable, steps: []step{
			{"clean", usher.CleanWait, "deploy_kernel"}, {beat, usher.Manageable, ""}, {"clean", usher.CleanWait, "deploy_kernel"},
			{"abort", usher.CleanFailed, ""}, {"manage", usher.Manageable, ""}}},
		{name: "inspect", from: usher.Manageable, steps: []step{
			{"inspect", usher.InspectWait, "deploy_kernel"}, {beat, usher.Manageable, ""}, {"inspect", usher.InspectWait, "deploy_kernel"},
			{"abort", usher.InspectFailed, ""}, {"inspect", usher.InspectWait, "deploy_kernel"}, {"abort", usher.InspectFailed, ""},
			{"manage", usher.Manageable, ""}}},
		{name: "service", from: usher.Active, steps: []step{
			{"service", usher.ServiceWait, "deploy_kernel"}, {beat, usher.Active, "local disk"}, {"service", usher.ServiceWait, "deploy_kernel"},
			{"abort", usher.ServiceFailed, ""}, {"abort", usher.Active, "local disk"}, {"service", usher.ServiceWait, "deploy_kernel"},
			{"deleted", usher.Available, ""}}},
		{name: "adopt", from: usher.Manageable, steps: []step{
			{"adopt", usher.Active, "local disk"}, {"deleted", usher.Available, ""}}},
		{name: "deleted while waiting", from: usher.Available, steps: []step{
			{"active", usher.DeployWait, "deploy_kernel"}, {"deleted", usher.Available, ""}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			h := w.conductor("one", "", func(o *conductor.Options) {
				if c.option != nil {
					c.option(o)
				}
			})
			n := w.node(c.from, func(n *usher.Node) {
				if c.node != nil {
					c.node(w, n)
				}
			})
			for _, s := range c.steps {
				var got *usher.Node
				if s.verb == beat {
					got = h.beat(n.UUID, s.want)
				} else {
					got = h.do(n.UUID, s.verb, s.want)
				}
				if got.LastError != "" {
					t.Errorf("%s: last error %q", s.verb, got.LastError)
				}
				if file := h.file(n.UUID); (file == "") != (s.file == "") || !strings.Contains(file, s.file) {
					t.Fatalf("after %s, %q: boot file must have %q, is\n%s", s.verb, s.want, s.file, file)
				}
				text, err := h.GetBootConfig(t.Context(), n.UUID, "boot.ipxe")
				if text != h.file(n.UUID) || (s.file == "") != errors.Is(err, usher.ErrNotFound) {
					t.Errorf("after %s, %q: served %q, %v", s.verb, s.want, text, err)
				}
			}
			if got := w.get(n.UUID); got.ProvisionState == usher.Available && len(got.InstanceInfo) > 0 {
				t.Errorf("instance_info survived deletion: %v", got.InstanceInfo)
			}
		})
	}
}

// TestWrongVerbs: every verb that the table does not allow is refused in
// Ironic's words and changes nothing.
func TestWrongVerbs(t *testing.T) {
	w := newWorld(t)
	h := w.conductor("one", "")
	n := w.node(usher.Enroll)
	for _, state := range []usher.State{usher.Enroll, usher.Available, usher.Active, usher.DeployWait, usher.CleanFailed} {
		before := w.change(n.UUID, func(n *usher.Node) { n.ProvisionState = state })
		for _, verb := range []string{"manage", "provide", "active", "rebuild", "deleted", "inspect", "clean", "rescue", "unrescue",
			"service", "abort", "adopt"} {
			if _, ok := state.Next(action(verb).Event); ok {
				continue
			}
			err := h.ProvisionAction(t.Context(), n.UUID, action(verb))
			want := fmt.Sprintf("The requested action %q can not be performed on node %q while it is in state %q.", verb, n.UUID, state)
			if e, ok := errors.AsType[*usher.Error](err); !ok || e.Class != "InvalidStateRequested" || e.Kind != usher.ErrInvalid || e.Message != want {
				t.Errorf("%s in %q: %v", verb, state, err)
			}
		}
		after := w.get(n.UUID)
		after.UpdatedAt = before.UpdatedAt
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("wrong verbs in %q changed the node:\n%s", state, diff)
		}
	}
}

func wantClass(t *testing.T, err error, kind error, class string) {
	t.Helper()
	if e, ok := errors.AsType[*usher.Error](err); !ok || e.Class != class || !errors.Is(err, kind) {
		t.Errorf("got %v (%#v), want %v of class %s", err, err, kind, class)
	}
}

func TestMaintenance(t *testing.T) {
	w := newWorld(t)
	h := w.conductor("one", "")
	n := w.node(usher.Available, func(n *usher.Node) { n.Maintenance = true })
	wantClass(t, h.ProvisionAction(t.Context(), n.UUID, action("active")), usher.ErrInvalid, "NodeInMaintenance")
	h.do(n.UUID, "manage", usher.Manageable)

	for state, want := range map[usher.State]struct {
		state usher.State
		words string
	}{
		usher.DeployWait:  {usher.DeployFailed, "Deploy aborted as node is in maintenance mode"},
		usher.CleanWait:   {usher.CleanFailed, "Cleaning aborted as node is in maintenance mode"},
		usher.RescueWait:  {usher.RescueFailed, "Rescue aborted as node is in maintenance mode"},
		usher.InspectWait: {usher.InspectWait, ""},
	} {
		w.change(n.UUID, func(n *usher.Node) { n.ProvisionState, n.LastError = state, "" })
		if got := h.beat(n.UUID, want.state); got.LastError != want.words {
			t.Errorf("heartbeat in %q: last error %q, want %q", state, got.LastError, want.words)
		}
	}
}

// TestMissingParameters: what cannot be booted is said while the client
// listens, and by Validate.
func TestMissingParameters(t *testing.T) {
	w := newWorld(t)
	h := w.conductor("one", "")
	n := w.node(usher.Available, func(n *usher.Node) { n.DriverInfo = map[string]any{"deploy_kernel": "http://x/k"} })
	wantClass(t, h.ProvisionAction(t.Context(), n.UUID, action("active")), usher.ErrInvalid, "MissingParameterValue")
	verdict, err := h.Validate(t.Context(), n.UUID)
	if err != nil || verdict["boot"].Result || !strings.Contains(verdict["boot"].Reason, "deploy_ramdisk") {
		t.Errorf("Validate: %v, %v", verdict, err)
	}
	w.change(n.UUID, deployInterface("ramdisk"))
	wantClass(t, h.ProvisionAction(t.Context(), n.UUID, action("active")), usher.ErrInvalid, "MissingParameterValue")
	w.change(n.UUID, func(n *usher.Node) { n.ProvisionState = usher.Manageable })
	if got := h.do(n.UUID, "adopt", usher.AdoptFailed); !strings.Contains(got.LastError, "instance_info/kernel") {
		t.Errorf("adopting a node with nothing to boot: last error %q", got.LastError)
	}
	if got := w.get(n.UUID); got.ProvisionState != usher.AdoptFailed || got.Reservation != "" {
		t.Errorf("node %+v", got)
	}
}

func TestLocks(t *testing.T) {
	w := newWorld(t)
	h := w.conductor("one", "")
	w.rings.set("one", "two")
	n := w.node(usher.Enroll)
	if _, err := w.store.ReserveNode(t.Context(), n.UUID, "two"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond) // not all attempts
	defer cancel()
	wantClass(t, h.ProvisionAction(ctx, n.UUID, action("manage")), usher.ErrConflict, "NodeLocked")
	if got := w.get(n.UUID); got.Reservation != "two" || got.ProvisionState != usher.Enroll {
		t.Errorf("locked node was touched: %+v", got)
	}
	w.rings.set("one") // two is gone
	h.do(n.UUID, "manage", usher.Manageable)

	// A lock of this host that no task has: an earlier one could not release.
	if _, err := w.store.ReserveNode(t.Context(), n.UUID, "one"); err != nil {
		t.Fatal(err)
	}
	h.do(n.UUID, "provide", usher.Available)
}

func TestTokens(t *testing.T) {
	w := newWorld(t)
	h := w.conductor("one", "")
	n := w.node(usher.Available)
	h.do(n.UUID, "active", usher.DeployWait)
	w.change(n.UUID, func(n *usher.Node) { n.DriverInternalInfo = map[string]any{"agent_secret_token": "right"} })
	for _, token := range []string{"", "wrong", "righ", "right "} {
		err := h.Heartbeat(t.Context(), n.UUID, usher.Heartbeat{CallbackURL: "http://x", AgentToken: token})
		wantClass(t, err, usher.ErrInvalid, "InvalidParameterValue")
	}
	if got := w.get(n.UUID); got.ProvisionState != usher.DeployWait {
		t.Fatalf("a wrong token moved the node to %q", got.ProvisionState)
	}
	if err := h.Heartbeat(t.Context(), n.UUID, usher.Heartbeat{AgentToken: "right", AgentStatus: "start"}); err != nil {
		t.Fatal(err)
	}
	w.settled(n.UUID, usher.DeployWait)
	if err := h.Heartbeat(t.Context(), n.UUID, usher.Heartbeat{CallbackURL: "http://x", AgentToken: "right"}); err != nil {
		t.Fatal(err)
	}
	w.settled(n.UUID, usher.Active)
	// A ramdisk that is left running has nothing to say any more.
	if err := h.Heartbeat(t.Context(), n.UUID, usher.Heartbeat{AgentToken: "right"}); err != nil {
		t.Error(err)
	}
	// The next ramdisk gets a token of its own.
	if got := h.do(n.UUID, "rebuild", usher.DeployWait); got.DriverInternalInfo["agent_secret_token"] != nil {
		t.Errorf("the old token lives on: %v", got.DriverInternalInfo)
	}
	w.change(n.UUID, func(n *usher.Node) { n.DriverInternalInfo = map[string]any{"agent_secret_token": "new"} })
	if err := h.Heartbeat(t.Context(), n.UUID, usher.Heartbeat{AgentToken: "new", AgentStatus: "error", AgentStatusMessage: "no disk"}); err != nil {
		t.Fatal(err)
	}
	if got := w.settled(n.UUID, usher.DeployFailed); got.LastError != "The ramdisk reported a failure: no disk" {
		t.Errorf("last error %q", got.LastError)
	}
}

// TestParameters: the boot file holds this node's own parameters, from the
// first place that has any.
func TestParameters(t *testing.T) {
	for _, c := range []struct {
		name             string
		driver, instance any
		want, not        string
	}{
		{"configured", nil, nil, "text nofb configured ipa-api-url=http://one:6386 BOOTIF=${mac}", ""},
		{"driver_info", "mine=1", nil, "text mine=1 ipa-api-url=", "configured"},
		{"instance_info first", "mine=1", "yours=2", "text yours=2 ipa-api-url=", "mine"},
		{"default in the middle", "a %default% b", nil, "text a nofb configured b ipa-api-url=", "%"},
		{"none at all", "", nil, "text ipa-api-url=", "configured"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			h := w.conductor("one", "")
			n := w.node(usher.Available, func(n *usher.Node) {
				if c.driver != nil {
					n.DriverInfo["kernel_append_params"] = c.driver
				}
				if c.instance != nil {
					n.InstanceInfo = map[string]any{"kernel_append_params": c.instance}
				}
			})
			other := w.node(usher.Available, func(n *usher.Node) {
				n.UUID, n.Name = strings.Replace(n.UUID, "501", "502", 1), "n2"
				n.DriverInfo["kernel_append_params"] = "of-the-other"
			})
			h.do(other.UUID, "active", usher.DeployWait)
			h.do(n.UUID, "active", usher.DeployWait)
			text, err := h.GetBootConfig(t.Context(), n.UUID, "boot.ipxe")
			if err != nil || !strings.Contains(text, c.want) || c.not != "" && strings.Contains(text, c.not) || strings.Contains(text, "of-the-other") {
				t.Errorf("%v: want %q and not %q in\n%s", err, c.want, c.not, text)
			}
			if !strings.Contains(text, " http://one:6386/images/"+digest("/k")+"/deploy_kernel ") {
				t.Errorf("the kernel is not this node's on this conductor:\n%s", text)
			}
			kernel, err := os.ReadFile(filepath.Join(h.root, "images", digest("/k"), "image"))
			if err != nil || string(kernel) != "image /k" {
				t.Errorf("kernel on disk: %q, %v", kernel, err)
			}
		})
	}
}

func TestDestroyNode(t *testing.T) {
	w := newWorld(t)
	h := w.conductor("one", "")
	n := w.node(usher.Available)
	h.do(n.UUID, "active", usher.DeployWait)
	wantClass(t, h.DestroyNode(t.Context(), n.UUID), usher.ErrConflict, "InvalidState")
	if h.file(n.UUID) == "" {
		t.Error("a refused deletion took the boot file")
	}
	w.change(n.UUID, func(n *usher.Node) { n.Maintenance = true })
	if err := h.DestroyNode(t.Context(), n.UUID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.store.Node(t.Context(), n.UUID); !errors.Is(err, usher.ErrNotFound) {
		t.Errorf("node after its deletion: %v", err)
	}
	if _, err := h.GetBootConfig(t.Context(), n.UUID, "boot.ipxe"); !errors.Is(err, usher.ErrNotFound) {
		t.Errorf("boot file of a deleted node: %v", err)
	}
}
