package simulate

import (
	"maps"
	"slices"
)

// profiles are worlds that are difficult in one way, while everything else works: GitHub, the store and the servers answer at
// once, so that what must happen within a bound can be held to it. Every campaign draws some of them.
func profiles() map[string]Rates {
	return map[string]Rates{
		// What happens at GitHub is learned late, twice, or by asking.
		"whispers": {
			WebhookLost: 0.3, WebhookLate: 0.4, WebhookTwice: 0.2, CompletedNeverSent: 0.1, RunCancelled: 15, JobTaken: 30,
			QueueLate: 0.1, QueueTwice: 0.1, LongJob: 0.1,
		},
		// GitHub gives jobs to runners that do not take them, says so, and takes them back.
		"deaf": {
			ListenerDeaf: 0.3, AssignmentLost: 0.2, InProgressEarly: 0.7, WebhookLost: 0.1, WebhookLate: 0.4, WebhookTwice: 0.3,
			RunCompletesEarly: 0.05, IdleRemoved: 0.1, ListenerStopsSlowly: 0.5,
		},
		// The cloud answers late, wrongly or never.
		"silence": {
			ProviderSilent: 8, ProviderForgets: 0.2, TerminateKept: 0.2, NeverBoots: 0.15, SlowBoot: 0.1, SpotReclaim: 12, ListingLags: 0.3,
		},
		// Agents are out of reach while their jobs go on, and GitHub does not say so.
		"cut off": {
			AgentHung: 20, AgentCutOff: 30, AgentKilled: 4, DeletedWhileBusy: 0.8, WebhookLost: 0.3, WebhookLate: 0.3, LongJob: 0.4, ListingGaps: 0.3,
			ListingLags: 1, CompletedNeverSent: 0.1, WorkerLingers: 0.1, ListenerDeaf: 0.2, JobTaken: 10,
		},
		// Bursts that are cancelled and taken, and a store that is slow enough for decisions to overlap.
		"crowd": {StoreSlow: 0.05, QueueTwice: 0.3, RunCancelled: 30, JobTaken: 30, WebhookLate: 0.1, ClockSkew: 1, ProviderPartial: 0.1},
		// Registrations that fail in every way.
		"stubborn": {
			ListenerStubborn: 0.5, AnswerLost: 0.1, MintRefused: 0.1, ListenerStopsSlowly: 0.9, RefusedWhileIdle: 0.3, IdleRemoved: 0.1,
			RunCancelled: 12, JobTaken: 30, WorkerLingers: 0.3,
		},
		// The configuration changes what labels mean, again and again.
		"turns": {SpotReclaim: 10, Rush: 3, Revision: 60, ListenerStubborn: 0.3, WebhookLate: 0.3, AgentCutOff: 6, FewRunners: 1, IndexLags: 1},
		// Calls that fail, or whose answers are lost.
		"weather": {
			GitHubDown: 0.15, GitHubTimeout: 0.2, GitHubLimit: 0.05, StoreTimeout: 0.01, StoreConflict: 0.02, ProviderDown: 0.1, ProviderTimeout: 0.2,
			WebhookLost: 0.1, AgentHung: 20, LongJob: 0.4, QueueTimeout: 0.05, DeletedWhileBusy: 0.5, StoreDown: 0.02,
		},
		// Servers that stop for longer than their leases, while agents and people go on.
		"pauses": {ReplicaPaused: 20, ReplicaKilled: 10, StoreSlow: 0.02, AgentCutOff: 10, RunCancelled: 10, IndexLags: 2, WebhookTwice: 0.2},
	}
}

// Profiles lists the names of the difficult worlds in a stable order.
func Profiles() []string { return slices.Sorted(maps.Keys(profiles())) }

// profile returns the rates of a difficult world, each between half and three halves of what it is on average.
func profile(name string, r stream) Rates {
	out := Rates{}
	average := profiles()[name]
	for _, f := range average.Kinds() {
		out[f] = average[f] * (0.5 + r.r.Float64())
	}
	return out
}
