package telemetry

import (
	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Table returns every metric of the fleet, in the order in which docs/metrics.md lists them.
func Table() []Metric {
	return append(append(append(jobMetrics(), machineMetrics()...), gitHubMetrics()...), workMetrics()...)
}

func jobMetrics() []Metric {
	return []Metric{
		{
			Name: nameDeliveries, Kind: Counter, Unit: "{delivery}",
			Help:   "Webhook deliveries by what became of them. Absent while jobs are found by asking GitHub only.",
			Labels: []Label{{labelOutcome, deliveryOutcomes()}},
		},
		{
			Name: nameJobMoves, Kind: Counter, Unit: "{move}",
			Help: "Jobs that were learned of with a state, or changed to it; conclusion is none until a job is completed; source says whether " +
				"a webhook or an answer to a question told it.",
			Labels: []Label{{labelState, words(jobStates())}, {labelConclusion, conclusions()}, {labelSource, []string{sourceWebhook, sourceQuestion}}},
		},
		{
			Name: nameQueueTime, Kind: Histogram, Unit: unitSeconds,
			Help:    "How long jobs were queued, from when the fleet learned of them to the start that GitHub names.",
			Buckets: []float64{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 21600, 86400},
		},
		{
			Name: nameLaunchWait, Kind: Histogram, Unit: unitSeconds,
			Help: "From the acceptance of a job's delivery to the start of the launch call that it led to. Jobs that had to wait for room, " +
				"or found a machine ready, are not part of it.",
			Buckets: []float64{0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 1, 2, 5, 10, 30},
		},
	}
}

func machineMetrics() []Metric {
	return []Metric{
		{
			Name: nameLaunchCalls, Kind: Counter, Unit: "{call}",
			Help:   "Launch calls to the provider; an unanswered one is repeated with the same bytes.",
			Labels: []Label{{labelMarket, markets()}, {labelOutcome, words(controller.LaunchOutcomes())}},
		},
		{
			Name: namePlaces, Kind: Counter, Unit: "{place}",
			Help:   "Places of launches that got a machine (attached) or failed, by the class of the provider's code.",
			Labels: []Label{{labelMarket, markets()}, {labelOutcome, placeOutcomes()}},
		},
		{
			Name: nameMachines, Kind: Gauge, Unit: "{machine}",
			Help:   "Live machines by state, counted at most every five seconds.",
			Labels: []Label{{labelState, words(liveStates())}},
		},
		{
			Name: nameBootTime, Kind: Histogram, Unit: unitSeconds,
			Help:    "From a machine's launch to the hello of its agent.",
			Labels:  []Label{{labelMarket, markets()}},
			Buckets: []float64{0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 20, 30, 45, 60, 120, 300},
		},
		{
			Name: nameEnded, Kind: Counter, Unit: "{machine}",
			Help:   "Machines that ended, by their last state and why.",
			Labels: []Label{{labelState, []string{string(fleet.MachineGone), string(fleet.MachineFailed)}}, {labelReason, words(controller.EndReasons())}},
		},
		{
			Name: nameSurplus, Kind: Counter, Unit: "{machine}",
			Help:   "Machines that ended without ever having run a job, by why.",
			Labels: []Label{{labelReason, words(controller.EndReasons())}},
		},
	}
}

func gitHubMetrics() []Metric {
	return []Metric{
		{
			Name: nameMints, Kind: Counter, Unit: "{attempt}",
			Help:   "Attempts to register a runner.",
			Labels: []Label{{labelOutcome, words(controller.MintOutcomes())}},
		},
		{
			Name: nameDeletions, Kind: Counter, Unit: "{request}",
			Help:   "Requests to delete a registration, by GitHub's answer.",
			Labels: []Label{{labelOutcome, words(controller.DeletionOutcomes())}},
		},
		{
			Name: nameGitHubCalls, Kind: Counter, Unit: "{call}",
			Help: "Calls to GitHub by class of endpoint and of answer: limited is a refusal by a limit, no_answer one of which nothing came " +
				"back.",
			Labels: []Label{{labelClass, gitHubClasses()}, {labelStatus, gitHubStatuses()}},
		},
		{
			Name: nameGitHubBudget, Kind: Gauge, Unit: "{call}",
			Help:   "Calls that GitHub's primary limits still allow in this window: of the account that has the least left, as of its last answer.",
			Labels: []Label{{labelResource, resources()}},
		},
		{
			Name: nameGitHubPause, Kind: Gauge, Unit: unitSeconds,
			Help: "How long calls to GitHub are still held back after a refusal by a limit; 0 if none are.",
		},
	}
}

func workMetrics() []Metric {
	return []Metric{
		{
			Name: nameReconcile, Kind: Histogram, Unit: unitSeconds,
			Help:    "How long reconciles of a shape took, repetitions after conflicts included.",
			Buckets: []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5},
		},
		{
			Name: nameConflicts, Kind: Counter, Unit: "{conflict}",
			Help: "Decisions of reconciles that were made anew because another writer was faster.",
		},
		{
			Name: nameQueue, Kind: Gauge, Unit: "{message}",
			Help: "Messages of the queue: ready to be taken (later ones included), taken and not yet done with, or dead, which is after " +
				"too many attempts.",
			Labels: []Label{{labelState, queueStates()}},
		},
		{
			Name: nameDueLag, Kind: Gauge, Unit: unitSeconds,
			Help: "How long the row that waits longest has been due to be looked at; 0 if none is.",
		},
		{
			Name: nameSweep, Kind: Histogram, Unit: unitSeconds,
			Help:    "How long passes of periodic works took.",
			Labels:  []Label{{labelWork, words(controller.Sweeps())}},
			Buckets: []float64{0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300},
		},
		{
			Name: nameSweepErrors, Kind: Counter, Unit: "{pass}",
			Help:   "Passes of periodic works that ended early, to be tried again.",
			Labels: []Label{{labelWork, words(controller.Sweeps())}},
		},
		{
			Name: nameFallbacks, Kind: Counter, Unit: "{fallback}",
			Help:   "Fallbacks that were taken: second ways, because the first one did not work.",
			Labels: []Label{{labelKind, fallbackKinds()}},
		},
	}
}
