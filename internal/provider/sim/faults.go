package sim

import (
	"fmt"
	"time"
)

// Faults are what goes wrong, each at a rate of its own: a share of cases between 0 and 1, unless it says per hour. The
// zero value is a cloud without faults. A rate of 0 changes nothing of what the others do.
type Faults struct {
	// Refusals answer calls with an error, before they had any effect.
	Refusals []Refusal
	// LostRequests never arrive, and LostAnswers are of calls that had their effect: both hang until the caller's deadline.
	LostRequests float64
	LostAnswers  float64

	// EmptyPools is the share of pools that a launch finds without capacity, whatever they have.
	EmptyPools float64
	// FailedPlaces is the share of a launch's places that fail while others succeed.
	FailedPlaces float64
	// Drought is the share of time that a pool has no capacity at all, and Swing the most of its capacity that it lacks at
	// other times. Both change every Period (0: never). When the capacity falls below what spot instances use, they are reclaimed.
	Drought float64
	Swing   float64
	Period  time.Duration

	// StaleListings show instances as they were some time ago, at most Lag.
	StaleListings float64
	Lag           time.Duration
	// Hidden is the share of new instances that no call knows for some time, at most HiddenFor.
	Hidden    float64
	HiddenFor time.Duration

	// DeadAtBirth instances end while pending. NeverBoot instances run without any sign of their agent. SlowBoots and
	// SlowStates take ten times as long.
	DeadAtBirth float64
	NeverBoot   float64
	SlowBoots   float64
	SlowStates  float64

	// InterruptionsPerHour is how often a spot instance is reclaimed on average. The share Hinted is preceded by a rebalance
	// recommendation, up to ten minutes earlier; FalseHints is the share of those that nothing follows. Unannounced
	// instances end without a notice: notices are given on a best-effort basis.
	InterruptionsPerHour float64
	Hinted               float64
	FalseHints           float64
	Unannounced          float64

	// LostEvents are never delivered, RepeatedEvents twice, LateEvents up to five minutes later.
	LostEvents     float64
	RepeatedEvents float64
	LateEvents     float64
}

// Refusal is an error that calls get at a rate. Empty fields match every region and action.
type Refusal struct {
	Region string
	Action string // an API action such as CreateFleet
	Code   string // such as RequestLimitExceeded, InternalError or Unavailable
	Rate   float64
}

// slower is how much longer slow things take.
const slower = 10

// Bounds of what is drawn at random.
const (
	hintLead   = 10 * time.Minute
	eventDelay = 5 * time.Minute
)

// Check says whether every rate is one.
func (f Faults) Check() error {
	rates := map[string]float64{
		"LostRequests": f.LostRequests, "LostAnswers": f.LostAnswers, "EmptyPools": f.EmptyPools, "FailedPlaces": f.FailedPlaces,
		"Drought": f.Drought, "Swing": f.Swing, "StaleListings": f.StaleListings, "Hidden": f.Hidden, "DeadAtBirth": f.DeadAtBirth,
		"NeverBoot": f.NeverBoot, "SlowBoots": f.SlowBoots, "SlowStates": f.SlowStates, "Hinted": f.Hinted, "FalseHints": f.FalseHints,
		"Unannounced": f.Unannounced, "LostEvents": f.LostEvents, "RepeatedEvents": f.RepeatedEvents, "LateEvents": f.LateEvents,
	}
	for _, r := range f.Refusals {
		if r.Code == "" {
			return fmt.Errorf("a refusal of %q has no code", r.Action)
		}
		rates["refusal "+r.Code] = max(r.Rate, rates["refusal "+r.Code])
	}
	for name, rate := range rates {
		if rate < 0 || rate > 1 {
			return fmt.Errorf("the fault %s has the rate %g: it must be between 0 and 1", name, rate)
		}
	}
	if f.InterruptionsPerHour < 0 || f.Period < 0 || f.Lag < 0 || f.HiddenFor < 0 {
		return fmt.Errorf("a fault's duration or frequency is negative")
	}
	return nil
}

// refusal decides whether a call is refused.
func (f Faults) refusal(d dice, region, action string) (string, bool) {
	for i, r := range f.Refusals {
		if (r.Region == "" || r.Region == region) && (r.Action == "" || r.Action == action) && d.chance(r.Rate, "refusal", i) {
			return r.Code, true
		}
	}
	return "", false
}
