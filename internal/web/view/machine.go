package view

import (
	"time"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
)

// Machine is one machine and its registration as a runner.
type Machine struct {
	Environment string   `json:"environment"`
	Region      string   `json:"region"`
	ID          string   `json:"id" doc:"The provider's id, unique within environment and region"`
	State       string   `json:"state" enum:"starting,ready,assigned,listening,working,retiring,stopping,stopped,failed,gone"`
	OS          string   `json:"os,omitempty"`
	Type        string   `json:"type,omitempty" doc:"The instance type; local for a process of the server's machine"`
	Market      string   `json:"market,omitempty"`
	Repository  string   `json:"repository,omitempty" doc:"The repository that it is registered for"`
	Runner      string   `json:"runner,omitempty" doc:"The name of its newest registration"`
	Labels      []string `json:"labels,omitempty" doc:"The labels that its runner has"`
	Job         int64    `json:"job,omitempty" doc:"The job that it runs or ran, as GitHub says"`
	Reason      string   `json:"reason,omitempty" doc:"Why it retires or has failed"`

	Since    time.Time `json:"since" doc:"Since when it is in its state"`
	Launched time.Time `json:"launched"`
	Ready    time.Time `json:"ready,omitzero" doc:"When its agent said hello"`
	Started  time.Time `json:"started,omitzero" doc:"When its worker process started"`
	Ended    time.Time `json:"ended,omitzero"`
}

// MachineDetails is a machine with all that is known of it.
type MachineDetails struct {
	Machine
	Diagnostics string  `json:"diagnostics,omitempty" doc:"The end of the runner's own log, as the agent saw it"`
	Console     string  `json:"console,omitempty" doc:"What the machine printed while it booted, if it failed"`
	History     []Entry `json:"history"`
}

// MachinePage is part of a list of machines.
type MachinePage struct {
	Machines []Machine `json:"machines"`
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
