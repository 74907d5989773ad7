package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/runs-fleet/runs-fleet/internal/web/view"
)

func (h *handlers) registerFleet(a huma.API) {
	huma.Register(a, operation{
		id: "status", tag: tagFleet, path: "/status", summary: "The fleet at a glance",
		description: "Counts of jobs that have not ended and of machines that live, and what the server is set to. Counts of a large fleet may be a second old.",
	}.get(), h.status)
	huma.Register(a, operation{
		id: "drain", tag: tagFleet, path: "/drain", summary: "Drain the fleet",
		description: "Nothing more is launched and idle machines end; running jobs go on to their end. It answers at once; the status tells how far draining " +
			"has come. Repeating it changes nothing. Only a restart of the server ends it.",
	}.post(http.StatusAccepted), h.drain)
	huma.Register(a, operation{
		id: "login-url", tag: tagFleet, path: "/login-urls", summary: "Make a one-time address that logs a browser in",
		description: "The address works once, within a day.",
	}.post(http.StatusCreated), h.loginURL)
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

func (h *handlers) loginURL(ctx context.Context, _ *struct{}) (*body[view.LoginURL], error) {
	address, err := h.LoginURL(ctx)
	if err != nil {
		return nil, h.fail(ctx, "making a one-time address", err)
	}
	return &body[view.LoginURL]{view.LoginURL{URL: address}}, nil
}
