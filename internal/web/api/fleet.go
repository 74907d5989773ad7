package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

func (h *handlers) registerFleet(a huma.API) {
	huma.Register(a, get("status", "/status", "The fleet at a glance"), h.status)
	huma.Register(a, post("drain", "/drain", "Launch nothing more and end idle machines; running jobs go on", http.StatusAccepted), h.drain)
	huma.Register(a, post("login-url", "/login-urls", "A one-time address that logs a browser in", http.StatusCreated), h.loginURL)
}

func (h *handlers) status(ctx context.Context, _ *struct{}) (*body[view.Status], error) {
	s, err := h.Queries.Status(ctx, h.About, h.Draining())
	if err != nil {
		return nil, h.fail(ctx, "counting", err)
	}
	return &body[view.Status]{s}, nil
}

func (h *handlers) drain(ctx context.Context, _ *struct{}) (*body[view.Drain], error) {
	h.Drain()
	s, err := h.Queries.Status(ctx, h.About, h.Draining())
	if err != nil {
		return nil, h.fail(ctx, "counting", err)
	}
	return &body[view.Drain]{view.Drain{Draining: s.Draining, Live: s.Live}}, nil
}

func (h *handlers) loginURL(_ context.Context, _ *struct{}) (*body[view.LoginURL], error) {
	return &body[view.LoginURL]{view.LoginURL{URL: h.LoginURL()}}, nil
}
