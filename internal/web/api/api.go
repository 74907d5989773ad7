// Package api is the REST API under /api/v1, with its OpenAPI 3.1 document. Who may call it is decided before it is reached.
package api

import (
	"context"
	"errors"
	"log/slog"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/runs-fleet/runs-fleet/internal/controller"
	"github.com/runs-fleet/runs-fleet/internal/fleet"
	"github.com/runs-fleet/runs-fleet/internal/seam"
	"github.com/runs-fleet/runs-fleet/internal/web/query"
	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

// Prefix is where the API lives.
const Prefix = "/api/v1"

// Config is what the API shows and does.
type Config struct {
	Queries *query.Queries
	Clock   seam.Clock
	Logger  *slog.Logger
	About   view.About
	// Why says in one sentence why a job waits.
	Why func(context.Context, fleet.JobID) (string, error)
	// Reasons is Why for many jobs, in their order; nil: each is asked for alone.
	Reasons func(context.Context, []fleet.JobID) ([]string, error)
	// JobLog returns the log of a job that has ended, from GitHub.
	JobLog func(context.Context, fleet.Repository, int64) ([]byte, error)
	// MachineLog returns a log of a machine that was archived or, of its console, what the provider still knows; nothing if
	// there is none.
	MachineLog func(context.Context, fleet.MachineID, fleet.Log) ([]byte, error)
	// Drain begins to drain and returns at once; Draining says whether it has been called.
	Drain    func()
	Draining func() bool
	// DeadLetters lists the oldest messages that could not be applied; Redrive returns all of them to the queue.
	DeadLetters func(ctx context.Context, limit int) ([]controller.DeadLetter, error)
	Redrive     func(context.Context) (int, error)
	// DeadCount says how many there are, at once.
	DeadCount func(context.Context) int
	// LoginURL makes a one-time address for a browser.
	LoginURL func(context.Context) (string, error)
}

type handlers struct{ Config }

// Register adds the API's routes to a mux.
func Register(mux humago.Mux, c Config) {
	settings := huma.DefaultConfig("runs-fleet", c.About.Version)
	settings.Info.Description = description
	settings.Tags = tags()
	settings.OpenAPIPath = Prefix + "/openapi"
	settings.DocsPath, settings.SchemasPath = "", ""
	settings.CreateHooks = nil // no $schema members in answers
	settings.RejectUnknownQueryParameters = true
	settings.AllowAdditionalPropertiesByDefault = true // answers grow by addition, and no client may break of it
	settings.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", Description: "The token of server.json, or one of api_tokens_file"},
		"session": {Type: "apiKey", In: "cookie", Name: "runs_fleet_session", Description: "A browser's login"},
	}
	settings.Security = []map[string][]string{{"token": {}}, {"session": {}}}
	a := humago.New(mux, settings)
	h := &handlers{c}
	h.registerJobs(a)
	h.registerMachines(a)
	h.registerFleet(a)
	h.registerQueue(a)
	exemplify(a)
}

// body wraps an answer as the library wants it.
type body[T any] struct {
	Body T
}

// fail turns an error into a problem. What is unexpected is logged, and its text kept from the caller.
func (h *handlers) fail(ctx context.Context, doing string, err error) error {
	switch {
	case errors.Is(err, query.ErrNotFound):
		return huma.Error404NotFound(err.Error())
	case errors.Is(err, query.ErrCursor):
		return huma.Error422UnprocessableEntity(err.Error())
	case ctx.Err() != nil:
		return huma.Error503ServiceUnavailable("the request ended before its answer was ready")
	default:
		h.Logger.ErrorContext(ctx, "answering the API", "doing", doing, "error", err)
		return huma.Error500InternalServerError("the server could not answer; its log says why")
	}
}
