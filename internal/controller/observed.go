package controller

import (
	"errors"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/provider"
)

// observeJob tells of a job that was written: fresh is new to the rows, asked was learned from an answer of GitHub.
func (c *Controller) observeJob(j fleet.Job, change fleet.Change, fresh, asked bool) {
	if change.Reopened {
		c.Observer.FellBack(FallbackReopened)
	}
	if !fresh && !change.Moved {
		return
	}
	m := JobMove{State: j.State, Asked: asked}
	switch {
	case j.Over():
		m.Conclusion = j.Conclusion
	case j.State == fleet.JobInProgress && !j.Queued.IsZero():
		m.Started, m.Waited = true, max(0, j.Started.Sub(j.Queued)) // two clocks: GitHub's may be behind ours
	default:
	}
	c.Observer.JobMoved(m)
}

// launchOutcome says what an error of a launch call means.
func launchOutcome(err error) LaunchOutcome {
	switch {
	case err == nil:
		return LaunchAnswered
	case errors.Is(err, provider.ErrInvalid), errors.Is(err, provider.ErrTokenReused):
		return LaunchRefused
	default:
		return LaunchUnanswered
	}
}

// observeFailed tells of places that failed, by the provider's codes; what no code accounts for has none of its own.
func (c *Controller) observeFailed(m fleet.Market, failed int, errs []provider.LaunchError) {
	for _, e := range errs {
		n := min(failed, max(e.Count, 0))
		if n > 0 {
			c.Observer.PlacesSettled(Places{Market: m, Code: e.Code, Count: n})
		}
		failed -= n
	}
	if failed > 0 {
		c.Observer.PlacesSettled(Places{Market: m, Code: codeMissing, Count: failed})
	}
}

// codeMissing stands for places that the provider neither filled nor gave a reason for.
const codeMissing = "Missing"

// observeDeletion tells what came of a request to delete a registration.
func (c *Controller) observeDeletion(answer Deletion, err error) {
	o := DeletionUnknown
	switch {
	case errors.Is(err, ErrNoRunner), err == nil && answer == Absent:
		o = DeletionAbsent
	case err != nil:
	case answer == Deleted:
		o = DeletionDone
	case answer == Busy:
		o = DeletionBusy
	default:
	}
	c.Observer.Deregistered(o)
}
