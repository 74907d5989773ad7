package controller

import (
	"testing"

	"github.com/runs-fleet/runs-fleet/internal/agentapi"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

func TestAPollIsAnsweredBeforeItsAgentGivesUp(t *testing.T) { // rule 3.2, failure mode B5
	longest := agentapi.PollWait + githubDeadline // a registration that begins at the end of the hold
	if longest >= agentapi.PollTimeout {
		t.Errorf("a poll may take %s, and the agent waits for %s: its answer, and a registration, would be lost", longest, agentapi.PollTimeout)
	}
	if agentapi.PollTimeout >= fleet.LeaseLocal {
		t.Errorf("a poll that is lost takes %s, and the lease lasts %s", agentapi.PollTimeout, fleet.LeaseLocal)
	}
	if fleet.RenewLocal+agentapi.PollTimeout >= fleet.LeaseLocal {
		t.Errorf("one lost poll ends a lease of %s that was renewed %s before", fleet.LeaseLocal, fleet.RenewLocal)
	}
}
