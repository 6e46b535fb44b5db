package explanation

import (
	"slices"
	"strings"

	"github.com/usher-boot/usher"
)

// verbs are the events that an operator can ask for, the likely ones first.
// TestVerbs holds them against the state machine.
func verbs() []usher.Event {
	return []usher.Event{usher.EventDeploy, usher.EventRebuild, usher.EventProvide, usher.EventManage, usher.EventUnrescue,
		usher.EventRescue, usher.EventService, usher.EventInspect, usher.EventClean, usher.EventAdopt, usher.EventAbort, usher.EventDelete}
}

// toDeployment are the verbs, the fewest, that bring a node from a state at rest
// to where it waits for a deployment's ramdisk; nil where none do.
func toDeployment(from usher.State) []usher.Event {
	type place struct {
		state usher.State
		way   []usher.Event
	}
	known := map[usher.State]bool{from: true}
	for queue := []place{{state: from}}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, verb := range verbs() {
			next, ok := at.state.Next(verb)
			if !ok {
				continue
			}
			way := append(slices.Clone(at.way), verb)
			if wait, ok := next.Next(usher.EventWait); ok && wait == usher.DeployWait {
				return way
			}
			if slices.Contains(booting(at.state), verb) {
				continue // it waits for a ramdisk of another kind: no way to go
			}
			if next = settles(next); !known[next] {
				known[next] = true
				queue = append(queue, place{next, way})
			}
		}
	}
	return nil
}

// settles is the state at rest in which a conductor's work ends.
func settles(s usher.State) usher.State {
	for s.Transient() {
		next, ok := s.Next(usher.EventDone)
		if !ok {
			if next, ok = s.Next(usher.EventClean); !ok { // deleting goes on to cleaning
				return s
			}
		}
		s = next
	}
	return s
}

// booting are the single verbs that make a node in a state at rest wait for a
// ramdisk, besides a cleaning on the way to elsewhere.
func booting(from usher.State) []usher.Event {
	var found []usher.Event
	for _, verb := range verbs() {
		if verb == usher.EventProvide || verb == usher.EventDelete {
			continue
		}
		if next, ok := from.Next(verb); ok {
			if _, waits := next.Next(usher.EventWait); waits {
				found = append(found, verb)
			}
		}
	}
	return found
}

// again is the verb that a node with an instance can be given once more, and
// that keeps the instance's disk.
func again(s usher.State) (verb usher.Event, ok bool) {
	switch s {
	case usher.ServiceFailed:
		return usher.EventService, true
	case usher.RescueFailed, usher.Rescue:
		return usher.EventRescue, true
	case usher.UnrescueFailed:
		return usher.EventUnrescue, true
	case usher.AdoptFailed:
		return usher.EventAdopt, true
	}
	return "", false
}

// losses says what verbs do to the node's disks, for people; empty where they
// leave them alone. A ramdisk deployment writes to no disk.
func losses(verbs []usher.Event, deployInterface string) string {
	var lost []string
	if slices.Contains(verbs, usher.EventDelete) {
		lost = append(lost, "deletes its instance")
	}
	if slices.ContainsFunc(verbs, cleans) {
		lost = append(lost, "may erase its disks by cleaning")
	}
	if deployInterface != "ramdisk" && (slices.Contains(verbs, usher.EventDeploy) || slices.Contains(verbs, usher.EventRebuild)) {
		lost = append(lost, "writes its disk anew")
	}
	return strings.Join(lost, " and ")
}

// cleans says that a verb has the node cleaned, which automated cleaning or
// the steps that are asked for may do by erasing disks.
func cleans(verb usher.Event) bool {
	return verb == usher.EventDelete || verb == usher.EventProvide || verb == usher.EventClean
}

// described are verbs for people, with what they cost a node that has
// something to lose.
func described(verbs []usher.Event, deployInterface string) []string {
	all := words(verbs)
	for i, v := range verbs {
		if v == usher.EventDeploy {
			continue // it is for nodes without an instance
		}
		if lost := losses(verbs[i:i+1], deployInterface); lost != "" {
			all[i] += " (" + lost + ")"
		}
	}
	return all
}

// command is what to type for a verb: usher's own where there is one.
func (s Site) command(verb usher.Event, node string) string {
	word := string(verb)
	if verb == usher.EventDelete {
		word = "undeploy"
	}
	switch {
	case !s.Ironic && (verb == usher.EventDeploy || verb == usher.EventDelete || verb == usher.EventAbort):
		return s.Program + " node " + word + " " + node
	case verb == usher.EventClean:
		return "openstack baremetal node clean " + node + " --clean-steps '[...]'"
	case verb == usher.EventService:
		return "openstack baremetal node service " + node + " --service-steps '[...]'"
	case verb == usher.EventRescue:
		return "openstack baremetal node rescue " + node + " --rescue-password PASSWORD"
	}
	return "openstack baremetal node " + word + " " + node
}

// commands are what to type for verbs in a row.
func (s Site) commands(verbs []usher.Event, node string) []string {
	all := make([]string, len(verbs))
	for i, v := range verbs {
		all[i] = s.command(v, node)
	}
	return all
}

func words(verbs []usher.Event) []string {
	var all []string
	for _, v := range verbs {
		if v == usher.EventDelete {
			v = "undeploy"
		}
		all = append(all, string(v))
	}
	return all
}
