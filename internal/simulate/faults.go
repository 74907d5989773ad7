package simulate

import (
	"maps"
	"slices"
	"time"
)

// Fault is a way in which the world misbehaves.
type Fault string

// The faults. Those of GitHub's own state machine are given to it; all others are made here.
const (
	WebhookLost         Fault = "webhook-lost"          // attempted or not: it never arrives
	WebhookLate         Fault = "webhook-late"          // by minutes
	WebhookTwice        Fault = "webhook-twice"         // the same delivery again, much later
	CompletedNeverSent  Fault = "completed-never-sent"  // of a job
	GitHubDown          Fault = "github-5xx"            // nothing happened
	GitHubTimeout       Fault = "github-timeout"        // it happened, and no answer came
	GitHubLimit         Fault = "github-limit"          // turned away for budget
	BusyLags            Fault = "busy-lags"             // `busy` is false for a while after an assignment
	DeletedWhileBusy    Fault = "deleted-while-busy"    // 204 although the runner is busy
	RefusedWhileIdle    Fault = "refused-while-idle"    // 422 although it is idle
	IdleRemoved         Fault = "idle-removed"          // an idle registration vanishes
	AssignmentLost      Fault = "assignment-lost"       // the message never reaches the runner; re-queued after a minute
	InProgressEarly     Fault = "in-progress-early"     // told at the assignment, and taken back if it is not acquired
	RunCompletesEarly   Fault = "run-completes-early"   // while this job stays queued
	JobTaken            Fault = "job-taken"             // by a runner that is not ours
	RunCancelled        Fault = "run-cancelled"         // by a person
	MintRefused         Fault = "mint-refused"          // 403 for a demand, for a while
	QueueTwice          Fault = "queue-twice"           // a message is delivered twice
	QueueLate           Fault = "queue-late"            // or late
	QueueTimeout        Fault = "queue-timeout"         // it happened, and no answer came
	StoreConflict       Fault = "store-conflict"        // a concurrent transaction got in the way
	StoreTimeout        Fault = "store-timeout"         // it happened, and no answer came
	StoreDown           Fault = "store-down"            // nothing happened
	StoreSlow           Fault = "store-slow"            // seconds instead of milliseconds
	IndexLags           Fault = "index-lags"            // by seconds
	ProviderDown        Fault = "provider-down"         // throttled: nothing happened
	ProviderTimeout     Fault = "provider-timeout"      // it happened, and no answer came
	ProviderPartial     Fault = "provider-partial"      // errors together with instances
	ProviderSilent      Fault = "provider-silent"       // everything happens, and no answer comes, for minutes
	ProviderEmpty       Fault = "provider-empty"        // no capacity for a while
	ListingLags         Fault = "listing-lags"          // new instances are listed late
	SpotReclaim         Fault = "spot-reclaim"          // the provider ends an instance
	NeverBoots          Fault = "never-boots"           // an instance that says nothing
	SlowBoot            Fault = "slow-boot"             // minutes
	ReplicaKilled       Fault = "replica-killed"        // at any step, and started again
	ReplicaPaused       Fault = "replica-paused"        // past every lease
	ReplicaRolled       Fault = "replica-rolled"        // stopped and started in an orderly way
	ClockSkew           Fault = "clock-skew"            // by seconds
	AgentKilled         Fault = "agent-killed"          // its listener and its job die with it
	AgentHung           Fault = "agent-hung"            // it says nothing more; its listener and its job go on
	AgentCutOff         Fault = "agent-cut-off"         // from us, not from GitHub, for a while
	AnswerLost          Fault = "answer-lost"           // of a hello or a poll
	ListenerStubborn    Fault = "listener-never-starts" // it does not connect
	Revision            Fault = "revision"              // the configuration changes what labels mean
	FewRunners          Fault = "few-runners"           // the environment may have a dozen machines only
	ListenerStopsSlowly Fault = "listener-stops-slowly" // and takes a job meanwhile
	ListenerDeaf        Fault = "listener-deaf"         // it is connected and takes no job that it is sent
	WorkerLingers       Fault = "worker-lingers"        // for minutes after GitHub was told that its job ended
	LongJob             Fault = "long-job"              // a quarter of an hour and more
	ProviderForgets     Fault = "provider-forgets"      // an answer calls a place failed whose instance exists
	TerminateKept       Fault = "terminate-kept"        // a termination is answered, and nothing happens
	Rush                Fault = "rush"                  // dozens of jobs at once
	ListingGaps         Fault = "listing-gaps"          // an instance is missing from listings for minutes
)

// Rates say how often each fault happens: a probability for each occasion, or, for what strikes by itself (replicas, agents,
// reclaims, jobs taken), how many an hour.
type Rates map[Fault]float64

// Kinds lists the faults of the rates in a stable order.
func (r Rates) Kinds() []Fault {
	var kinds []Fault
	for _, f := range slices.Sorted(maps.Keys(r)) {
		if r[f] > 0 {
			kinds = append(kinds, f)
		}
	}
	return kinds
}

// Without returns the rates with one fault switched off.
func (r Rates) Without(f Fault) Rates {
	out := maps.Clone(r)
	delete(out, f)
	return out
}

// typical is how often each fault happens in a world in which it is on: often enough to be met, seldom enough that
// work gets done. A world draws each rate between a third and four times this.
func typical() Rates {
	return Rates{
		WebhookLost: 0.1, WebhookLate: 0.1, WebhookTwice: 0.1, CompletedNeverSent: 0.1,
		GitHubDown: 0.05, GitHubTimeout: 0.05, GitHubLimit: 0.02, BusyLags: 1, DeletedWhileBusy: 0.3, RefusedWhileIdle: 0.1,
		IdleRemoved: 0.1, AssignmentLost: 0.05, InProgressEarly: 0.3, RunCompletesEarly: 0.03, JobTaken: 6, RunCancelled: 3, MintRefused: 0.02,
		QueueTwice: 0.1, QueueLate: 0.05, QueueTimeout: 0.02,
		StoreConflict: 0.01, StoreTimeout: 0.003, StoreDown: 0.003, StoreSlow: 0.005, IndexLags: 1,
		ProviderDown: 0.1, ProviderTimeout: 0.1, ProviderPartial: 0.15, ProviderEmpty: 2, ProviderSilent: 2,
		ListingLags: 1, SpotReclaim: 3, NeverBoots: 0.05, SlowBoot: 0.05,
		ReplicaKilled: 12, ReplicaPaused: 6, ReplicaRolled: 2, ClockSkew: 1,
		AgentKilled: 3, AgentHung: 3, AgentCutOff: 4, AnswerLost: 0.015, ListenerStubborn: 0.05, ListenerStopsSlowly: 0.5, Revision: 3, FewRunners: 1,
		ListenerDeaf: 0.05, WorkerLingers: 0.05, LongJob: 0.04, ProviderForgets: 0.05, TerminateKept: 0.05, ListingGaps: 0.05, Rush: 0.5,
	}
}

// drawRates chooses which faults are on in a world, and how strongly. Many worlds have a few strong ones, so that it shows
// what each does; in others a third of all are on; some have all of them, some none, and some are meant to be difficult.
func drawRates(r stream) Rates {
	all := typical()
	kinds := slices.Sorted(maps.Keys(all))
	out := Rates{}
	switch kind := r.below(16); {
	case kind == 0:
	case kind <= 5:
		for range 2 + r.below(4) {
			f := kinds[r.below(len(kinds))]
			out[f] = all[f] * (1 + r.r.Float64()*3)
		}
	case kind <= 9:
		names := Profiles()
		return profile(names[r.below(len(names))], r)
	default:
		share := 0.3
		if kind == 15 {
			share = 1
		}
		for _, f := range kinds {
			on, strength := r.chance(share), 1/3.0+r.r.Float64()*8/3
			if on {
				out[f] = all[f] * strength
			}
		}
	}
	return out
}

// perHour returns when an event that happens so many times an hour happens next.
func perHour(r stream, rate float64) time.Duration {
	wait := r.r.ExpFloat64()
	if rate <= 0 {
		return 0
	}
	return time.Duration(wait / rate * float64(time.Hour))
}
