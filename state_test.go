package usher

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTransitions holds the state machine against Ironic's own, both ways.
func TestTransitions(t *testing.T) {
	raw, err := os.ReadFile("testdata/states.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows [][3]string
	if err := json.Unmarshal(raw, &rows); err != nil {
		t.Fatal(err)
	}
	want := map[[3]string]bool{}
	for _, r := range rows {
		want[r] = true
	}
	// Servicing is newer than the Ironic that the golden is from.
	newer := []State{Servicing, ServiceWait, ServiceFailed}
	got := map[[3]string]bool{}
	for from, events := range transitions {
		for event, to := range events {
			if !slices.Contains(newer, from) && !slices.Contains(newer, to) {
				got[[3]string{string(from), string(event), string(to)}] = true
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("state machine differs from Ironic's (-Ironic +Usher):\n%s", diff)
	}
}

func TestMayBoot(t *testing.T) {
	open := []State{DeployWait, CleanWait, InspectWait, RescueWait, ServiceWait}
	for s := range transitions {
		if got, want := MayBoot(s, true), slices.Contains(open, s); got != want {
			t.Errorf("MayBoot(%q, restricted) = %v, want %v", s, got, want)
		}
		if !MayBoot(s, false) {
			t.Errorf("MayBoot(%q, unrestricted) = false", s)
		}
	}
}

func TestTransient(t *testing.T) {
	want := []State{Adopting, Cleaning, Deleting, Deploying, Inspecting, Rescuing, Servicing, Unrescuing, Verifying}
	var got []State
	for s := range transitions {
		if s.Transient() {
			got = append(got, s)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestWaitStates: the list and the rule are the same.
func TestWaitStates(t *testing.T) {
	for state := range transitions {
		if state.Waiting() != slices.Contains(WaitStates(), state) {
			t.Errorf("%q", state)
		}
	}
}
