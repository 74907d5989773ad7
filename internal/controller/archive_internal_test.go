package controller

import (
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// GitHub keeps the runner of a machine that died busy for many minutes, each a reason to put the next look off; a provider
// does not remember for so long what the machine printed.
func TestALogIsArchivedBeforeABusyRunnerIsAskedForAgain(t *testing.T) {
	now := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	m := fleet.Machine{State: fleet.MachineGone, Ended: now, Archive: now, Again: now.Add(fleet.AskAgain), Runners: []fleet.Runner{{Name: "busy"}}}
	if at, what := firstLook(m); what != lookArchive || at.After(m.Again) {
		t.Errorf("look %d at %s, want the archive's", what, at)
	}
	m.Archive = m.Again.Add(archiveAgain) // it failed
	if _, what := firstLook(m); what != lookDelete {
		t.Errorf("look %d, want the deletion, which waits for no archive", what)
	}
	m.Archive = time.Time{}
	if _, what := firstLook(m); what != lookDelete {
		t.Errorf("look %d, want the deletion", what)
	}
}

func TestWhoseConsoleIsWorthKeeping(t *testing.T) {
	for name, tt := range map[string]struct {
		m    fleet.Machine
		want bool
	}{
		"failed":               {fleet.Machine{Code: "BootTimeout", Retire: &fleet.Retirement{}}, true},
		"ended by itself":      {fleet.Machine{}, true},
		"silent":               {fleet.Machine{Retire: &fleet.Retirement{Silent: true}}, true},
		"its job ended":        {fleet.Machine{Retire: &fleet.Retirement{Goodbye: true}}, false},
		"nobody needed it":     {fleet.Machine{Retire: &fleet.Retirement{Confirmed: true}}, false},
		"an operator ended it": {fleet.Machine{Retire: &fleet.Retirement{Cleared: true}}, false},
	} {
		if got := endedBadly(tt.m); got != tt.want {
			t.Errorf("%s: %t, want %t", name, got, tt.want)
		}
	}
}
