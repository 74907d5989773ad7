package controller

import (
	"testing"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// TestEndOfAJobEndsItsMachine: rule 6.3 speaks of a completed that names the machine's newest registration, and of nothing else.
func TestEndOfAJobEndsItsMachine(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	m := fleet.Machine{
		State: fleet.MachineWorking, Job: 7,
		Runners: []fleet.Runner{{Name: "a-1", HandedOut: now}, {Name: "a-2", HandedOut: now}},
	}
	for name, c := range map[string]struct {
		state  fleet.JobState
		change fleet.Change
		ends   bool
	}{
		"it ended on its newest registration":                                      {fleet.JobCompleted, fleet.Change{Attribute: "a-2", Ended: true}, true},
		"it ended on an older registration":                                        {fleet.JobCompleted, fleet.Change{Attribute: "a-1", Ended: true}, false},
		"it ended elsewhere, and an in_progress that names the machine comes late": {fleet.JobCompleted, fleet.Change{Attribute: "a-2"}, false},
		"it goes on": {fleet.JobInProgress, fleet.Change{Attribute: "a-2"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			job := fleet.Job{ID: fleet.JobID{ID: 7}, State: c.state}
			if got, _ := attribute(m, job, c.change, now); got.JobEnded.IsZero() == c.ends {
				t.Errorf("the job's end is noted: %v, want %v", !got.JobEnded.IsZero(), c.ends)
			}
		})
	}
}
