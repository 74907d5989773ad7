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
		job    fleet.Job
		runner string
		ends   bool
	}{
		"its newest registration had the job":                      {fleet.Job{State: fleet.JobCompleted, Runner: "a-2"}, "a-2", true},
		"an older registration had it":                             {fleet.Job{State: fleet.JobCompleted, Runner: "a-1"}, "a-1", false},
		"a late in_progress names it, and the job ended elsewhere": {fleet.Job{State: fleet.JobCompleted, Runner: "b-1"}, "a-2", false},
		"the job goes on":                                          {fleet.Job{State: fleet.JobInProgress, Runner: "a-2"}, "a-2", false},
	} {
		t.Run(name, func(t *testing.T) {
			c.job.ID.ID = 7
			if got, _ := attribute(m, c.job, c.runner, now); got.JobEnded.IsZero() == c.ends {
				t.Errorf("the job's end is noted: %v, want %v", !got.JobEnded.IsZero(), c.ends)
			}
		})
	}
}
