package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

type deadInput struct {
	Limit int `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"The most messages"`
}

func (h *handlers) registerQueue(a huma.API) {
	huma.Register(a, operation{
		id: "list-dead-letters", tag: tagQueue, path: "/queue/dead", summary: "List messages that could not be applied",
		description: "The oldest first, each with why it failed. A queue on SQS takes a second to look, and looks at 1,000 messages at most.",
	}.get(), h.dead)
	huma.Register(a, operation{
		id: "redrive", tag: tagQueue, path: "/queue/redrive", summary: "Try all messages anew that could not be applied",
		description: "They go back to the queue and are tried as often as before; what still fails comes back here. It answers when all have been returned.",
	}.post(http.StatusOK), h.redrive)
}

func (h *handlers) dead(ctx context.Context, in *deadInput) (*body[view.DeadLetters], error) {
	letters, err := h.DeadLetters(ctx, in.Limit+1)
	if err != nil {
		return nil, h.fail(ctx, "listing dead letters", err)
	}
	return &body[view.DeadLetters]{view.OfDeadLetters(letters, in.Limit)}, nil
}

func (h *handlers) redrive(ctx context.Context, _ *struct{}) (*body[view.Redriven], error) {
	n, err := h.Redrive(ctx)
	if err != nil {
		return nil, h.fail(ctx, "returning dead letters to the queue", err)
	}
	return &body[view.Redriven]{view.Redriven{Returned: n}}, nil
}
