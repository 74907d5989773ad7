package telemetry

import (
	"context"
	"math"
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/github"
	"github.com/runs-fleet/runs-fleet/internal/record"
)

// machinesByState counts the live machines; states without any are there with 0.
func machinesByState(ctx context.Context, records *record.Records) (map[string]int, error) {
	machines, err := records.LiveMachines(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]int{}
	for _, s := range liveStates() {
		out[string(s)] = 0
	}
	for _, m := range machines {
		if m.State != fleet.MachineGone && m.State != fleet.MachineFailed { // the list may lag
			out[string(m.State)]++
		}
	}
	return out, nil
}

func emitMachines(ctx context.Context, machines *recent[map[string]int], emit emitFloat) error {
	all, err := machines.get(ctx)
	if err != nil {
		return err
	}
	for state, n := range all {
		emit(float64(n), state)
	}
	return nil
}

// gitHubCalls adds the accounts up: an installation's id would be a label without a bound.
func gitHubCalls(accounts []github.Usage, emit emitInt) {
	for _, class := range github.Classes() {
		for _, status := range github.Statuses() {
			var n uint64
			for _, a := range accounts {
				n += a.Answers[class][status]
			}
			emit(count(n), class, status)
		}
	}
}

// gitHubBudget gives the least that any account has left. A window that is over has its whole budget back, which nobody
// has told yet.
func gitHubBudget(accounts []github.Usage, now time.Time, emit emitFloat) error {
	least := map[string]int{}
	for _, a := range accounts {
		for _, l := range a.Limits {
			left := l.Remaining
			if !now.Before(l.Reset) {
				left = l.Limit
			}
			name := Label{labelResource, resources()}.value(l.Resource)
			if was, known := least[name]; !known || left < was {
				least[name] = left
			}
		}
	}
	for name, left := range least {
		emit(float64(left), name)
	}
	return nil
}

func gitHubPause(accounts []github.Usage, now time.Time, emit emitFloat) error {
	longest := time.Duration(0)
	for _, a := range accounts {
		longest = max(longest, a.PausedUntil.Sub(now))
	}
	emit(longest.Seconds())
	return nil
}

// count is a count as the SDK takes it.
func count(n uint64) int64 {
	if n > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(n)
}
