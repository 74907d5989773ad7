package telemetry

import (
	"slices"
	"strings"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/github"
	"github.com/runs-fleet/runs-fleet/internal/ingress"
)

// The names of the metrics, as OpenTelemetry spells them. They are given here and nowhere else.
const (
	nameDeliveries   = "runs_fleet.webhook.deliveries"
	nameJobMoves     = "runs_fleet.job.moves"
	nameQueueTime    = "runs_fleet.job.queue_time"
	nameLaunchWait   = "runs_fleet.launch.wait"
	nameLaunchCalls  = "runs_fleet.launch.calls"
	namePlaces       = "runs_fleet.launch.places"
	nameMachines     = "runs_fleet.machines"
	nameBootTime     = "runs_fleet.machine.boot_time"
	nameEnded        = "runs_fleet.machines.ended"
	nameSurplus      = "runs_fleet.machines.surplus"
	nameMints        = "runs_fleet.registrations"
	nameDeletions    = "runs_fleet.registration.deletions"
	nameGitHubCalls  = "runs_fleet.github.calls"
	nameGitHubBudget = "runs_fleet.github.remaining_calls"
	nameGitHubPause  = "runs_fleet.github.pause"
	nameReconcile    = "runs_fleet.reconcile.duration"
	nameConflicts    = "runs_fleet.reconcile.conflicts"
	nameQueue        = "runs_fleet.queue.messages"
	nameDueLag       = "runs_fleet.due.lag"
	nameSweep        = "runs_fleet.sweep.duration"
	nameSweepErrors  = "runs_fleet.sweep.errors"
	nameFallbacks    = "runs_fleet.fallbacks"
)

// The names of the labels.
const (
	labelOutcome    = "outcome"
	labelState      = "state"
	labelConclusion = "conclusion"
	labelSource     = "source"
	labelMarket     = "market"
	labelReason     = "reason"
	labelClass      = "class"
	labelStatus     = "status"
	labelResource   = "resource"
	labelWork       = "work"
	labelKind       = "kind"
)

// other stands for every value that a label's vocabulary does not have: what GitHub or a provider says may be any text.
const other = "other"

// Kind is what a metric does.
type Kind string

// The kinds. A counter only rises, a gauge is read when it is asked for.
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
)

// Label is a label of a metric with every value that it can have. No label names a job, a run, a runner or an instance.
type Label struct {
	Name   string
	Values []string
}

// Metric is one row of the table of metrics.
type Metric struct {
	Name    string // as OpenTelemetry spells it
	Kind    Kind
	Unit    string // "s", or what is counted in braces
	Help    string
	Labels  []Label
	Buckets []float64 // upper bounds of a histogram's, in its unit
}

// Prometheus returns the metric's name as Prometheus spells it.
func (m Metric) Prometheus() string {
	name := strings.ReplaceAll(m.Name, ".", "_")
	if m.Unit == unitSeconds {
		name += "_seconds"
	}
	if m.Kind == Counter {
		name += "_total"
	}
	return name
}

// Series is the most time series that the metric can have.
func (m Metric) Series() int {
	n := 1
	for _, l := range m.Labels {
		n *= len(l.Values)
	}
	if m.Kind == Histogram {
		const sumCountAndInfinity = 3
		n *= len(m.Buckets) + sumCountAndInfinity
	}
	return n
}

const unitSeconds = "s"

// value returns v, or "other" if the label's vocabulary does not have it.
func (l Label) value(v string) string {
	if slices.Contains(l.Values, v) {
		return v
	}
	return other
}

// words turns a vocabulary into a label's values.
func words[T ~string](all []T, more ...string) []string {
	out := make([]string, 0, len(all)+len(more))
	for _, w := range all {
		out = append(out, string(w))
	}
	return append(out, more...)
}

func jobStates() []fleet.JobState {
	return []fleet.JobState{fleet.JobWaiting, fleet.JobQueued, fleet.JobInProgress, fleet.JobCompleted}
}

func liveStates() []fleet.MachineState {
	return []fleet.MachineState{
		fleet.MachineStarting, fleet.MachineReady, fleet.MachineAssigned, fleet.MachineListening, fleet.MachineWorking, fleet.MachineRetiring,
	}
}

// conclusions are GitHub's (REST API, "Get a job for a workflow run"), then ours for jobs of which only the end is known,
// then that of a job that has not ended.
func conclusions() []string {
	return []string{
		"success", "failure", "cancelled", "skipped", "timed_out", "action_required", "neutral", "stale", "startup_failure",
		conclusionRunOver, conclusionDeleted, none, other,
	}
}

const (
	conclusionRunOver = "run_over"
	conclusionDeleted = "deleted"
	none              = "none"
	sourceWebhook     = "webhook"
	sourceQuestion    = "question"
	anyMarket         = "any"
)

func markets() []string { return []string{string(fleet.Spot), string(fleet.OnDemand), anyMarket} }

// queueStates are what a message of the queue can be.
func queueStates() []string { return []string{queueReady, queueTaken, queueDead} }

const (
	queueReady = "ready"
	queueTaken = "taken"
	queueDead  = "dead"
)

// resources are GitHub's primary limits that the control plane meets.
func resources() []string { return []string{"core", "actions_runner_registration", other} }

func gitHubClasses() []string  { return github.Classes() }
func gitHubStatuses() []string { return github.Statuses() }

func deliveryOutcomes() []string { return words(ingress.Outcomes()) }

func fallbackKinds() []string { return words(controller.Fallbacks(), other) }
