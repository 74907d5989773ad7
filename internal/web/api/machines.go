package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/web/query"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

type machinesInput struct {
	Ended  bool   `query:"ended" doc:"Machines that ended lately, instead of those that live"`
	Cursor string `query:"cursor" doc:"The next of the page before" maxLength:"4096"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"The most machines of the page"`
}

type machineLogInput struct {
	Environment string `path:"environment" doc:"The environment" example:"default"`
	Region      string `path:"region" doc:"The region; local for the server's own machine" example:"local"`
	ID          string `path:"id" doc:"The provider's id" example:"m-3f21"`
	Log         string `path:"log" enum:"console,runner" doc:"console: what the machine printed while it booted; runner: the end of its runner's own log"`
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
	one := operation{
		id: "get-machine-log", tag: tagMachines, path: "/machines/{environment}/{region}/{id}/logs/{log}", summary: "Get a log of a machine",
		description: "Its end, at most 64 KiB. Logs of machines that have ended are kept for 30 days, longer than the machines' own entries: the console's of those that " +
			"failed, ended by themselves or fell silent, and the runners' of all.",
		errors: []int{http.StatusNotFound, http.StatusBadGateway},
	}
	huma.Register(a, text(one.get(), "The log", "[2026-03-14 12:00:03Z INFO Listener] Listening for Jobs\n"), h.machineLog)
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
	if m.State == fleet.MachineFailed || m.Archived {
		console, err := h.MachineLog(ctx, id, fleet.LogConsole)
		if err != nil { // the rest is worth showing without it
			h.Logger.WarnContext(ctx, "reading a machine's console log", "machine", id.String(), "error", err)
		}
		out.Console = string(console)
	}
	return &body[view.MachineDetails]{out}, nil
}

// machineLog finds a log in the machine's row, where it was archived, or at its provider.
func (h *handlers) machineLog(ctx context.Context, in *machineLogInput) (*logOutput, error) {
	id := fleet.MachineID{Site: fleet.Site{Environment: in.Environment, Region: in.Region}, ID: in.ID}
	out := &logOutput{ContentType: "text/plain; charset=utf-8", Source: "agent"}
	if l := fleet.Log(in.Log); l == fleet.LogRunner {
		m, err := h.Queries.Machine(ctx, id)
		if err != nil && !errors.Is(err, query.ErrNotFound) { // logs outlive rows
			return nil, h.fail(ctx, "reading a machine", err)
		}
		out.Body = []byte(m.Diagnostics)
	} else {
		out.Source = "machine"
	}
	if len(out.Body) > 0 {
		return out, nil
	}
	ctx, cancel := h.Clock.WithTimeout(ctx, logDeadline)
	defer cancel()
	var err error
	if out.Body, err = h.MachineLog(ctx, id, fleet.Log(in.Log)); err != nil {
		h.Logger.WarnContext(ctx, "reading a machine's log", "machine", id.String(), "log", in.Log, "error", err)
		return nil, huma.Error502BadGateway("the log could not be read from where it is kept; the server's log says why")
	}
	if len(out.Body) == 0 {
		return nil, huma.Error404NotFound(fmt.Sprintf("no %s log of machine %s is kept", in.Log, id))
	}
	return out, nil
}
