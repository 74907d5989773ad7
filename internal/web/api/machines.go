package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

type machinesInput struct {
	Ended  bool   `query:"ended" doc:"Machines that ended lately, instead of those that live"`
	Cursor string `query:"cursor" doc:"The next of the page before" maxLength:"4096"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"The most machines of the page"`
}

type machineInput struct {
	Environment string `path:"environment" doc:"The environment" example:"default"`
	Region      string `path:"region" doc:"The region; local for the server's own machine" example:"local"`
	ID          string `path:"id" doc:"The provider's id" example:"m-3f21"`
}

func (h *handlers) registerMachines(a huma.API) {
	huma.Register(a, operation{
		id: "list-machines", tag: tagMachines, path: "/machines", summary: "List machines",
		description: "Those that live or, with ended=true, those that ended lately; the newest first.",
	}.get(), h.machines)
	huma.Register(a, operation{
		id: "get-machine", tag: tagMachines, path: "/machines/{environment}/{region}/{id}", summary: "Get a machine",
		description: "With its history, the end of its runner's own log and, if it failed, what it printed while it booted.",
		errors:      []int{http.StatusNotFound},
	}.get(), h.machine)
}

func (h *handlers) machines(ctx context.Context, in *machinesInput) (*body[view.MachinePage], error) {
	page, err := h.Queries.Machines(ctx, !in.Ended, in.Cursor, in.Limit)
	if err != nil {
		return nil, h.fail(ctx, "listing machines", err)
	}
	return &body[view.MachinePage]{page}, nil
}

func (h *handlers) machine(ctx context.Context, in *machineInput) (*body[view.MachineDetails], error) {
	id := fleet.MachineID{Site: fleet.Site{Environment: in.Environment, Region: in.Region}, ID: in.ID}
	m, err := h.Queries.Machine(ctx, id)
	if err != nil {
		return nil, h.fail(ctx, "reading a machine", err)
	}
	out := view.MachineDetails{Machine: view.OfMachine(m), Diagnostics: m.Diagnostics, History: view.OfHistory(m.History)}
	if m.State == fleet.MachineFailed {
		console, err := h.ConsoleLog(ctx, id)
		if err != nil { // the rest is worth showing without it
			h.Logger.WarnContext(ctx, "reading a machine's console log", "machine", id.String(), "error", err)
		}
		out.Console = string(console)
	}
	return &body[view.MachineDetails]{out}, nil
}
