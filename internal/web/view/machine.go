package view

import (
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Machine is one machine and its registration as a runner.
type Machine struct {
	Environment string   `json:"environment" example:"default"`
	Region      string   `json:"region" doc:"local for machines that are processes of the server's own machine" example:"local"`
	ID          string   `json:"id" doc:"The provider's id, unique within environment and region" example:"m-3f21"`
	State       string   `json:"state" enum:"starting,ready,assigned,listening,working,retiring,stopping,stopped,failed,gone"`
	OS          string   `json:"os,omitempty" example:"linux"`
	Type        string   `json:"type,omitempty" doc:"The instance type; local for a process of the server's machine" example:"c7g.xlarge"`
	Market      string   `json:"market,omitempty" doc:"spot or on-demand, where machines are bought" example:"spot"`
	Repository  string   `json:"repository,omitempty" doc:"The repository that it is registered for"`
	Runner      string   `json:"runner,omitempty" doc:"The name of its newest registration" example:"rf-f1ee7000-0c41-1"`
	Labels      []string `json:"labels,omitempty" doc:"The labels that its runner has" nullable:"false"`
	Job         int64    `json:"job,omitempty" doc:"The job that it runs or ran, as GitHub says"`
	Reason      string   `json:"reason,omitempty" doc:"Why it retires or has failed"`

	Since    time.Time `json:"since" doc:"Since when it is in its state"`
	Launched time.Time `json:"launched" doc:"When it was ordered"`
	Ready    time.Time `json:"ready,omitzero" doc:"When its agent said hello"`
	Started  time.Time `json:"started,omitzero" doc:"When its worker process started"`
	Ended    time.Time `json:"ended,omitzero" doc:"When the provider said that it is gone, or it failed"`
}

// MachineDetails is a machine with all that is known of it.
type MachineDetails struct {
	Machine
	Diagnostics string  `json:"diagnostics,omitempty" doc:"The end of the runner's own log, as the agent saw it"`
	Console     string  `json:"console,omitempty" doc:"What the machine printed while it booted, if it failed"`
	History     []Entry `json:"history" doc:"What happened to it, the oldest first" nullable:"false"`
}

// MachinePage is part of a list of machines.
type MachinePage struct {
	Machines []Machine `json:"machines" nullable:"false"`
	Next     string    `json:"next,omitempty" doc:"The cursor of the next page; absent on the last"`
}

// OfMachine shows a machine.
func OfMachine(m fleet.Machine) Machine {
	out := Machine{
		Environment: m.ID.Site.Environment, Region: m.ID.Site.Region, ID: m.ID.ID, State: string(m.State), OS: string(m.OS),
		Type: m.Type, Market: string(m.Market), Labels: m.Labels, Job: m.Job, Reason: m.Code,
		Since: m.Since, Launched: m.Launched, Ready: m.Ready, Started: m.WorkerStarted, Ended: m.Ended,
	}
	if m.Repository.Name != "" {
		out.Repository = m.Repository.FullName()
	}
	if r := m.Newest(); r != nil {
		out.Runner = r.Name
	}
	if out.Reason == "" && m.Retire != nil {
		out.Reason = m.Retire.Reason
	}
	return out
}
