package telemetry

import (
	"time"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

var _ controller.Observer = (*Telemetry)(nil)

// JobMoved implements controller.Observer.
func (t *Telemetry) JobMoved(m controller.JobMove) {
	source := sourceWebhook
	if m.Asked {
		source = sourceQuestion
	}
	t.add(nameJobMoves, 1, string(m.State), conclusion(m), source)
	if m.Started {
		t.record(nameQueueTime, m.Waited.Seconds())
	}
}

// conclusion is the label's word for how a job ended.
func conclusion(m controller.JobMove) string {
	switch {
	case m.State != fleet.JobCompleted, m.Conclusion == "":
		return none
	case m.Conclusion == "run over":
		return conclusionRunOver
	default:
		return m.Conclusion
	}
}

// LaunchCalled implements controller.Observer.
func (t *Telemetry) LaunchCalled(c controller.LaunchCall) {
	t.add(nameLaunchCalls, 1, market(c.Market), string(c.Outcome))
	for _, w := range c.Waits {
		t.record(nameLaunchWait, w.Seconds())
	}
}

// PlacesSettled implements controller.Observer.
func (t *Telemetry) PlacesSettled(p controller.Places) {
	t.add(namePlaces, int64(p.Count), market(p.Market), placeOutcome(p.Code))
}

// MachineReady implements controller.Observer.
func (t *Telemetry) MachineReady(m fleet.Market, boot time.Duration) {
	t.record(nameBootTime, boot.Seconds(), market(m))
}

// MachineEnded implements controller.Observer.
func (t *Telemetry) MachineEnded(e controller.MachineEnd) {
	t.add(nameEnded, 1, string(e.State), string(e.Reason))
	if !e.Worked {
		t.add(nameSurplus, 1, string(e.Reason))
	}
}

// Minted implements controller.Observer.
func (t *Telemetry) Minted(o controller.MintOutcome) { t.add(nameMints, 1, string(o)) }

// Deregistered implements controller.Observer.
func (t *Telemetry) Deregistered(o controller.DeletionOutcome) { t.add(nameDeletions, 1, string(o)) }

// Reconciled implements controller.Observer.
func (t *Telemetry) Reconciled(took time.Duration, conflicts int) {
	t.record(nameReconcile, took.Seconds())
	t.add(nameConflicts, int64(conflicts))
}

// Swept implements controller.Observer.
func (t *Telemetry) Swept(s controller.Sweep, took time.Duration, err error) {
	t.record(nameSweep, took.Seconds(), string(s))
	if err != nil {
		t.add(nameSweepErrors, 1, string(s))
	}
}

// FellBack implements controller.Observer, and serves the adapters as well.
func (t *Telemetry) FellBack(f controller.Fallback) { t.add(nameFallbacks, 1, string(f)) }

func market(m fleet.Market) string {
	if m == fleet.AnyMarket {
		return anyMarket
	}
	return string(m)
}
